// The rules by file and group, those first that have something to say.
import type { RuleGroup, Rules, Silence } from '@/api/alerting';
import { formatCount, formatDuration } from '@/logic/format';
import { formatAgo } from '@/logic/hosts/list';
import { useKeys } from '@/state/keys';
import { useUrlState } from '@/state/url';
import classes from './alerts.module.css';
import { RuleRow } from './RuleRow';
import { filters, keptRules, type StateFilter, stateOf } from './rules';
import own from './rules.module.css';

interface Props {
  rules: Rules;
  silences: readonly Silence[];
  onSilence: (matchers: string) => void;
}

export function RulesTab({ rules, silences, onSilence }: Props) {
  const { get, set } = useUrlState();
  const find = get('find');
  const state = filters.find((f) => f.id === get('state'))?.id ?? 'all';
  useKeys({ '/': () => document.querySelector<HTMLInputElement>('#rule-search')?.focus() });
  if (rules.groups.length === 0) return <None problems={rules.problems} />;
  const all = rules.groups.flatMap((g) => g.rules);
  const count = (id: StateFilter) => all.filter((r) => id === 'all' || stateOf(r) === id).length;
  const groups = keptRules(rules.groups, find, state);
  return (
    <>
      <Problems problems={rules.problems} />
      <div className={own.bar}>
        <input
          id="rule-search"
          type="search"
          className={own.find}
          placeholder="Find rules ( / )"
          aria-label="Find rules"
          value={find}
          onChange={(e) => set({ find: e.currentTarget.value }, { replace: true })}
        />
        <fieldset className={own.states}>
          <legend className="sr-only">State</legend>
          {filters.map((f) => (
            <button
              key={f.id}
              type="button"
              aria-pressed={f.id === state}
              onClick={() => set({ state: f.id === 'all' ? undefined : f.id }, { replace: true })}
            >
              {f.name} <span>{formatCount(count(f.id))}</span>
            </button>
          ))}
        </fieldset>
      </div>
      {groups.length === 0 && <p className={classes.nothing}>No rule is meant by this.</p>}
      {groups.map((g) => (
        <Group key={`${g.file} ${g.name}`} group={g} silences={silences} onSilence={onSilence} />
      ))}
    </>
  );
}

function Group({ group: g, silences, onSilence }: { group: RuleGroup } & Omit<Props, 'rules'>) {
  const now = Date.now();
  const facts = [
    `every ${formatDuration(g.interval * 1e9)}`,
    Date.parse(g.lastEvaluation) > 0 ? `last ${formatAgo(g.lastEvaluation, now)} ago` : 'not evaluated yet',
    g.missed > 0 && `${formatCount(g.missed)} evaluations missed`,
    !g.here && 'another process evaluates it',
  ];
  return (
    <section className={own.group} aria-label={`Group ${g.name}`}>
      <div className={own.groupHead}>
        <h2>{g.name}</h2>
        <span className={own.file} title={g.file}>
          {g.file}
        </span>
        <span className={g.missed > 0 ? own.warn : classes.soft}>{facts.filter(Boolean).join(', ')}</span>
      </div>
      {g.stateError && <p className={classes.error}>Its state cannot be kept: {g.stateError}</p>}
      <ul className={own.rules}>
        {g.rules.map((r) => (
          <RuleRow key={`${r.line} ${r.name}`} rule={r} silences={silences} onSilence={onSilence} />
        ))}
      </ul>
    </section>
  );
}

function Problems({ problems }: { problems: readonly string[] }) {
  if (problems.length === 0) return null;
  return (
    <div className={own.problems} role="alert">
      <strong>The files have mistakes; the rules that were there go on.</strong>
      <ul>
        {problems.map((p) => (
          <li key={p}>
            <code>{p}</code>
          </li>
        ))}
      </ul>
    </div>
  );
}

function None({ problems }: { problems: readonly string[] }) {
  return (
    <>
      <Problems problems={problems} />
      <div className={classes.nothing}>
        <p>No rules are evaluated. They are files of Prometheus’ kind, which may also count log records and spans:</p>
        <pre>
          <code>clew run --rules deploy/rules</code>
        </pre>
        <p>
          <code>clew rules check</code>, <code>test</code> and <code>backtest</code> try them first.
        </p>
      </div>
    </>
  );
}

// One rule: its state and its question; opened, all of it, with its alerts and the records that show why they are active.
import { Button } from '@mantine/core';
import { IconBellOff, IconChevronDown, IconChevronRight } from '@tabler/icons-react';
import { useState } from 'react';
import { Link } from 'wouter';
import { onlyRunners, runsClew, useWhoami } from '@/api/access';
import type { Alert, Example, Rule, Silence } from '@/api/alerting';
import { ServiceBadge } from '@/components/ServiceBadge';
import { matchersOf, silences as silencesHold } from '@/logic/alerts/silences';
import { formatDuration, formatMoment } from '@/logic/format';
import { formatAgo } from '@/logic/hosts/list';
import { formatNumber } from '@/logic/metrics/series';
import { traceHref } from '@/logic/traceid';
import { useTime } from '@/state/time';
import classes from './alerts.module.css';
import { questionHref, stateOf } from './rules';
import own from './rules.module.css';

interface Props {
  rule: Rule;
  silences: readonly Silence[];
  onSilence: (matchers: string) => void;
}

export function RuleRow({ rule: r, silences, onSilence }: Props) {
  const state = stateOf(r);
  const [open, setOpen] = useState(state === 'firing' || state === 'failing');
  const firing = r.alerts.filter((a) => a.state === 'firing').length;
  return (
    <li className={own.rule}>
      <button type="button" className={own.ruleHead} aria-expanded={open} onClick={() => setOpen(!open)}>
        {open ? <IconChevronDown size={14} aria-hidden="true" /> : <IconChevronRight size={14} aria-hidden="true" />}
        <span className={classes.state} data-state={state}>
          {state}
        </span>
        <span className={own.ruleName}>{r.name}</span>
        <span className={own.lang}>{r.lang}</span>
        <code className={own.expr}>{r.query}</code>
        <span className={classes.soft}>{r.alerts.length > 0 && (firing > 0 ? `${firing} firing` : `${r.alerts.length} pending`)}</span>
      </button>
      {open && <Opened rule={r} silences={silences} onSilence={onSilence} />}
    </li>
  );
}

function Opened({ rule: r, silences, onSilence }: Props) {
  const { zone } = useTime();
  const facts: [string, string][] = [];
  if (r.lang !== 'promql') {
    facts.push([
      'counts',
      `${r.condition || 'records'} in ${formatDuration(r.window * 1e9)}${r.by.length > 0 ? ` by ${r.by.join(', ')}` : ''}`,
    ]);
  }
  if (r.duration > 0) facts.push(['for', formatDuration(r.duration * 1e9)]);
  if (r.keepFiringFor > 0) facts.push(['keep firing for', formatDuration(r.keepFiringFor * 1e9)]);
  for (const [key, value] of Object.entries(r.labels)) facts.push([key, value]);
  if (Date.parse(r.lastEvaluation) > 0) {
    facts.push(['evaluated', `${formatAgo(r.lastEvaluation, Date.now())} ago in ${formatDuration(r.evaluationTime * 1e9)}`]);
  }
  return (
    <div className={own.opened}>
      <div className={own.question}>
        <code>{r.query}</code>
        <Link href={questionHref(r, zone)}>Ask it</Link>
      </div>
      {r.lastError && (
        <p className={classes.error} role="alert">
          {r.lastError}
        </p>
      )}
      <dl className={own.facts}>
        {facts.map(([name, value]) => (
          <div key={name}>
            <dt>{name}</dt>
            <dd>{value}</dd>
          </div>
        ))}
      </dl>
      {r.alerts.map((a) => (
        <AlertCard
          key={JSON.stringify(a.labels)}
          alert={a}
          silenced={silences.some((s) => silencesHold(s.matchers, a.labels))}
          onSilence={onSilence}
        />
      ))}
      {r.type === 'alerting' && r.alerts.length === 0 && <p className={classes.soft}>Nothing is wrong by this rule.</p>}
    </div>
  );
}

function AlertCard({ alert: a, silenced, onSilence }: { alert: Alert; silenced: boolean; onSilence: (matchers: string) => void }) {
  const mayRun = runsClew(useWhoami().data);
  const { zone } = useTime();
  const summary = a.annotations.summary ?? a.annotations.description ?? '';
  const value = Number(a.value);
  return (
    <article className={own.alert} aria-label={`Alert ${Object.values(a.labels).join(' ')}`}>
      <div className={classes.alertHead}>
        <span className={classes.state} data-state={a.state}>
          {a.keepFiringSince ? 'kept firing' : a.state}
        </span>
        <span className={own.labels}>
          {Object.entries(a.labels)
            .filter(([key]) => key !== 'alertname')
            .map(([key, v]) => (
              <span key={key}>
                {key}=<b>{v}</b>
              </span>
            ))}
        </span>
        <span className={classes.soft}>
          value {Number.isNaN(value) ? a.value : formatNumber(value)}, since {formatMoment(Date.parse(a.activeAt), zone)}
        </span>
        {silenced ? (
          <span className={own.silenced}>
            <IconBellOff size={13} aria-hidden="true" /> silenced
          </span>
        ) : (
          <Button
            size="compact-xs"
            fw={500}
            variant="default"
            disabled={!mayRun}
            title={mayRun ? undefined : onlyRunners}
            leftSection={<IconBellOff size={13} />}
            onClick={() => onSilence(matchersOf(a.labels))}
          >
            Silence
          </Button>
        )}
      </div>
      {summary && <p className={own.summary}>{summary}</p>}
      <Runbook annotations={a.annotations} />
      {a.examples.length > 0 && (
        <ul className={own.examples} aria-label="Evidence">
          {a.examples.map((e) => (
            <Evidence key={`${e.time} ${e.spanId} ${e.text}`} example={e} />
          ))}
        </ul>
      )}
    </article>
  );
}

/** Only addresses of the web: an annotation may be made of what telemetry says. */
function Runbook({ annotations }: { annotations: Record<string, string> }) {
  const url = annotations.runbook_url ?? annotations.runbook ?? '';
  if (!/^https?:\/\//.test(url)) return null;
  return (
    <a href={url} target="_blank" rel="noreferrer noopener">
      Runbook
    </a>
  );
}

function Evidence({ example: e }: { example: Example }) {
  const { zone } = useTime();
  return (
    <li>
      <span className={own.when}>{formatMoment(Date.parse(e.time), zone).slice(11)}</span>
      {e.service && <ServiceBadge service={e.service} />}
      {e.severity && <span className={classes.soft}>{e.severity}</span>}
      <code className={own.text} title={e.text}>
        {e.text}
      </code>
      {e.traceId && <Link href={traceHref(e.traceId, zone, e.spanId)}>trace {e.traceId.slice(0, 8)}</Link>}
    </li>
  );
}

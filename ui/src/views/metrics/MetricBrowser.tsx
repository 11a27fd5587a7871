// What metrics there are: searched by name, unit and words, with the labels and values of one.

import { IconChevronDown, IconChevronRight } from '@tabler/icons-react';
import { useQuery } from '@tanstack/react-query';
import { useMemo, useState } from 'react';
import { labelNamesQuery, labelValuesShown, type MetricName, useLabelValues, useMetricNames } from '@/api/promql';
import { queryClient } from '@/api/queries';
import { ErrorNote } from '@/components/ErrorNote';
import { formatCount } from '@/logic/format';
import { familySelector, type Matcher, queryFor, selectorOf, withMatcher } from '@/logic/metrics/queries';
import { useTime } from '@/state/time';
import classes from './metrics.module.css';

interface Props {
  /** The query where a choice goes. */
  active: string;
  onChoose: (expr: string) => void;
  onReplace: (expr: string) => void;
}

const listedMax = 300;
const types = ['counter', 'gauge', 'histogram', 'summary', 'unknown'];

export function MetricBrowser({ active, onChoose, onReplace }: Props) {
  const { instants } = useTime();
  const { data, error, refetch } = useMetricNames(instants);
  const [text, setText] = useState('');
  const [type, setType] = useState('');
  const [open, setOpen] = useState('');
  const found = useMemo(() => {
    const words = text.toLowerCase().split(/\s+/).filter(Boolean);
    return (data?.names ?? []).filter((n) => {
      const all = `${n.name} ${n.otel} ${n.type} ${n.unit} ${n.help}`.toLowerCase();
      return (type === '' || n.type === type) && words.every((w) => all.includes(w));
    });
  }, [data, text, type]);
  const choose = async (n: MetricName) => {
    let classic = false;
    if (n.type === 'histogram') {
      // Whether a histogram has buckets as series is seen by their label.
      const answer = await queryClient.fetchQuery(labelNamesQuery(familySelector(n.name, n.type), instants)).catch(() => undefined);
      classic = answer?.labels.includes('le') ?? false;
    }
    onChoose(queryFor(n.name, n.type, classic));
  };
  const match = (n: MetricName, m: Matcher) => {
    const next = withMatcher(active, n.name, n.type, m);
    if (next !== undefined) onReplace(next);
    else onChoose(selectorOf(n.type === 'histogram' || n.type === 'summary' ? `${n.name}_count` : n.name, [m]));
  };
  return (
    <aside className={classes.browser} aria-label="Metrics">
      <div className={classes.find}>
        <input
          id="metric-search"
          type="search"
          placeholder="Find metrics ( / )"
          aria-label="Find metrics"
          value={text}
          onChange={(e) => setText(e.currentTarget.value)}
          onKeyDown={(e) => {
            if (e.key === 'Escape') e.currentTarget.blur();
            if (e.key === 'Enter' && found[0]) void choose(found[0]);
          }}
        />
        <select aria-label="Type" value={type} onChange={(e) => setType(e.currentTarget.value)}>
          <option value="">all types</option>
          {types.map((t) => (
            <option key={t}>{t}</option>
          ))}
        </select>
      </div>
      {error && <ErrorNote error={error} retry={() => void refetch()} />}
      <ul className={classes.names}>
        {found.slice(0, listedMax).map((n) => (
          <li key={`${n.name} ${n.otel}`}>
            <div className={classes.name}>
              <button
                type="button"
                className={classes.fold}
                aria-expanded={open === n.name}
                aria-label={`Labels of ${n.name}`}
                onClick={() => setOpen(open === n.name ? '' : n.name)}
              >
                {open === n.name ? <IconChevronDown size={12} /> : <IconChevronRight size={12} />}
              </button>
              <button type="button" className={classes.metric} title={`${n.help || n.name}\n${n.otel}`} onClick={() => void choose(n)}>
                {n.name}
              </button>
              <span className={classes.type}>{n.type}</span>
            </div>
            {open === n.name && <Labels metric={n} onMatch={(m) => match(n, m)} />}
          </li>
        ))}
      </ul>
      {data && found.length === 0 && (
        <p className={classes.soft}>{data.names.length === 0 ? 'No metrics in this time.' : 'None matches.'}</p>
      )}
      {found.length > listedMax && <p className={classes.soft}>and {formatCount(found.length - listedMax)} more: type to find them</p>}
    </aside>
  );
}

function Labels({ metric: n, onMatch }: { metric: MetricName; onMatch: (m: Matcher) => void }) {
  const { instants } = useTime();
  const match = familySelector(n.name, n.type);
  const { data } = useQuery(labelNamesQuery(match, instants));
  const [open, setOpen] = useState('');
  const names = (data?.labels ?? []).filter((l) => l !== '__name__');
  return (
    <div className={classes.about}>
      {n.help && <p>{n.help}</p>}
      <p className={classes.soft}>
        {[n.otel !== n.name && n.otel, n.unit && `in ${n.unit}`, `${formatCount(n.series)} series`].filter(Boolean).join(' · ')}
      </p>
      <ul>
        {names.map((l) => (
          <li key={l}>
            <button type="button" className={classes.labelName} aria-expanded={open === l} onClick={() => setOpen(open === l ? '' : l)}>
              {open === l ? <IconChevronDown size={12} /> : <IconChevronRight size={12} />}
              {l}
            </button>
            {open === l && <Values match={match} label={l} onMatch={onMatch} />}
          </li>
        ))}
      </ul>
    </div>
  );
}

function Values({ match, label, onMatch }: { match: string; label: string; onMatch: (m: Matcher) => void }) {
  const { instants } = useTime();
  const { data } = useLabelValues(match, label, instants);
  const values = data?.values ?? [];
  return (
    <ul className={classes.values}>
      {values.slice(0, labelValuesShown).map((value) => (
        <li key={value}>
          <button type="button" onClick={() => onMatch({ label, value })} title="Only these">
            {value || '(empty)'}
          </button>
        </li>
      ))}
      {values.length > labelValuesShown && <li className={classes.soft}>and more</li>}
    </ul>
  );
}

// Traces, spans, logs: one question, three ways to look at its answer. Each says how much it has.
import type { UseQueryResult } from '@tanstack/react-query';
import type { CountAnswer } from '@/api/answers';
import { formatCompact } from '@/logic/format';
import classes from './SearchPage.module.css';
import { type Kind, kinds, type SearchState } from './state';

const names: Record<Kind, string> = { traces: 'Traces', spans: 'Spans', logs: 'Logs' };

export function Tabs({
  state,
  spans,
  logs,
}: {
  state: SearchState;
  spans: UseQueryResult<CountAnswer>;
  logs: UseQueryResult<CountAnswer>;
}) {
  const count = (kind: Kind) => {
    if (kind === 'traces') return '';
    const asked = kind === 'spans' ? spans : logs;
    if (asked.isError) return '–';
    return asked.data ? formatCompact(asked.data.count) : '…';
  };
  return (
    <div className={classes.tabs} role="tablist" aria-label="What to search">
      {kinds.map((kind) => (
        <button
          key={kind}
          type="button"
          role="tab"
          aria-selected={state.kind === kind}
          aria-controls="results"
          onClick={() => state.kind !== kind && state.setKind(kind)}
        >
          {names[kind]} <span className={classes.tabCount}>{count(kind)}</span>
        </button>
      ))}
    </div>
  );
}

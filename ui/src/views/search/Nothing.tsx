// No rows: why that may be, and what to do about it. Where nothing was ever sent, how to send.
import { Button } from '@mantine/core';
import { useCount } from '@/api/queries';
import { formatCount } from '@/logic/format';
import { zoomOut } from '@/logic/timerange';
import { useTime } from '@/state/time';
import { FirstSteps } from '@/views/start/FirstSteps';
import { DidYouMean } from './DidYouMean';
import classes from './Nothing.module.css';
import type { SearchState } from './state';

export function Nothing({ state, counts }: { state: SearchState; counts: { spans: number | undefined; logs: number | undefined } }) {
  const { range, now, setRange } = useTime();
  const { signal } = state.scope;
  const ever = useCount({ signal, query: state.query, start: '', end: '' });
  const spans = useCount({ signal: 'spans', query: '', start: '', end: '' });
  const logs = useCount({ signal: 'logs', query: '', start: '', end: '' });
  if (!spans.data || !logs.data || !ever.data) return null;
  if (spans.data.count + logs.data.count === 0) {
    return (
      <div className={classes.scroll}>
        <FirstSteps />
      </div>
    );
  }
  const other = signal === 'logs' ? counts.spans : counts.logs;
  const what = signal === 'logs' ? 'log records' : 'spans';
  return (
    <div className={classes.nothing}>
      <h2>Nothing here matches</h2>
      {ever.data.count > 0 ? (
        <p>
          {formatCount(ever.data.count)} {what} match at other times.
        </p>
      ) : (
        <p>
          Not at any time, in {formatCount((signal === 'logs' ? logs : spans).data?.count ?? 0)} {what}.
        </p>
      )}
      {ever.data.count === 0 && <DidYouMean scope={{ signal, query: state.query, start: '', end: '' }} ask={state.setQuery} />}
      <div className={classes.ways}>
        {ever.data.count > 0 && (
          <>
            <Button size="compact-sm" fw={500} fz={13} variant="default" onClick={() => setRange(zoomOut(range, now))}>
              Twice the time
            </Button>
            <Button size="compact-sm" fw={500} fz={13} variant="default" onClick={() => setRange({ from: 'now-30d', to: 'now' })}>
              Last 30 days
            </Button>
          </>
        )}
        {other !== undefined && other > 0 && (
          <Button size="compact-sm" fw={500} fz={13} variant="default" onClick={() => state.setKind(signal === 'logs' ? 'spans' : 'logs')}>
            {formatCount(other)} {signal === 'logs' ? 'spans' : 'log records'} match: show them
          </Button>
        )}
        {state.query && (
          <Button size="compact-sm" fw={500} fz={13} variant="default" onClick={() => state.setQuery('')}>
            Without the query
          </Button>
        )}
      </div>
    </div>
  );
}

// Search over traces, spans and logs: a query, facets, what there is over time, and the rows.
import { Button } from '@mantine/core';
import { IconPlayerPause, IconPlayerPlay } from '@tabler/icons-react';
import { useCallback, useEffect, useRef } from 'react';
import { type ApiError, mistakeIn } from '@/api/client';
import { useCount, useRecord } from '@/api/queries';
import { ErrorNote } from '@/components/ErrorNote';
import type { AnyRecord } from '@/logic/record';
import { useKeys } from '@/state/keys';
import { useHeld, useTime } from '@/state/time';
import { Answered } from './Answered';
import { ColumnPicker } from './ColumnPicker';
import { CopyMenu } from './CopyMenu';
import { DurationHeatmap } from './DurationHeatmap';
import { Facets } from './Facets';
import { Nothing } from './Nothing';
import { QueryBox } from './QueryBox';
import { GoneDetail, RecordDetail } from './RecordDetail';
import { RecordList } from './RecordList';
import classes from './SearchPage.module.css';
import { type SearchState, useSearchState } from './state';
import { Tabs } from './Tabs';
import { TraceList } from './TraceList';
import { type Results, useResults } from './useResults';
import { VolumeChart } from './VolumeChart';

export default function SearchPage() {
  const state = useSearchState();
  const time = useTime();
  const results = useResults(state);
  const spans = useCount({ ...state.scope, signal: 'spans' });
  const logs = useCount({ ...state.scope, signal: 'logs' });
  const count = state.kind === 'logs' ? logs : spans;
  const problem = mistakeIn(results.error) ?? mistakeIn(count.error);
  const selected = useSelected(state, results);
  useEffect(() => {
    document.title = state.query ? `${state.query} – clew` : 'clew';
  }, [state.query]);
  // What the user asked: with another question the list begins at its top; with the same one at a later now it stays where it is.
  const asked = [state.kind, state.query, time.range.from, time.range.to].join('\n');
  const onTop = useHoldWhileReading(state.selected !== '', asked);
  useKeys({
    '1': () => state.setKind('traces'),
    '2': () => state.setKind('spans'),
    '3': () => state.setKind('logs'),
    l: () => time.setLive(!time.live),
  });
  return (
    <div className={classes.page}>
      <h1 className="sr-only">Search</h1>
      <search className={classes.bar}>
        <Tabs state={state} spans={spans} logs={logs} />
        <QueryBox state={state} problem={problem} />
        <LiveButton />
      </search>
      <div className={classes.below}>
        <Facets state={state} />
        <div className={classes.main}>
          {!problem && (
            <div className={state.kind === 'logs' ? classes.charts : `${classes.charts} ${classes.two}`}>
              <VolumeChart state={state} />
              {state.kind !== 'logs' && <DurationHeatmap state={state} />}
            </div>
          )}
          <div className={classes.toolbar}>
            {problem ? (
              <span />
            ) : (
              <Answered kind={state.kind} count={count.data} stats={results.stats} stale={results.stale || count.isPlaceholderData} />
            )}
            <span className={classes.space} />
            {time.live && <Held />}
            {state.kind !== 'traces' && <ColumnPicker state={state} />}
            <CopyMenu state={state} />
          </div>
          <div className={selected ? `${classes.results} ${classes.withDetail}` : classes.results} id="results">
            <Rows
              onTop={onTop}
              asked={asked}
              state={state}
              results={results}
              problem={problem}
              counts={{ spans: spans.data?.count, logs: logs.data?.count }}
            />
            {selected === 'gone' && <GoneDetail state={state} />}
            {selected && selected !== 'gone' && <RecordDetail key={selected.id} record={selected} state={state} />}
          </div>
        </div>
      </div>
    </div>
  );
}

/** The open record: from the rows, or asked for where it is not among them (yet, or because it does not match). */
function useSelected(state: SearchState, results: Results): AnyRecord | 'gone' | undefined {
  const { selected: id, selectedTime, kind } = state;
  const at = results.selected;
  const wanted = id !== '' && kind !== 'traces' && at < 0 && !results.loading;
  const { data } = useRecord(state.scope.signal, selectedTime, id, wanted);
  if (id === '' || kind === 'traces') return undefined;
  if (at >= 0) return results.records.at(at);
  return data && (data.record ?? 'gone');
}

interface RowsProps {
  asked: string;
  onTop: (top: boolean) => void;
  state: SearchState;
  results: Results;
  problem: ApiError | undefined;
  counts: { spans: number | undefined; logs: number | undefined };
}

function Rows({ asked, state, results, problem, counts, onTop }: RowsProps) {
  if (problem) return <div className={classes.waitsForQuery}>The query has a mistake; it is marked above.</div>;
  if (results.error) return <ErrorNote error={results.error} retry={results.retry} />;
  if (results.loading) return <Waiting />;
  const empty = state.kind === 'traces' ? results.traces.length === 0 : results.records.count === 0;
  if (empty) return <Nothing state={state} counts={counts} />;
  if (state.kind === 'traces') return <TraceList key={asked} traces={results.traces} paged={results.paged} onTop={onTop} />;
  return <RecordList key={asked} state={state} records={results.records} selected={results.selected} paged={results.paged} onTop={onTop} />;
}

/** Rows must not move under the eyes of someone who reads them: neither below the top of the list nor with a record open. */
function useHoldWhileReading(reading: boolean, asked: string): (atTop: boolean) => void {
  const { hold } = useTime();
  const atTop = useRef(true);
  // biome-ignore lint/correctness/useExhaustiveDependencies: another question is another list, which begins at its top
  useEffect(() => {
    atTop.current = true;
  }, [asked]);
  useEffect(() => hold(reading || !atTop.current), [reading, hold]);
  useEffect(() => () => hold(false), [hold]);
  return useCallback(
    (top: boolean) => {
      atTop.current = top;
      hold(reading || !top);
    },
    [reading, hold],
  );
}

function Held() {
  return useHeld() ? <span className={classes.held}>live waits while you read; g goes back to the newest</span> : null;
}

function Waiting() {
  return (
    <div className={classes.waiting} aria-hidden="true">
      {Array.from({ length: 14 }, (_, i) => (
        // biome-ignore lint/suspicious/noArrayIndexKey: they are all the same
        <div key={i} className="skeleton" style={{ width: `${92 - ((i * 37) % 40)}%` }} />
      ))}
    </div>
  );
}

function LiveButton() {
  const { live, setLive } = useTime();
  return (
    <Button
      size="sm"
      h={32}
      fw={500}
      variant={live ? 'filled' : 'default'}
      leftSection={live ? <IconPlayerPause size={14} /> : <IconPlayerPlay size={14} />}
      aria-pressed={live}
      onClick={() => setLive(!live)}
    >
      Live
    </Button>
  );
}

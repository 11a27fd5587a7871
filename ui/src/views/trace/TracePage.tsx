// The page of a trace. The server's chain is drawn, never recomputed; the state is the URL's; what is drawn is derived in logic/trace.
import { Button, Skeleton } from '@mantine/core';
import { useEffect, useMemo, useRef, useState } from 'react';
import { Link, useParams } from 'wouter';
import { ApiError } from '@/api/client';
import { useSize } from '@/components/useSize';
import { searchHref } from '@/logic/address';
import { rowHeight } from '@/logic/trace/bars';
import { FlagMissing, nodeOf, type Trace } from '@/logic/trace/model';
import { useTheme } from '@/state/theme';
import { useTime } from '@/state/time';
import { Detail } from './Detail';
import { FlameGraph } from './FlameGraph';
import { Minimap } from './Minimap';
import { useFindInDetails, useTrace } from './requests';
import { Services } from './Services';
import { Splitter, useSplit } from './Splitter';
import { Statistics } from './Statistics';
import { Toolbar } from './Toolbar';
import { TraceHeader } from './TraceHeader';
import classes from './trace.module.css';
import { useActions } from './useActions';
import { useTraceKeys } from './useTraceKeys';
import { useTraceState } from './useTraceState';
import { useTraceView } from './useTraceView';
import { Waterfall } from './Waterfall';

export default function TracePage() {
  const { id = '' } = useParams<{ id: string }>();
  const answer = useTrace(id);
  if (answer.data) return <TraceBody key={id} trace={answer.data} reload={() => void answer.refetch()} reloading={answer.isFetching} />;
  if (answer.isError) return <Failed error={answer.error} retry={() => void answer.refetch()} />;
  return <Loading />;
}

function Loading() {
  return (
    <section className={classes.page} aria-busy="true" aria-label="Trace">
      <div className={classes.header}>
        <Skeleton height={24} width="40%" />
        <Skeleton height={16} width="60%" mt={8} />
      </div>
      <Skeleton height={64} radius={0} />
      <div className={classes.loadingRows}>
        {Array.from({ length: 18 }, (_, i) => i).map((i) => (
          <Skeleton key={i} height={12} mt={12} ml={`${(i * 7) % 40}%`} width={`${60 - ((i * 11) % 50)}%`} />
        ))}
      </div>
    </section>
  );
}

function Failed({ error, retry }: { error: Error; retry(): void }) {
  const missing = error instanceof ApiError && error.status === 404;
  const { zone, tick } = useTime();
  return (
    <section className={classes.page} aria-label="Trace">
      <div className={classes.failed}>
        <h1>{missing ? 'No such trace' : 'The trace could not be read'}</h1>
        <p>{error.message}</p>
        {missing && (
          <p className={classes.soft}>
            It may be too new (spans are sent in batches, seconds after they end), dropped by a sampler, or older than what is kept.
          </p>
        )}
        <div className={classes.failedActions}>
          <Button size="xs" onClick={retry}>
            Ask again
          </Button>
          <Button size="xs" variant="default" component={Link} href={searchHref(zone)} onClick={tick}>
            To the search
          </Button>
        </div>
      </div>
    </section>
  );
}

const findSettleMs = 300;

/** A value once it has stood still for a while. */
function useSettled(value: string): string {
  const [settled, setSettled] = useState(value);
  useEffect(() => {
    const timer = window.setTimeout(setSettled, findSettleMs, value);
    return () => window.clearTimeout(timer);
  }, [value]);
  return settled;
}

function TraceBody({ trace, reload, reloading }: { trace: Trace; reload(): void; reloading: boolean }) {
  const theme = useTheme();
  const [state, update] = useTraceState();
  const settled = useSettled(state.find);
  const inDetails = useFindInDetails(trace.traceId, settled);
  const view = useTraceView(trace, state, theme, state.find === settled ? inDetails.data : undefined);
  const actions = useActions(view, state, update);
  const find = useRef<HTMLInputElement>(null);
  const scroller = useRef<HTMLDivElement>(null);
  const panes = useRef<HTMLDivElement>(null);
  const size = useSize(panes);
  const split = useSplit(`clew.trace.detail.${state.dock}`, state.dock === 'right' ? 0.32 : 0.4);

  useTraceKeys({
    actions,
    timeline: state.view === 'timeline',
    toggleDetail: () => update({ detail: !state.detail }),
    focusFind: () => find.current?.select(),
    focusRows: () => scroller.current?.focus({ preventScroll: true }),
    scrollBy: (share) => {
      const box = scroller.current;
      if (box) box.scrollTop += Math.round((box.clientHeight * share) / rowHeight) * rowHeight;
    },
  });
  useEffect(() => {
    const before = document.title;
    document.title = `${trace.names[0] ?? 'Trace'} · clew`;
    return () => {
      document.title = before;
    };
  }, [trace]);

  const stepMissing = useMemo(
    () => () => {
      const from = Math.max(0, nodeOf(trace, state.span) + 1);
      const next = (at: number) => trace.flags.findIndex((f, i) => i >= at && (f & FlagMissing) !== 0);
      actions.selectNode(next(from) >= 0 ? next(from) : next(0), true);
    },
    [trace, state.span, actions],
  );

  const detail = state.detail && state.view === 'timeline' && (view.node >= 0 || view.log >= 0);
  const right = state.dock === 'right';
  const whole = right ? size.width : size.height;
  const detailSize = Math.round(Math.min(Math.max(split.share * whole, right ? 300 : 140), whole * 0.7));
  return (
    <section className={classes.page} aria-label="Trace">
      <TraceHeader trace={trace} actions={actions} stepMissing={stepMissing} reload={reload} reloading={reloading} />
      <Services trace={trace} state={state} update={update} />
      <Toolbar view={view} state={state} update={update} actions={actions} find={find} />
      <div ref={panes} className={classes.panes} data-dock={state.dock}>
        <div className={classes.main}>
          {state.view === 'timeline' && <Minimap view={view} raw={state.raw} actions={actions} theme={theme} />}
          {state.view === 'timeline' && <Waterfall view={view} state={state} actions={actions} theme={theme} scroller={scroller} />}
          {state.view === 'flame' && <FlameGraph view={view} state={state} update={update} theme={theme} />}
          {state.view === 'stats' && <Statistics trace={trace} state={state} update={update} />}
        </div>
        {detail && <Splitter split={split} at={whole - detailSize} width={whole} label="Size of the detail" flat={!right} behind />}
        {detail && (
          <div className={classes.docked} style={right ? { width: detailSize } : { height: detailSize }}>
            <Detail view={view} state={state} actions={actions} close={() => update({ detail: false })} />
          </div>
        )}
      </div>
    </section>
  );
}

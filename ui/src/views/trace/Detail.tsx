// The detail of what is selected: a span, a parent that was not received, or a log record.
import { ActionIcon, Skeleton } from '@mantine/core';
import { IconX } from '@tabler/icons-react';
import type { TraceState } from '@/logic/trace/location';
import { FlagMissing, spanIdOf } from '@/logic/trace/model';
import { LogDetail } from './LogDetail';
import { MissingDetail } from './MissingDetail';
import { SpanDetail } from './SpanDetail';
import classes from './trace.module.css';
import type { Actions } from './useActions';
import type { TraceView } from './useTraceView';

interface Props {
  view: TraceView;
  state: TraceState;
  actions: Actions;
  close(): void;
}

export function Detail({ view, state, actions, close }: Props) {
  const { trace: t, node, log } = view;
  const what = log >= 0 ? 'Log record' : node >= 0 && (t.flags[node] as number) & FlagMissing ? 'Parent that was not received' : 'Span';
  return (
    <aside className={classes.detail} aria-label={`${what}, detail`}>
      <div className={classes.detailTop}>
        <span className={classes.detailKind}>{what}</span>
        <ActionIcon size="sm" variant="subtle" color="gray" aria-label="Close the detail" onClick={close}>
          <IconX size={15} />
        </ActionIcon>
      </div>
      {log >= 0 ? (
        <LogDetail key={log} trace={t} log={log} raw={state.raw} actions={actions} />
      ) : node < 0 ? (
        <p className={classes.empty}>This span is not in the trace.</p>
      ) : (t.flags[node] as number) & FlagMissing ? (
        <MissingDetail trace={t} node={node} actions={actions} />
      ) : (
        <SpanDetail trace={t} node={node} spanId={spanIdOf(t, node)} raw={state.raw} actions={actions} />
      )}
    </aside>
  );
}

/** What stands there until the detail has come: as high as most of them, so that nothing jumps. */
export function DetailSkeleton() {
  return (
    <div className={classes.detailBody} aria-hidden="true">
      {[70, 90, 60, 80, 50, 75, 40].map((w) => (
        <Skeleton key={w} height={14} mt={8} width={`${w}%`} />
      ))}
    </div>
  );
}

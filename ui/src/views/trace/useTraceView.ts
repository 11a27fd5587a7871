// What the page shows, derived from the trace and the state: nothing of it is kept.
import { useDeferredValue, useMemo } from 'react';
import { serviceColor, type Theme } from '@/logic/color';
import { type Found, findInTrace } from '@/logic/trace/find';
import { foldedNodes } from '@/logic/trace/folding';
import type { TraceState } from '@/logic/trace/location';
import { extentOf, nodeOf, type Trace } from '@/logic/trace/model';
import { filterNodes, listRows, type Rows } from '@/logic/trace/rows';
import { clampWindow, type Window } from '@/logic/trace/scale';

export interface TraceView {
  trace: Trace;
  rows: Rows;
  folded: Uint8Array;
  filter: Uint8Array | null;
  found: Found | null;
  /** All times, and those in view. */
  whole: Window;
  window: Window;
  /** The selected row; -1 if none is, or if it has no row. */
  selected: number;
  /** The selected node and log record, whether they have a row or not; -1 if none. */
  node: number;
  log: number;
  /** By index of service. */
  colors: readonly string[];
}

export function useTraceView(trace: Trace, state: TraceState, theme: Theme, alsoFound: readonly string[] | undefined): TraceView {
  const folded = useMemo(() => foldedNodes(trace, state.folding), [trace, state.folding]);
  const filter = useMemo(
    () => filterNodes(trace, { hiddenServices: new Set(state.hidden), minPercent: state.minPercent }),
    [trace, state.hidden, state.minPercent],
  );
  const rows = useMemo(() => listRows(trace, folded, filter, state.logs), [trace, folded, filter, state.logs]);
  const find = useDeferredValue(state.find);
  const found = useMemo(() => {
    const also = alsoFound?.map((id) => nodeOf(trace, id)).filter((node) => node >= 0);
    return findInTrace(trace, find, also);
  }, [trace, find, alsoFound]);
  const whole = useMemo(() => extentOf(trace, state.raw), [trace, state.raw]);
  const window = useMemo(() => (state.window ? clampWindow(state.window, whole) : whole), [state.window, whole]);
  const colors = useMemo(() => trace.services.map((s) => serviceColor(s, theme)), [trace, theme]);
  const node = useMemo(() => nodeOf(trace, state.span), [trace, state.span]);
  const log = useMemo(() => (state.log ? trace.logs.id.indexOf(state.log) : -1), [trace, state.log]);
  const selected = node >= 0 ? (rows.rowOfNode[node] as number) : log >= 0 ? (rows.rowOfLog[log] as number) : -1;
  return { trace, rows, folded, filter, found, whole, window, selected, node, log, colors };
}

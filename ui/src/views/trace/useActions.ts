// What can be done on the page, by mouse and by key alike.
import { useMemo } from 'react';
import { nextFound } from '@/logic/trace/find';
import { foldAll, openAll, reveal, setFolded } from '@/logic/trace/folding';
import type { TraceState } from '@/logic/trace/location';
import { spanIdOf, type Trace } from '@/logic/trace/model';
import { hasBelow, isLog, logOf } from '@/logic/trace/rows';
import { isWhole, pan, type Window, zoom } from '@/logic/trace/scale';
import { nextOrigin, parentRow, stepRow, stepSpan } from '@/logic/trace/walk';
import type { Update } from './useTraceState';
import type { TraceView } from './useTraceView';

export interface Actions {
  select(row: number, detail?: boolean): void;
  selectNode(node: number, detail?: boolean): void;
  step(by: number): void;
  stepSpan(by: 1 | -1): void;
  stepFound(by: 1 | -1): void;
  stepOrigin(): void;
  toggle(row: number): void;
  /** As in any tree: right opens or goes in, left folds or goes out. */
  inward(): void;
  outward(): void;
  openAll(): void;
  foldAll(): void;
  show(window: Window): void;
  zoom(factor: number, around?: number): void;
  pan(share: number): void;
  /** Takes back, in turn: the detail, the words to find, the zoom, the selection. */
  escape(): void;
}

export function useActions(view: TraceView, state: TraceState, update: Update): Actions {
  return useMemo(() => makeActions(view, state, update), [view, state, update]);
}

/** The root above a node: what of it is seen once everything is folded. */
function rootOf(trace: Trace, node: number): number {
  let at = node;
  while ((trace.parent[at] as number) >= 0) at = trace.parent[at] as number;
  return at;
}

function makeActions(view: TraceView, state: TraceState, update: Update): Actions {
  const { trace, rows, whole, window } = view;
  const idOf = (node: number) => spanIdOf(trace, node);

  const select = (row: number, detail = state.detail) => {
    const what = rows.row[row];
    if (what === undefined) return;
    if (isLog(what)) update({ span: '', log: trace.logs.id[logOf(what)] ?? '', detail });
    else update({ span: idOf(what), log: '', detail });
  };
  const selectNode = (node: number, detail = state.detail) => {
    if (node < 0 || node >= trace.count) return;
    const patch: Partial<TraceState> = {
      span: idOf(node),
      log: '',
      detail,
      folding: reveal(trace, state.folding, view.folded, node, idOf),
    };
    // A filter must not hide what was asked for.
    if (view.filter?.[node] === 0) Object.assign(patch, { hidden: [], minPercent: 0 });
    update(patch);
  };
  const show = (w: Window) => update({ window: isWhole(w, whole) ? null : w });
  const setNodeFolded = (node: number, folded: boolean) => update({ folding: setFolded(state.folding, idOf(node), folded) });
  const foldable = (row: number) => {
    const what = rows.row[row];
    return what !== undefined && !isLog(what) && hasBelow(trace, what, state.logs) ? what : -1;
  };

  return {
    select,
    selectNode,
    step: (by) => select(stepRow(rows, view.selected, by)),
    stepSpan: (by) => select(stepSpan(rows, view.selected, by)),
    stepFound: (by) => {
      if (!view.found) return;
      const from = view.selected >= 0 ? view.selected : by > 0 ? -1 : 0;
      const at = nextFound(rows, view.found, from, by);
      if (at >= 0) return select(at);
      // What is found has no row: it is folded away or filtered out. Show the first.
      const hidden = view.found.node.indexOf(1);
      if (hidden >= 0) selectNode(hidden);
    },
    stepOrigin: () => selectNode(nextOrigin(trace, view.node), true),
    toggle: (row) => {
      const node = foldable(row);
      if (node >= 0) setNodeFolded(node, view.folded[node] !== 1);
    },
    inward: () => {
      const node = foldable(view.selected);
      if (node >= 0 && view.folded[node] === 1) setNodeFolded(node, false);
      else if (node >= 0) select(stepRow(rows, view.selected, 1));
    },
    outward: () => {
      const node = foldable(view.selected);
      if (node >= 0 && view.folded[node] !== 1) setNodeFolded(node, true);
      else select(parentRow(trace, rows, view.selected));
    },
    openAll: () => update({ folding: openAll }),
    foldAll: () => update({ folding: foldAll, ...(view.node >= 0 ? { span: idOf(rootOf(trace, view.node)) } : {}) }),
    show,
    zoom: (factor, around) => show(zoom(window, whole, factor, around)),
    pan: (share) => show(pan(window, whole, share)),
    escape: () => {
      if (state.detail) update({ detail: false });
      else if (state.find) update({ find: '' });
      else if (state.window) update({ window: null });
      else update({ span: '', log: '' });
    },
  };
}

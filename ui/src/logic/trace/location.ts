// The state of the trace page as the query part of its URL. What is as usual is left out, so that a link says only what is special.
import { type Folding, openAll, printFolding, readFolding } from './folding';
import { printWindow, readWindow, type Window } from './scale';
import type { StatColumn } from './stats';

export type View = 'timeline' | 'flame' | 'stats';
export type Dock = 'right' | 'bottom';

export interface TraceState {
  view: View;
  /** The selected span or log record, by id; at most one is not ''. */
  span: string;
  log: string;
  /** Whether the detail of the selected one is shown. */
  detail: boolean;
  dock: Dock;
  find: string;
  hidden: readonly string[];
  minPercent: number;
  folding: Folding;
  /** The times in view; null: all. */
  window: Window | null;
  raw: boolean;
  logs: boolean;
  sort: StatColumn;
  reverse: boolean;
  by: 'operation' | 'service';
  /** The span whose box fills the flame graph; '': all. */
  focus: string;
}

export const initialState: TraceState = {
  view: 'timeline',
  span: '',
  log: '',
  detail: false,
  dock: 'right',
  find: '',
  hidden: [],
  minPercent: 0,
  folding: openAll,
  window: null,
  raw: false,
  logs: true,
  sort: 'self',
  reverse: false,
  by: 'operation',
  focus: '',
};

function oneOf<T extends string>(v: string | null, allowed: readonly T[], usual: T): T {
  return allowed.find((a) => a === v) ?? usual;
}

const columns: readonly StatColumn[] = ['service', 'name', 'count', 'errors', 'total', 'self', 'mean', 'max'];

/** Reads the state; what makes no sense is as usual. */
export function readState(q: URLSearchParams): TraceState {
  const spanId = (key: string) => (/^[0-9a-f]{16}$/.test(q.get(key) ?? '') ? (q.get(key) ?? '') : '');
  const span = spanId('span');
  const log = span ? '' : (q.get('log') ?? '');
  const percent = Number(q.get('min') ?? 0);
  return {
    view: oneOf(q.get('view'), ['timeline', 'flame', 'stats'], 'timeline'),
    span,
    log,
    detail: (span !== '' || log !== '') && q.get('detail') !== '0',
    dock: oneOf(q.get('dock'), ['right', 'bottom'], 'right'),
    find: q.get('find') ?? '',
    hidden: q.getAll('hide'),
    minPercent: percent > 0 && percent <= 100 ? percent : 0,
    folding: readFolding(q.get('fold') ?? ''),
    window: readWindow(q.get('t') ?? ''),
    raw: q.get('clock') === 'raw',
    logs: q.get('logs') !== '0',
    sort: oneOf(q.get('sort'), columns, 'self'),
    reverse: q.get('reverse') === '1',
    by: oneOf(q.get('by'), ['operation', 'service'], 'operation'),
    focus: spanId('focus'),
  };
}

/** Writes the state into the parameters that are its own, and leaves others alone. */
export function writeState(s: TraceState, into: URLSearchParams): URLSearchParams {
  const q = new URLSearchParams(into);
  const set = (key: string, value: string) => {
    if (value === '') q.delete(key);
    else q.set(key, value);
  };
  set('view', s.view === 'timeline' ? '' : s.view);
  set('span', s.span);
  set('log', s.log);
  set('detail', !s.detail && (s.span || s.log) ? '0' : ''); // a link to a span shows what it is
  set('dock', s.dock === 'right' ? '' : s.dock);
  set('find', s.find);
  q.delete('hide');
  for (const service of s.hidden) q.append('hide', service);
  set('min', s.minPercent > 0 ? String(s.minPercent) : '');
  set('fold', printFolding(s.folding));
  set('t', s.window ? printWindow(s.window) : '');
  set('clock', s.raw ? 'raw' : '');
  set('logs', s.logs ? '' : '0');
  set('sort', s.sort === 'self' ? '' : s.sort);
  set('reverse', s.reverse ? '1' : '');
  set('by', s.by === 'operation' ? '' : s.by);
  set('focus', s.focus);
  return q;
}

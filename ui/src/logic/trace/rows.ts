// Which rows the waterfall has, and in which order. A row is a number: a node's index, or ~i for log record i. So 100,000 rows are one
// Int32Array, and folding a subtree is a jump to its end.
import type { Trace } from './model';
import { FlagError, FlagMissing } from './model';

/** What a filter says of a node. */
export const Hidden = 0;
export const Shown = 1;
/** Filtered out, but shown dimmed, because something below it is shown. */
export const Context = 2;

export interface Rows {
  readonly count: number;
  /** Node indexes, and ~i for log record i. */
  readonly row: Int32Array;
  /** The row of each node, -1 where it has none. */
  readonly rowOfNode: Int32Array;
  /** The row of each log record, -1 where it has none. */
  readonly rowOfLog: Int32Array;
}

export const isLog = (row: number) => row < 0;
export const logOf = (row: number) => ~row;

/** Whether a node can be folded: something stands below it. */
export function hasBelow(t: Trace, node: number, logs: boolean): boolean {
  return (t.end[node] as number) > node + 1 || (logs && (t.logs.start[node] as number) < (t.logs.start[node + 1] as number));
}

export interface Filter {
  /** Services that are not shown. */
  hiddenServices: ReadonlySet<string>;
  /** Spans shorter than this share (percent) of the trace are not shown; errors and missing parents always are. */
  minPercent: number;
}

/** What the filter says of each node; null when it lets everything through. */
export function filterNodes(t: Trace, f: Filter): Uint8Array | null {
  const services = Uint8Array.from(t.services, (s) => (f.hiddenServices.has(s) ? 1 : 0));
  const least = (t.durationNano * f.minPercent) / 100;
  if (least <= 0 && !services.includes(1)) return null;
  const out = new Uint8Array(t.count);
  for (let i = t.count - 1; i >= 0; i--) {
    const short = (t.duration[i] as number) < least && ((t.flags[i] as number) & (FlagError | FlagMissing)) === 0;
    if (!short && services[t.service[i] as number] === 0) out[i] = Shown;
    const p = t.parent[i] as number;
    if (out[i] !== Hidden && p >= 0 && out[p] === Hidden) out[p] = Context;
  }
  return out;
}

/** How many spans a filter leaves out altogether. */
export function hiddenCount(filter: Uint8Array | null): number {
  let n = 0;
  for (const v of filter ?? []) if (v === Hidden) n++;
  return n;
}

/**
 * Lists the rows: every node before its children, each log record inside its span at its time between the children. `folded` has a 1
 * for each node whose inside is not shown.
 */
export function listRows(t: Trace, folded: Uint8Array, filter: Uint8Array | null, logs: boolean): Rows {
  const row = new Int32Array(t.count + (logs ? t.logs.count : 0));
  const rowOfNode = new Int32Array(t.count).fill(-1);
  const rowOfLog = new Int32Array(t.logs.count).fill(-1);
  const open = new Int32Array(t.maxDepth + 2); // the path of open nodes; the first is the place of records without a node
  const nextLog = new Uint32Array(t.maxDepth + 2);
  let count = 0;
  let depth = 0;
  open[0] = t.count;
  nextLog[0] = t.logs.start[t.count] as number;

  const flush = (until: number) => {
    if (!logs) return;
    const stop = t.logs.start[(open[depth] as number) + 1] as number;
    let k = nextLog[depth] as number;
    for (; k < stop; k++) {
      const i = t.logs.order[k] as number;
      if ((t.logs.offset[i] as number) > until) break;
      rowOfLog[i] = count;
      row[count++] = ~i;
    }
    nextLog[depth] = k;
  };

  for (let i = 0; i < t.count; ) {
    while (depth > 0 && (t.end[open[depth] as number] as number) <= i) {
      flush(Number.POSITIVE_INFINITY);
      depth--;
    }
    const state = filter ? filter[i] : Shown;
    if (state === Hidden) {
      i = t.end[i] as number;
      continue;
    }
    flush(t.offset[i] as number);
    rowOfNode[i] = count;
    row[count++] = i;
    if (folded[i] === 1) {
      i = t.end[i] as number;
      continue;
    }
    depth++;
    open[depth] = i;
    // A dimmed span lends its place only: its records stay out.
    nextLog[depth] = t.logs.start[state === Context ? i + 1 : i] as number;
    i++;
  }
  for (; depth >= 0; depth--) flush(Number.POSITIVE_INFINITY);
  return { count, row: row.subarray(0, count), rowOfNode, rowOfLog };
}

/** The nearest row that shows a node: its own, or that of the ancestor it is folded into. -1 if none. */
export function rowShowing(t: Trace, rows: Rows, node: number): number {
  for (let i = node; i >= 0; i = t.parent[i] as number) {
    if ((rows.rowOfNode[i] as number) >= 0) return rows.rowOfNode[i] as number;
  }
  return -1;
}

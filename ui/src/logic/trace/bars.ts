// Where the rows on screen have their marks. The painter draws exactly this, and the mouse is tested against exactly this.
import { FlagError, FlagMissing, startOf, type Trace } from './model';
import { isLog, logOf, type Rows } from './rows';
import { toX, type Window } from './scale';

export const rowHeight = 24;
/** Shorter spans are drawn this wide, so that each can be seen and hit. */
export const barWidthMin = 2;

export interface Bars {
  /** The first row of these. */
  first: number;
  count: number;
  /** As in Rows. */
  row: Int32Array;
  x: Float64Array;
  width: Float64Array;
}

/** The rows that a viewport touches: [first, last). */
export function rowsInView(rows: number, scrollTop: number, height: number): { first: number; last: number } {
  const first = Math.max(0, Math.min(rows, Math.floor(scrollTop / rowHeight)));
  return { first, last: Math.max(first, Math.min(rows, Math.ceil((scrollTop + height) / rowHeight))) };
}

/** When a log record stands on the page. Records of a moved clock move with their span. */
export function logTime(t: Trace, log: number, raw: boolean): number {
  const node = t.logs.node[log] as number;
  return (t.logs.offset[log] as number) - (raw && t.skew && node >= 0 ? (t.skew[node] as number) : 0);
}

/** Lays out the marks of the rows [first, last). A log record has width 0. */
export function layOut(t: Trace, rows: Rows, first: number, last: number, w: Window, width: number, raw: boolean): Bars {
  const count = last - first;
  const out: Bars = { first, count, row: rows.row.subarray(first, last), x: new Float64Array(count), width: new Float64Array(count) };
  for (let k = 0; k < count; k++) {
    const row = out.row[k] as number;
    if (isLog(row)) {
      out.x[k] = toX(w, width, logTime(t, logOf(row), raw));
      continue;
    }
    const start = startOf(t, row, raw);
    const x = toX(w, width, start);
    out.x[k] = x;
    out.width[k] = Math.max(barWidthMin, toX(w, width, start + (t.duration[row] as number)) - x);
  }
  return out;
}

/** The pieces of the critical path in a node, as pixels [x, width, x, width, ...]. */
export function criticalPieces(t: Trace, node: number, w: Window, width: number, raw: boolean): number[] {
  const back = raw && t.skew ? (t.skew[node] as number) : 0;
  const out: number[] = [];
  for (let k = t.criticalStart[node] as number; k < (t.criticalStart[node + 1] as number); k++) {
    const x = toX(w, width, (t.criticalFrom[k] as number) - back);
    out.push(x, Math.max(1, toX(w, width, (t.criticalTo[k] as number) - back) - x));
  }
  return out;
}

/** The indentation of a depth, in pixels: narrower steps once the deepest would leave no room for its name. */
export function indentOf(depth: number, maxDepth: number, labelWidth: number): number {
  const step = Math.max(1, Math.min(14, (labelWidth * 0.45) / Math.max(1, maxDepth)));
  return Math.min(depth * step, labelWidth * 0.6);
}

export type Part = 'fold' | 'label' | 'bar' | 'time';
export interface Hit {
  row: number;
  part: Part;
}

/** What is at a point of the viewport; null below the last row. */
export function hitTest(t: Trace, rows: Rows, p: { x: number; y: number; scrollTop: number; labelWidth: number; bars: Bars }): Hit | null {
  const row = Math.floor((p.y + p.scrollTop) / rowHeight);
  if (row < 0 || row >= rows.count) return null;
  const what = rows.row[row] as number;
  if (p.x < p.labelWidth) {
    if (isLog(what)) return { row, part: 'label' };
    const indent = indentOf(t.depth[what] as number, t.maxDepth, p.labelWidth);
    return { row, part: p.x >= indent && p.x < indent + 20 ? 'fold' : 'label' };
  }
  const k = row - p.bars.first;
  if (k < 0 || k >= p.bars.count) return { row, part: 'time' };
  const x = p.x - p.labelWidth;
  const left = p.bars.x[k] as number;
  return { row, part: x >= left - 4 && x <= left + (p.bars.width[k] as number) + 4 ? 'bar' : 'time' };
}

/** What a node is beyond its name, in words; for labels, tooltips and screen readers. */
export function remark(t: Trace, node: number): string {
  const flags = t.flags[node] as number;
  if (flags & FlagMissing) return 'not received';
  if (flags & 4) return 'cut from a cycle';
  if (flags & 8) return 'duplicate span id';
  return flags & FlagError ? 'error' : '';
}

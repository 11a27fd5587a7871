// Where the keys lead: from a row to the next one of some kind.
import type { Trace } from './model';
import { isLog, logOf, type Rows } from './rows';

/** The row `by` rows further, held at the ends; from no row (-1) to the first. */
export function stepRow(rows: Rows, from: number, by: number): number {
  if (rows.count === 0) return -1;
  if (from < 0) return 0;
  return Math.max(0, Math.min(rows.count - 1, from + by));
}

/** The next row that is a span, or `from` where there is none further. */
export function stepSpan(rows: Rows, from: number, by: 1 | -1): number {
  for (let at = from < 0 && by < 0 ? -1 : from + by; at >= 0 && at < rows.count; at += by) {
    if (!isLog(rows.row[at] as number)) return at;
  }
  return from;
}

/** The row of what a row stands below; `from` at a root. */
export function parentRow(t: Trace, rows: Rows, from: number): number {
  const row = rows.row[from];
  if (row === undefined) return from;
  const parent = isLog(row) ? (t.logs.node[logOf(row)] as number) : (t.parent[row] as number);
  const at = parent < 0 ? -1 : (rows.rowOfNode[parent] as number);
  return at < 0 ? from : at;
}

/** The error origin after the one at `node`, around the end; -1 if there is none. */
export function nextOrigin(t: Trace, node: number): number {
  const at = t.errorOrigins.indexOf(node);
  return t.errorOrigins[(at + 1) % Math.max(1, t.errorOrigins.length)] ?? -1;
}

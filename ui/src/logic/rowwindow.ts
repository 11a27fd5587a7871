// Which rows of a long list exist: those in sight and some before and after them. The rows are of one height, so this is arithmetic; a list of
// 100,000 rows costs what a list of 60 does.

export interface RowWindow {
  first: number;
  end: number; // one behind the last
}

/** Rows kept before and after those in sight. */
const rowsAhead = 6;
/** The window moves by this many rows at a time, so that most scrolling needs no new rows at all. */
const rowsStep = 4;

/** The rows of a list of `count` that is `height` pixels high and scrolled down by `top`. */
export function rowWindow(top: number, height: number, rowHeight: number, count: number): RowWindow {
  const at = Math.floor(Math.max(0, top) / rowHeight);
  const first = Math.floor(Math.max(0, at - rowsAhead) / rowsStep) * rowsStep;
  const size = Math.ceil(height / rowHeight) + 2 * rowsAhead + rowsStep;
  return { first: Math.min(first, Math.max(0, count - 1)), end: Math.min(count, first + size) };
}

/** Where to scroll so that a row is in sight, with `above` pixels of the box covered at its top; `top` itself where it is already. */
export function topShowing(row: number, top: number, height: number, rowHeight: number, above: number): number {
  const start = row * rowHeight;
  if (start < top) return start;
  const last = start + rowHeight - (height - above);
  return Math.max(top, last);
}

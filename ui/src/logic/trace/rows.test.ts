import { describe, expect, test } from 'vitest';
import { foldAll, foldedNodes, openAll, printFolding, readFolding, reveal, setFolded } from './folding';
import { spanIdOf, type Trace, traceOf } from './model';
import { filterNodes, hiddenCount, isLog, listRows, logOf, type Rows, rowShowing } from './rows';
import { parseSkeleton } from './skeleton';
import { bigSkeleton, traceOfText } from './testtrace';
import { nextOrigin, parentRow, stepRow, stepSpan } from './walk';

const t = traceOfText(`
frontend "GET /cart" server @0 +120ms
  log @1ms 9 "began"
  frontend "cart.Get" client @10ms +40ms error
    cart "cart.Get" server @15ms +30ms error origin
      log @20ms 17 "no stock"
    log @49ms 9 "got"
  log @55ms 9 "between"
  frontend "render" @60ms +1ms
  log @119ms 9 "ended"
? batch "caller of batch" @200ms +1ms
  batch "late" @200ms +1ms
log @130ms 9 "without a span"
`);

const open = foldedNodes(t, openAll);
const shown = (trace: Trace, rows: Rows) =>
  [...rows.row].map((r) => (isLog(r) ? `"${trace.logs.body[logOf(r)]}"` : (trace.names[trace.name[r] as number] as string)));

describe('rows', () => {
  test('have each log record inside its span, at its time', () => {
    expect(shown(t, listRows(t, open, null, true))).toEqual([
      'GET /cart',
      '"began"',
      'cart.Get',
      'cart.Get',
      '"no stock"',
      '"got"',
      '"between"',
      'render',
      '"ended"',
      '"without a span"',
      'caller of batch',
      'late',
    ]);
  });

  test('are spans only where log records are not wanted', () => {
    const rows = listRows(t, open, null, false);
    expect(rows.count).toBe(t.count);
    expect([...rows.row]).toEqual([0, 1, 2, 3, 4, 5]);
    expect([...rows.rowOfLog]).toEqual([-1, -1, -1, -1, -1, -1]);
  });

  test('leave out what is inside a folded span, its log records too', () => {
    const folded = foldedNodes(t, setFolded(openAll, spanIdOf(t, 1), true));
    const rows = listRows(t, folded, null, true);
    expect(shown(t, rows)).toEqual([
      'GET /cart',
      '"began"',
      'cart.Get',
      '"between"',
      'render',
      '"ended"',
      '"without a span"',
      'caller of batch',
      'late',
    ]);
    expect(rows.rowOfNode[2]).toBe(-1);
    expect(rowShowing(t, rows, 2)).toBe(2);
  });

  test('know where each node and record is', () => {
    const rows = listRows(t, open, null, true);
    for (let r = 0; r < rows.count; r++) {
      const row = rows.row[r] as number;
      expect(isLog(row) ? rows.rowOfLog[logOf(row)] : rows.rowOfNode[row]).toBe(r);
    }
  });

  test('of a filtered service go, unless they lead to one that stays', () => {
    const filter = filterNodes(t, { hiddenServices: new Set(['frontend']), minPercent: 0 });
    expect([...(filter ?? [])]).toEqual([2, 2, 1, 0, 1, 1]);
    expect(shown(t, listRows(t, open, filter, true))).toEqual([
      'GET /cart',
      'cart.Get',
      'cart.Get',
      '"no stock"',
      '"without a span"',
      'caller of batch',
      'late',
    ]);
    expect(hiddenCount(filter)).toBe(1);
  });

  test('that are too short go, unless they are errors or missing', () => {
    const filter = filterNodes(t, { hiddenServices: new Set(), minPercent: 10 });
    expect([...(filter ?? [])]).toEqual([1, 1, 1, 0, 1, 0]);
  });

  test('are all there without a filter', () => {
    expect(filterNodes(t, { hiddenServices: new Set(['unknown']), minPercent: 0 })).toBeNull();
  });

  test('of 100,000 spans are listed, each once, in the chain order', () => {
    const big = traceOf(parseSkeleton(bigSkeleton(100_000)));
    const before = performance.now();
    const rows = listRows(big, foldedNodes(big, openAll), null, true);
    expect(performance.now() - before).toBeLessThan(1500);
    expect(rows.count).toBe(100_000);
    expect(rows.row.every((v, i) => v === i)).toBe(true);
    expect(listRows(big, foldedNodes(big, foldAll), null, true).count).toBe(1);
  });
});

describe('folding', () => {
  test('is a default and its exceptions', () => {
    const id = spanIdOf(t, 1);
    const one = setFolded(openAll, id, true);
    expect([...foldedNodes(t, one)]).toEqual([0, 1, 0, 0, 0, 0]);
    expect(setFolded(one, id, false)).toEqual(openAll);
    expect([...foldedNodes(t, setFolded(foldAll, id, false))]).toEqual([1, 0, 1, 1, 1, 1]);
  });

  test('goes into a URL and back', () => {
    for (const f of [openAll, foldAll, setFolded(openAll, spanIdOf(t, 2), true), setFolded(foldAll, spanIdOf(t, 0), false)]) {
      expect(readFolding(printFolding(f))).toEqual(f);
    }
    expect(readFolding('nonsense,,0123456789abcdef')).toEqual({ all: false, except: ['0123456789abcdef'] });
  });

  test('opens the way to a node', () => {
    const opened = reveal(t, foldAll, foldedNodes(t, foldAll), 2, (n) => spanIdOf(t, n));
    const rows = listRows(t, foldedNodes(t, opened), null, false);
    expect(rows.rowOfNode[2]).toBe(2);
    expect(reveal(t, openAll, open, 2, (n) => spanIdOf(t, n))).toBe(openAll);
  });
});

describe('walking', () => {
  const rows = listRows(t, open, null, true);
  test('row by row, held at the ends', () => {
    expect(stepRow(rows, -1, 1)).toBe(0);
    expect(stepRow(rows, 0, -1)).toBe(0);
    expect(stepRow(rows, 10, 5)).toBe(11);
    expect(stepRow(listRows(traceOfText(''), new Uint8Array(), null, true), -1, 1)).toBe(-1);
  });
  test('span by span, over log records', () => {
    expect(stepSpan(rows, 0, 1)).toBe(2);
    expect(stepSpan(rows, 7, -1)).toBe(3);
    expect(stepSpan(rows, 11, 1)).toBe(11);
    expect(stepSpan(rows, -1, 1)).toBe(0);
  });
  test('to the parent', () => {
    expect(parentRow(t, rows, 4)).toBe(3); // a log record's span
    expect(parentRow(t, rows, 3)).toBe(2);
    expect(parentRow(t, rows, 0)).toBe(0);
    expect(parentRow(t, rows, 9)).toBe(9);
  });
  test('to the error origins in turn', () => {
    expect(nextOrigin(t, -1)).toBe(2);
    expect(nextOrigin(t, 2)).toBe(2);
    expect(nextOrigin(traceOfText('a "x" @0 +1s'), -1)).toBe(-1);
  });
});

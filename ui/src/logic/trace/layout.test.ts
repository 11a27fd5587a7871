import { describe, expect, test } from 'vitest';
import { criticalPieces, hitTest, indentOf, layOut, remark, rowHeight, rowsInView } from './bars';
import { findInTrace, foundPlace, nextFound } from './find';
import { boxAt, flameOf } from './flame';
import { foldedNodes, openAll } from './folding';
import { initialState, readState, writeState } from './location';
import { minimapPixels } from './minimap';
import { extentOf, traceOf } from './model';
import { listRows } from './rows';
import { clampWindow, isWhole, pan, printWindow, readWindow, ticks, toTime, toX, zoom } from './scale';
import { parseSkeleton } from './skeleton';
import { sortStatistics, statistics } from './stats';
import { bigSkeleton, skeletonOfText, traceOfText } from './testtrace';

const text = `
frontend "GET /cart" server @0 +100ms self=30ms
  frontend "cart.Get" client @10ms +40ms error self=10ms
    cart "cart.Get" server @15ms +30ms error origin skew=5ms self=30ms
      log @20ms 17 "no stock left"
  frontend "cart.Get" client @60ms +30ms self=10ms
    cart "cart.Get" server @65ms +20ms self=20ms
  ? pay "caller of pay" @90ms +1ms
`;
const t = traceOfText(text);
const rows = listRows(t, foldedNodes(t, openAll), null, true);
const whole = extentOf(t, false);

describe('time scale', () => {
  test('goes to pixels and back', () => {
    expect(toX({ from: 0, to: 200 }, 100, 50)).toBe(25);
    expect(toTime({ from: 0, to: 200 }, 100, 25)).toBe(50);
  });
  test('stays inside of the trace', () => {
    expect(clampWindow({ from: -50, to: 50 }, whole)).toEqual({ from: 0, to: 100 });
    expect(clampWindow({ from: 0, to: 1e12 }, whole)).toEqual(whole);
    expect(clampWindow({ from: 5, to: 5 }, whole)).toEqual({ from: 5, to: 15 });
    expect(pan({ from: 0, to: 10e6 }, whole, -1)).toEqual({ from: 0, to: 10e6 });
    expect(pan({ from: 0, to: 10e6 }, whole, 0.5)).toEqual({ from: 5e6, to: 15e6 });
    expect(isWhole(zoom(whole, whole, 2), whole)).toBe(true);
  });
  test('zooms around a point that stays where it is', () => {
    const w = zoom({ from: 0, to: 100e6 }, whole, 0.5, 20e6);
    expect(toX(w, 1000, 20e6)).toBeCloseTo(toX(whole, 1000, 20e6));
  });
  test('has round ticks, never more than asked', () => {
    expect(ticks({ from: 0, to: 100 }, 5)).toEqual([0, 20, 40, 60, 80, 100]);
    for (const size of [10, 33, 1e3, 7.7e6, 1e9, 9.9e12]) {
      const at = ticks({ from: 0.3 * size, to: 1.3 * size }, 8);
      expect(at.length).toBeGreaterThan(1);
      expect(at.length).toBeLessThanOrEqual(9);
    }
  });
  test('goes into a URL and back', () => {
    expect(readWindow(printWindow({ from: -5, to: 1e9 }))).toEqual({ from: -5, to: 1e9 });
    for (const s of ['', '5', '9~5', 'a~b', '1~2', `0~${'9'.repeat(30)}`]) expect(readWindow(s)).toBeNull();
  });
});

describe('bars', () => {
  test('stand at their times', () => {
    const b = layOut(t, rows, 0, rows.count, whole, 1000, false);
    expect([...b.x]).toEqual([0, 100, 150, 200, 600, 650, 900]);
    expect([...b.width]).toEqual([1000, 400, 300, 0, 300, 200, 10]);
  });
  test('move back where the raw clock is asked for, log records with them', () => {
    const b = layOut(t, rows, 2, 4, whole, 1000, true);
    expect([...b.x]).toEqual([100, 150]);
  });
  test('are wide enough to be seen', () => {
    expect(layOut(t, rows, 0, 1, { from: 0, to: 1e18 }, 1000, false).width[0]).toBe(2);
  });
  test('are laid out for the rows in view only', () => {
    expect(rowsInView(100, 10 * rowHeight + 1, 2 * rowHeight)).toEqual({ first: 10, last: 13 });
    expect(rowsInView(5, 1e9, 500)).toEqual({ first: 5, last: 5 });
    expect(rowsInView(0, 0, 500)).toEqual({ first: 0, last: 0 });
  });
  test('can be hit', () => {
    const bars = layOut(t, rows, 0, rows.count, whole, 1000, false);
    const hit = (x: number, y: number) => hitTest(t, rows, { x, y, scrollTop: 0, labelWidth: 300, bars });
    expect(hit(300 + 500, 5)).toEqual({ row: 0, part: 'bar' });
    expect(hit(300 + 50, rowHeight + 5)).toEqual({ row: 1, part: 'time' });
    expect(hit(300 + 200, 3 * rowHeight + 5)).toEqual({ row: 3, part: 'bar' });
    expect(hit(indentOf(1, 2, 300) + 4, rowHeight + 5)).toEqual({ row: 1, part: 'fold' });
    expect(hit(200, rowHeight + 5)).toEqual({ row: 1, part: 'label' });
    expect(hit(500, 100 * rowHeight)).toBeNull();
  });
  test('of deep traces leave room for names', () => {
    expect(indentOf(5, 5, 300)).toBe(70);
    expect(indentOf(5000, 5000, 300)).toBeLessThanOrEqual(180);
  });
  test('carry the pieces of the critical path that the server found', () => {
    const s = skeletonOfText(text);
    s.critical = { node: [1, 0, 1], from: [10e6, 0, 40e6], to: [15e6, 10e6, 50e6] };
    const u = traceOf(parseSkeleton(s));
    expect(criticalPieces(u, 1, whole, 1000, false)).toEqual([100, 50, 400, 100]);
    expect(criticalPieces(u, 0, whole, 1000, false)).toEqual([0, 100]);
    expect(criticalPieces(u, 3, whole, 1000, false)).toEqual([]);
  });
  test('say what they are', () => {
    expect([0, 1, 5].map((i) => remark(t, i))).toEqual(['', 'error', 'not received']);
  });
});

describe('find', () => {
  const nodes = (s: string) => [...(findInTrace(t, s)?.node.entries() ?? [])].filter(([, v]) => v === 1).map(([i]) => i);
  test('looks for every word, in names, services, kinds and ids, in any case', () => {
    expect(nodes('cart.get')).toEqual([1, 2, 3, 4]);
    expect(nodes('CART.GET server')).toEqual([2, 4]);
    expect(nodes('error cart.get')).toEqual([1, 2]);
    expect(nodes('missing')).toEqual([5]);
    expect(nodes('000000000000000')).toEqual([0, 1, 2, 3, 4, 5]);
    expect(nodes('0000000000000002')).toEqual([1]);
    expect(nodes('nothing of it')).toEqual([]);
  });
  test('looks into log records', () => {
    expect(findInTrace(t, 'stock NO')?.log[0]).toBe(1);
    expect(findInTrace(t, 'stock')?.count).toBe(1);
  });
  test('adds what the server found', () => {
    expect(findInTrace(t, 'nothing', [3])?.count).toBe(1);
  });
  test('is off without words', () => {
    expect(findInTrace(t, '  ')).toBeNull();
  });
  test('goes from one to the next, around the end', () => {
    const f = findInTrace(t, 'pay');
    if (!f) throw new Error('nothing found');
    expect(nextFound(rows, f, -1, 1)).toBe(6);
    expect(nextFound(rows, f, 6, 1)).toBe(6);
    expect(nextFound(rows, f, 0, -1)).toBe(6);
    expect(foundPlace(rows, f, 6)).toEqual({ place: 1, shown: 1 });
    const none = findInTrace(t, 'absent');
    expect(none && nextFound(rows, none, 0, 1)).toBe(-1);
  });
});

describe('flame graph', () => {
  const f = flameOf(t);
  test('merges equal paths and is as wide as the self times', () => {
    expect(f.count).toBe(4);
    expect(f.width).toBe(100e6);
    expect([...f.spans]).toEqual([1, 2, 2, 1]);
    expect([...f.errors]).toEqual([0, 1, 1, 0]);
    expect([...f.total]).toEqual([100e6, 70e6, 50e6, 0]);
    expect([...f.x]).toEqual([0, 0, 0, 70e6]);
    expect(f.missing[3]).toBe(1);
  });
  test('finds the box at a point', () => {
    expect(boxAt(f, 2, 10e6)).toBe(2);
    expect(boxAt(f, 2, 60e6)).toBe(-1);
    expect(boxAt(f, 0, 99e6)).toBe(0);
  });
  test('keeps children inside of their parents', () => {
    const big = flameOf(traceOf(parseSkeleton(bigSkeleton(20_000))));
    for (let b = 0; b < big.count; b++) {
      const p = big.parent[b] as number;
      if (p < 0) continue;
      expect(big.x[b]).toBeGreaterThanOrEqual(big.x[p] as number);
      const over = (big.x[b] as number) + (big.total[b] as number) - (big.x[p] as number) - (big.total[p] as number);
      expect(over).toBeLessThan(1e-3);
    }
  });
});

describe('statistics', () => {
  test('sum up what was received', () => {
    const all = statistics(t, 'operation');
    expect(sortStatistics(all, 'self', false).map((r) => [r.service, r.name, r.count, r.total, r.self, r.errors])).toEqual([
      ['cart', 'cart.Get', 2, 50e6, 50e6, 1],
      ['frontend', 'GET /cart', 1, 100e6, 30e6, 0],
      ['frontend', 'cart.Get', 2, 70e6, 20e6, 1],
    ]);
    expect(statistics(t, 'service').map((r) => [r.service, r.count])).toEqual([
      ['frontend', 3],
      ['cart', 2],
    ]);
  });
  test('sort by any column, both ways', () => {
    const all = statistics(t, 'operation');
    expect(sortStatistics(all, 'name', false).map((r) => r.name)).toEqual(['GET /cart', 'cart.Get', 'cart.Get']);
    expect(sortStatistics(all, 'mean', true)[0]?.service).toBe('cart');
    expect(sortStatistics(all, 'max', false)[0]?.name).toBe('GET /cart');
  });
});

describe('minimap', () => {
  const colors = { service: Uint32Array.from([1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12]), error: 99 };
  test('has each span of a small trace on lines of its own', () => {
    const p = minimapPixels(t, whole, 100, 60, false, colors);
    const line = (y: number) => [p[y * 100], p[y * 100 + 20], p[y * 100 + 99]];
    expect(line(0)).toEqual([1, 1, 1]);
    expect(line(10)).toEqual([0, 99, 0]); // an error
  });
  test('costs little for 100,000 spans and shows every error', () => {
    const s = bigSkeleton(100_000);
    const big = traceOf(parseSkeleton(s));
    const before = performance.now();
    const p = minimapPixels(big, extentOf(big, false), 2000, 120, false, colors);
    expect(performance.now() - before).toBeLessThan(1500);
    expect(p.filter((v) => v === 99).length).toBeGreaterThanOrEqual(100);
  });
  test('of nothing is empty', () => {
    expect(minimapPixels(traceOfText(''), { from: 0, to: 1 }, 10, 10, false, colors).every((v) => v === 0)).toBe(true);
  });
});

describe('the URL', () => {
  test('is empty as usual', () => {
    expect(writeState(initialState, new URLSearchParams()).toString()).toBe('');
    expect(readState(new URLSearchParams())).toEqual(initialState);
  });
  test('holds the whole state, and leaves what is not its own alone', () => {
    const state = {
      ...initialState,
      view: 'flame' as const,
      span: '00000000000000ab',
      detail: true,
      dock: 'bottom' as const,
      find: 'a & b',
      hidden: ['x,y', 'z'],
      minPercent: 2.5,
      folding: { all: true, except: ['00000000000000ac'] },
      window: { from: 5, to: 500 },
      raw: true,
      logs: false,
      sort: 'count' as const,
      reverse: true,
      by: 'service' as const,
      focus: '00000000000000ad',
    };
    const q = writeState(state, new URLSearchParams('range=1h&hide=old'));
    expect(q.get('range')).toBe('1h');
    expect(readState(new URLSearchParams(q.toString()))).toEqual(state);
  });
  test('of nonsense is as usual', () => {
    expect(readState(new URLSearchParams('view=x&span=zz&min=-4&t=9&dock=left&sort=what'))).toEqual(initialState);
  });
});

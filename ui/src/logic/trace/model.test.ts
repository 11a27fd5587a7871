import { describe, expect, test } from 'vitest';
import { extentOf, mainRoot, nodeOf, spanIdOf, startOf, traceOf } from './model';
import { parseSkeleton, SkeletonError } from './skeleton';
import { bigSkeleton, emptySkeleton, skeletonOfText, traceOfText } from './testtrace';

const shop = `
frontend "GET /cart" server @0 +120ms
  frontend "cart.Get" client @10ms +40ms
    cart "cart.Get" server @15ms +30ms skew=3s
      log @20ms 17 "no stock"
      log @16ms 9 "asked"
  frontend "render" @60ms +50ms
batch "late" @200ms +10ms
log @5ms 9 "of a span that is not here"
`;

describe('the arrays of a trace', () => {
  const t = traceOfText(shop);

  test('keep the chain', () => {
    expect([...t.parent]).toEqual([-1, 0, 1, 0, -1]);
    expect([...t.depth]).toEqual([0, 1, 2, 1, 0]);
    expect([...t.end]).toEqual([4, 3, 3, 4, 5]);
    expect(mainRoot(t)).toBe(0);
  });

  test('group log records by span and sort them by time; those without a span stand behind', () => {
    const of = (node: number) => [...t.logs.order.slice(t.logs.start[node], t.logs.start[node + 1])].map((i) => t.logs.body[i]);
    expect(of(2)).toEqual(['asked', 'no stock']);
    expect(of(0)).toEqual([]);
    expect(of(t.count)).toEqual(['of a span that is not here']);
  });

  test('find spans by id', () => {
    for (let i = 0; i < t.count; i++) expect(nodeOf(t, spanIdOf(t, i))).toBe(i);
    expect(nodeOf(t, 'ffffffffffffffff')).toBe(-1);
    expect(nodeOf(t, 'not an id')).toBe(-1);
  });

  test('keep ids whose halves repeat apart', () => {
    const s = skeletonOfText(shop);
    s.nodes.span = ['0000000100000002', '0000000200000002', 'ffffffff80000000', 'ffffffffffffffff', '8000000000000002'];
    const u = traceOf(parseSkeleton(s));
    expect(s.nodes.span.map((id) => nodeOf(u, id))).toEqual([0, 1, 2, 3, 4]);
    expect(s.nodes.span).toEqual([0, 1, 2, 3, 4].map((i) => spanIdOf(u, i)));
  });

  test('show raw clocks as they were stated', () => {
    expect(startOf(t, 2, false)).toBe(15e6);
    expect(startOf(t, 2, true)).toBe(15e6 - 3e9);
    expect(extentOf(t, false)).toEqual({ from: 0, to: 210e6 });
    expect(extentOf(t, true)).toEqual({ from: -2985e6, to: 210e6 });
  });
});

test('a trace of log records only is a trace', () => {
  const t = traceOfText('log @0 9 "alone"');
  expect(t.count).toBe(0);
  expect(mainRoot(t)).toBe(-1);
  expect(t.logs.count).toBe(1);
});

describe('an answer that is not as documented is refused', () => {
  const broken: [string, (s: ReturnType<typeof emptySkeleton>) => unknown][] = [
    ['no object', () => null],
    ['a list', () => []],
    ['a column too short', (s) => ({ ...s, nodes: { ...s.nodes, duration: [1] } })],
    ['a child before its parent', (s) => ({ ...s, nodes: { ...s.nodes, parent: [1, -1, 1, 0, -1] } })],
    ['a service that is not listed', (s) => ({ ...s, nodes: { ...s.nodes, service: [99, 0, 0, 0, 0] } })],
    ['an index that is no integer', (s) => ({ ...s, nodes: { ...s.nodes, name: [0.5, 0, 0, 0, 0] } })],
    ['text for a number', (s) => ({ ...s, nodes: { ...s.nodes, offset: ['0', 0, 0, 0, 0] } })],
    ['an error origin outside', (s) => ({ ...s, errorOrigins: [5] })],
    ['a log record of no node', (s) => ({ ...s, logs: { ...s.logs, node: [5, 0, 0] } })],
    ['no start', (s) => ({ ...s, startUnixNano: 'now' })],
  ];
  test.each(broken)('%s', (_, breakIt) => {
    expect(() => parseSkeleton(breakIt(skeletonOfText(shop)))).toThrow(SkeletonError);
  });

  test('while null columns of an empty trace are not', () => {
    const s = emptySkeleton() as unknown as Record<string, unknown>;
    expect(parseSkeleton({ ...s, errorOrigins: null, clocks: null, critical: null, logs: null }).errorOrigins).toEqual([]);
  });
});

test('100,000 spans are decoded in a fraction of a second', () => {
  const s = bigSkeleton(100_000);
  const before = performance.now();
  const t = traceOf(parseSkeleton(s));
  expect(performance.now() - before).toBeLessThan(3000); // about 40 ms on an idle core; the machine may be busy
  expect(t.count).toBe(100_000);
  expect(t.maxDepth).toBe(2);
});

// The answers that the server's own tests write from Go's text traces: what the page draws is what query/chain computed.
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { criticalPieces, remark } from './bars';
import { flameOf } from './flame';
import { foldedNodes, openAll } from './folding';
import { extentOf, startOf, type Trace, traceOf } from './model';
import { listRows } from './rows';
import { parseSkeleton } from './skeleton';
import { statistics } from './stats';

const dir = join(import.meta.dirname, '../../fixtures');
const read = (name: string) => parseSkeleton(JSON.parse(readFileSync(join(dir, name), 'utf8')));
const nameOf = (t: Trace, node: number) => t.names[t.name[node] as number];

describe.each(readdirSync(dir).filter((f) => f.endsWith('.json')))('%s', (file) => {
  const s = read(file);
  const t = traceOf(s);

  test('keeps the server depths', () => {
    expect([...t.depth]).toEqual(s.nodes.depth);
  });

  test('has a row for each node', () => {
    expect(listRows(t, foldedNodes(t, openAll), null, true).count).toBe(t.count + t.logs.count);
  });

  test('has a critical path as long as the server says', () => {
    const width = t.durationNano;
    let sum = 0;
    for (let i = 0; i < t.count; i++) {
      const pieces = criticalPieces(t, i, { from: 0, to: width }, width, false);
      for (let k = 1; k < pieces.length; k += 2) sum += pieces[k] as number;
    }
    expect(sum).toBe(s.critical.to.reduce((all, to, i) => all + to - (s.critical.from[i] as number), 0));
  });

  test('sums up to the server service times, in the statistics and in the flame graph', () => {
    const mine = statistics(t, 'service').map((r) => [r.service, r.count, r.errors, r.self]);
    expect(mine.sort()).toEqual(s.serviceTimes.map((x) => [x.service, x.spans, x.errors, x.selfNano]).sort());
    expect(flameOf(t).width).toBe(s.serviceTimes.reduce((all, x) => all + x.selfNano, 0));
  });
});

test('parents that were not received are named as the server names them', () => {
  const t = traceOf(read('missing.json'));
  const missing = [...t.flags.keys()].filter((i) => remark(t, i) === 'not received').map((i) => nameOf(t, i));
  expect(missing).toEqual(['caller of frontend', 'span of frontend']);
});

test('a moved clock is shown beside the stated one', () => {
  const t = traceOf(read('skew.json'));
  const moved = [...t.offset.keys()].filter((i) => startOf(t, i, true) !== startOf(t, i, false));
  expect(moved.map((i) => t.services[t.service[i] as number])).toEqual(['cart', 'cart', 'cart']);
  expect(extentOf(t, true).from).toBe(-2985e6);
});

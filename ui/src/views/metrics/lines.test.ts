import { expect, test } from 'vitest';
import type { SequencesAnswer } from '@/api/promql';
import { linesMax, linesOf } from './lines';

const answer = (start: number, series: [Record<string, string>, (number | null)[]][], step = 10): SequencesAnswer => ({
  start,
  step,
  points: 3,
  series: series.map(([labels, values]) => ({ labels, values })),
  truncated: false,
  warnings: [],
});
const q = (expr: string, hidden = false) => ({ expr, hidden });

test('lines are named by what differs, the greatest first, hidden queries and empty series left out', () => {
  const one = answer(0, [
    [{ __name__: 'up', host: 'a' }, [1, 2, null]],
    [{ __name__: 'up', host: 'b' }, [9, null, null]],
    [{ __name__: 'up', host: 'c' }, [null, null, null]],
  ]);
  const { lines } = linesOf([q('up'), q('x', true)], [one, one]);
  expect(lines.map((l) => [l.letter, l.name, l.summary.max])).toEqual([
    ['A', '{host="b"}', 9],
    ['A', '{host="a"}', 2],
  ]);
  expect(linesOf([q('1 + 1')], [answer(0, [[{}, [2, 2, 2]]])]).lines[0]?.name).toBe('1 + 1');
});

test('answers for different times stand at their own times on one axis', () => {
  const old = answer(0, [[{}, [1, 2, 3]]]);
  const now = answer(10, [[{}, [7, 8, 9]]]);
  const shown = linesOf([q('a'), q('b')], [old, now]);
  expect([shown.start, ...shown.lines.map((l) => l.values)]).toEqual([10, [2, 3, null], [7, 8, 9]]);
  expect(linesOf([q('a'), q('b')], [answer(0, [[{}, [1, 2, 3]]], 7), now]).lines).toHaveLength(1);
});

test('there are only so many lines', () => {
  const many = answer(
    0,
    Array.from({ length: linesMax + 5 }, (_, i) => [{ n: String(i) }, [i, i, i]]),
  );
  expect(linesOf([q('a')], [many])).toMatchObject({ more: 5, lines: { length: linesMax } });
});

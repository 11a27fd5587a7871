import { expect, test } from 'vitest';
import { layersOf, stacked } from './volume';

const s = (value: string, counts: number[], more: object = {}) => ({ value, counts, absent: false, other: false, ...more });

test('severities merge into their classes, the loudest at the bottom', () => {
  const layers = layersOf(
    [s('9', [5, 6]), s('10', [1, 0]), s('18', [0, 2]), s('', [3], { absent: true }), s('21', [1, 1])],
    'severity',
    2,
    'light',
  );
  expect(layers.map((l) => [l.label, l.value, l.counts, l.total])).toEqual([
    ['fatal', 'fatal', [1, 1], 2],
    ['error', 'error', [0, 2], 2],
    ['info', 'info', [6, 6], 12],
    ['no severity', undefined, [3, 0], 3],
  ]);
  expect(stacked(layers)).toEqual([
    [1, 1],
    [1, 3],
    [7, 9],
    [10, 9],
  ]);
});

test('others and absent come last and cannot be filtered by', () => {
  const layers = layersOf([s('', [9], { other: true }), s('a', [1]), s('b', [4]), s('', [2])], 'service', 1, 'dark');
  expect(layers.map((l) => [l.label, l.value])).toEqual([
    ['b', 'b'],
    ['(empty)', ''],
    ['a', 'a'],
    ['others', undefined],
  ]);
});

test('errors stand on the ground', () => {
  const layers = layersOf([s('unset', [100]), s('error', [1])], 'status', 1, 'light');
  expect(layers.map((l) => l.label)).toEqual(['error', 'unset']);
  expect(stacked([])).toEqual([]);
});

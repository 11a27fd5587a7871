import { expect, test } from 'vitest';
import { cellsOf, durationBounds, heatColor, logTicks, rowsUsed } from './heat';

test('cells, and the rows in use', () => {
  const cells = cellsOf({
    bounds: [1e6, 1e7, 1e8],
    columns: [
      { counts: [0, 3, 0], errors: [] },
      { counts: [], errors: [] },
      { counts: [0, 1, 2], errors: [0, 0, 5] },
    ],
  });
  expect(cells).toEqual([
    { column: 0, row: 1, count: 3, errors: 0 },
    { column: 2, row: 1, count: 1, errors: 0 },
    { column: 2, row: 2, count: 2, errors: 2 },
  ]);
  expect(rowsUsed(cells)).toEqual({ first: 1, last: 2 });
  expect(rowsUsed([])).toBeUndefined();
});

test('more is stronger, and errors are another colour', () => {
  const at = (n: number, errors = 0) => heatColor(n, errors, 1000, 'light');
  expect(new Set([at(1), at(10), at(1000), at(10, 1)]).size).toBe(4);
  expect(at(1000)).toBe('rgb(14 52 92)');
  expect(heatColor(1, 0, 1, 'dark')).toBe('rgb(206 233 252)');
});

test('bounds are terms of the language', () => {
  expect(durationBounds(1_234_567, 65e9)).toEqual(['duration>=1.23ms', 'duration<=1m5s']);
  expect(durationBounds(1_500, undefined)).toEqual(['duration>=1.5us']);
  expect(durationBounds(0, undefined)).toEqual(['duration>=1ns']);
});

test('labels of the logarithmic axis', () => {
  expect(logTicks(2e5, 5e9)).toEqual([1e6, 1e7, 1e8, 1e9]);
  expect(logTicks(2e6, 5e7)).toEqual([3e6, 1e7, 3e7]);
  expect(logTicks(1, 1)).toEqual([1]);
});

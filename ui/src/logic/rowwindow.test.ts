import { expect, test } from 'vitest';
import { rowWindow, topShowing } from './rowwindow';

test('every row in sight is in the window, wherever the list is scrolled to', () => {
  const [height, rowHeight, count] = [600, 26, 1_000];
  for (let top = 0; top <= count * rowHeight - height; top += 13) {
    const { first, end } = rowWindow(top, height, rowHeight, count);
    expect(first * rowHeight).toBeLessThanOrEqual(top);
    expect(end * rowHeight).toBeGreaterThanOrEqual(top + height);
    expect(end - first).toBeLessThanOrEqual(24 + 12 + 4);
  }
});

test('scrolling by one row mostly keeps the window', () => {
  const moves = Array.from({ length: 600 }, (_, i) => rowWindow(i * 26, 600, 26, 10_000).first);
  expect(new Set(moves).size).toBeLessThanOrEqual(151);
});

test.each([
  ['an empty list', 0, 600, 0, { first: 0, end: 0 }],
  ['a short one', 0, 600, 3, { first: 0, end: 3 }],
  ['one scrolled past its end, as a list that became shorter is', 90_000, 600, 10, { first: 9, end: 10 }],
  ['a pulled-down one', -80, 600, 3, { first: 0, end: 3 }],
])('%s', (_, top, height, count, want) => expect(rowWindow(top, height, 26, count)).toEqual(want));

test('a row out of sight is brought to the nearer edge, below what covers the top', () => {
  expect(topShowing(2, 520, 600, 26, 26)).toBe(52);
  expect(topShowing(30, 520, 600, 26, 26)).toBe(520);
  expect(topShowing(50, 520, 600, 26, 26)).toBe(50 * 26 + 26 - 574);
});

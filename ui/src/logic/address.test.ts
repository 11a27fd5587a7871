import { expect, test } from 'vitest';
import { around, searchHref } from './address';

const now = Date.parse('2026-11-21T12:00:00Z');

test('a search keeps the choice of UTC', () => {
  expect(searchHref('local')).toBe('/search');
  expect(searchHref('utc')).toBe('/search?tz=utc');
  expect(searchHref('utc', { q: 'trace_id:1 a&b' })).toBe('/search?q=trace_id%3A1+a%26b&tz=utc');
});

test('what is older than the usual range is looked for at its time', () => {
  expect(around(now - 60_000, now - 59_000, now, 1_000)).toEqual({});
  expect(around(now - 7_200_000, now - 7_199_000, now, 1_000)).toEqual({
    from: '2026-11-21T09:59:59.000Z',
    to: '2026-11-21T10:00:02.000Z',
  });
  expect(around(now - 60_000, now + 5_000, now, 1_000)).toEqual({ from: '2026-11-21T11:58:59.000Z', to: '2026-11-21T12:00:06.000Z' });
});

import { expect, test } from 'vitest';
import {
  defaultRange,
  describeRange,
  rangeOf,
  resolveRange,
  resolveTime,
  shiftRange,
  stepFor,
  stepMs,
  toUnixNanos,
  zoomOut,
} from './timerange';

const now = Date.UTC(2026, 10, 21, 12, 0, 0);

test.each([
  ['now', now],
  ['now-15m', now - 900_000],
  ['now-1h30m', now - 5_400_000],
  ['now-2d', now - 172_800_000],
  ['2026-11-21', Date.UTC(2026, 10, 21)],
  ['2026-11-21T09:30', Date.UTC(2026, 10, 21, 9, 30)],
  ['2026-11-21 09:30:01.5', Date.UTC(2026, 10, 21, 9, 30, 1, 500)],
  ['2026-11-21T09:30:00Z', Date.UTC(2026, 10, 21, 9, 30)],
  ['2026-11-21T09:30:00+02:00', Date.UTC(2026, 10, 21, 7, 30)],
  ['1795256975214', 1795256975214],
  ['yesterday', Number.NaN],
  ['now-', Number.NaN],
  ['now-5y', Number.NaN],
  ['', Number.NaN],
])('%s', (text, want) => expect(resolveTime(text, now)).toBe(want));

test('what cannot be used falls back to the default', () => {
  const fallback = resolveRange(defaultRange, now);
  expect(resolveRange({ from: 'x', to: 'now' }, now)).toEqual(fallback);
  expect(resolveRange({ from: 'now', to: 'now-1h' }, now)).toEqual(fallback);
});

test('descriptions', () => {
  expect(describeRange(defaultRange, now, 'utc')).toBe('Last hour');
  expect(describeRange({ from: 'now-42m', to: 'now' }, now, 'utc')).toBe('Last 42m');
  expect(describeRange({ from: '2026-11-21T09:00Z', to: '2026-11-21T10:00Z' }, now, 'utc')).toBe('2026-11-21 09:00:00 – 10:00:00');
  expect(describeRange({ from: '2026-11-20T09:00Z', to: '2026-11-21T10:00Z' }, now, 'utc')).toBe(
    '2026-11-20 09:00:00 – 2026-11-21 10:00:00',
  );
});

test('zooming and shifting', () => {
  expect(zoomOut({ from: 'now-1h', to: 'now' }, now)).toEqual(rangeOf(now - 5_400_000, now));
  expect(shiftRange({ from: 'now-1h', to: 'now' }, -1, now)).toEqual(rangeOf(now - 5_400_000, now - 1_800_000));
  const point = rangeOf(now, now);
  expect(resolveRange(point, now + 1e6)).toEqual({ start: now, end: now + 1 });
  expect(rangeOf(now, now - 1000)).toEqual(rangeOf(now - 1000, now));
});

test('steps keep the number of buckets in bounds', () => {
  expect(stepFor({ start: now - 3_600_000, end: now }, 120)).toBe('30s');
  expect(stepFor({ start: now - 900_000, end: now }, 120)).toBe('10s');
  expect(stepFor({ start: now - 1, end: now }, 120)).toBe('1ms');
  expect(stepFor({ start: 0, end: now }, 120)).toBe('1w');
});

test('nanoseconds keep every millisecond', () => expect(toUnixNanos(1795256975214)).toBe('1795256975214000000'));

test('a step is a duration', () => {
  expect([stepMs('15s'), stepMs('1m30s'), stepMs('500ms')]).toEqual([15_000, 90_000, 500]);
  expect([stepMs(''), stepMs('0s'), stepMs('15'), stepMs('s')].every(Number.isNaN)).toBe(true);
});

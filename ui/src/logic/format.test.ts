import { describe, expect, test } from 'vitest';
import { formatBytes, formatCompact, formatCount, formatDuration, formatPercent, formatUnixNanos, splitUnixNanos } from './format';

test.each([
  [0, '0ns'],
  [950, '950ns'],
  [999.6, '1µs'],
  [1_250, '1.25µs'],
  [12_500, '12.5µs'],
  [999_960, '1ms'],
  [1_250_000, '1.25ms'],
  [345_678_900, '346ms'],
  [999_600_000, '1s'],
  [3_200_000_000, '3.2s'],
  [59_940_000_000, '59.9s'],
  [59_970_000_000, '1m'],
  [125_000_000_000, '2m 5s'],
  [12_000_000_000_000, '3h 20m'],
  [187_200_000_000_000, '2d 4h'],
  [86_401_000_000_000, '1d'],
  [-1_500_000, '-1.5ms'],
  [Number.NaN, '–'],
])('duration of %d ns is %s', (ns, want) => expect(formatDuration(ns)).toBe(want));

test('counts and bytes', () => {
  expect(formatCount(1234567)).toBe('1,234,567');
  expect([0, 999, 1000, 12_345, 999_960, 4_560_000].map(formatCompact)).toEqual(['0', '999', '1k', '12.3k', '1M', '4.56M']);
  expect([0, 812, 4_200, 1_500_000, 2e9].map(formatBytes)).toEqual(['0 B', '812 B', '4.2 kB', '1.5 MB', '2 GB']);
  expect([0, 0.0004, 0.034, 0.42, 1].map(formatPercent)).toEqual(['0%', '<0.1%', '3.4%', '42%', '100%']);
});

describe('nanoseconds since 1970', () => {
  const t = '1700000000123456789';
  test('keep every digit', () => {
    expect(splitUnixNanos(t)).toEqual({ ms: 1700000000123, rest: 456789 });
    expect(formatUnixNanos(t, 'utc', 9, true)).toBe('2023-11-14 22:13:20.123456789');
    expect(formatUnixNanos(t, 'utc', 3)).toBe('22:13:20.123');
    expect(formatUnixNanos(t, 'utc', 0)).toBe('22:13:20');
    expect(formatUnixNanos('1700000000000000005', 'utc', 9)).toBe('22:13:20.000000005');
  });
  test('that are none do not break a page', () => {
    expect(formatUnixNanos('', 'utc')).toBe('–');
    expect(formatUnixNanos('-5', 'local')).toBe('–');
    expect(formatUnixNanos('99999999999999999999999999', 'utc')).toBe('–');
  });
});

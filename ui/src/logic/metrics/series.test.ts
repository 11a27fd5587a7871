import { expect, test } from 'vitest';
import { commonLabels, csvOf, formatNumber, formatValue, rangeRows, seriesName, summaryOf, unitOf, without } from './series';

test('a series is named as PromQL would, and by what tells it from others', () => {
  expect(seriesName({ __name__: 'up', host: 'a"b' })).toBe('up{host="a\\"b"}');
  expect(seriesName({ __name__: 'up' })).toBe('up');
  expect(seriesName({})).toBe('{}');
  const all = [
    { job: 'x', host: 'a' },
    { job: 'x', host: 'b' },
  ];
  expect(commonLabels(all)).toEqual({ job: 'x' });
  expect(without({ job: 'x', host: 'a' }, { job: 'x' })).toEqual({ host: 'a' });
  expect(commonLabels([{ job: 'x' }])).toEqual({}); // alone, all of it is its name
});

test('units are read from names', () => {
  expect(unitOf('sum(node_memory_bytes)')).toBe('bytes');
  expect(unitOf('rate(io_bytes_total[5m])')).toBe('bytes');
  expect(unitOf('a_bytes / b_bytes')).toBe('none');
  expect(unitOf('histogram_quantile(0.9, rate(d_seconds_bucket[5m]))')).toBe('seconds');
  expect(unitOf('rate(cpu_seconds_total[5m])')).toBe('none');
  expect(unitOf('count(a_bytes)')).toBe('none');
});

test('numbers are short, and none is lost', () => {
  expect([0, 0.0123456, 12.3456, 9999, 12345, 1.5e-9, 2e15, Number.NaN, Number.NEGATIVE_INFINITY].map(formatNumber)).toEqual(
    ['0', '0.01235', '12.35', '9999', '12.3k', '1.5e-9', '2e+15', 'NaN', '-Inf'], // biome-ignore format: a list
  );
  expect(formatValue(0.25, 'seconds')).toBe('250ms');
  expect(formatValue(-2048, 'bytes')).toBe('-2.05 kB');
});

test('a summary passes over gaps', () => {
  expect(summaryOf([null, 1, 3, null])).toEqual({ points: 2, min: 1, mean: 2, max: 3, last: 3 });
  expect(summaryOf([null]).mean).toBeNaN();
});

test('a CSV file is quoted, and no formula', () => {
  expect(csvOf([['a,b', '=1+1', -5, null, 'x"y']])).toBe('"a,b",\'=1+1,-5,,"x""y"\r\n');
  expect(rangeRows(0, 1000, 2, [{ name: 'up', values: [1, null] }])).toEqual([
    ['time', 'up'],
    ['1970-01-01T00:00:00.000Z', 1],
    ['1970-01-01T00:00:01.000Z', null],
  ]);
});

import { expect, test } from 'vitest';
import { concerns, firingQuery, firingsOf, firingText } from './firings';

const labels = { __name__: 'ALERTS', alertstate: 'firing', alertname: 'Slow', host_name: 'a' };

test('values without a gap are one firing', () => {
  const all = firingsOf({ start: 1000, step: 10, points: 6, series: [{ labels, values: [1, 1, null, 1, null, 1] }] });
  expect(all.map(({ from, to, before }) => ({ from, to, before }))).toEqual([
    { from: 1000, to: 1020, before: true },
    { from: 1030, to: 1040, before: false },
    { from: 1050, to: undefined, before: false },
  ]);
  expect(firingText(all[0] as never)).toBe('Slow host_name=a');
});

test('of several alerts the first to fire is first', () => {
  const other = { ...labels, alertname: 'Full' };
  const series = [
    { labels, values: [null, 1] },
    { labels: other, values: [1, null] },
  ];
  expect(firingsOf({ start: 0, step: 1, points: 2, series }).map((f) => f.name)).toEqual(['Full', 'Slow']);
});

test('wide steps look at all that is between them', () => {
  expect(firingQuery(15_000)).toBe('ALERTS{alertstate="firing"}');
  expect(firingQuery(600_000)).toBe('max_over_time(ALERTS{alertstate="firing"}[600s])');
});

test('an alert concerns what its labels name', () => {
  const [f] = firingsOf({ start: 0, step: 1, points: 1, series: [{ labels, values: [1] }] });
  if (!f) throw new Error('no firing');
  expect([concerns(f, { host_name: 'a' }), concerns(f, { host_name: 'b' }), concerns(f, { service: 'x' }), concerns(f, {})]).toEqual([
    true,
    false,
    false,
    true,
  ]);
});

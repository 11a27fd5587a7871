import { expect, test } from 'vitest';
import { hostsAnswer } from '@/api/hosts';
import { formatAgo, networkOf, nextSort, parseSort, sortHosts, sparkPath, sparkQuery } from './list';

const answer = hostsAnswer(
  {
    hosts: [
      { host: 'web-10', status: 'up', lastHeard: '2026-11-21T12:00:00Z', traffic: [], lagSeconds: 0, lost: 0, load: { cpu: 0.5 } },
      {
        host: 'web-9',
        status: 'silent',
        lastHeard: '2026-11-20T12:00:00Z',
        heartbeat: '2026-11-20T12:00:00Z',
        traffic: [{ signal: 'logs', perSecond: 3, lastHeard: '2026-11-20T12:00:00Z' }],
        lagSeconds: 12,
        lost: 4,
        dropped: { full: 4 },
      },
      {
        host: 'db',
        status: 'up',
        lastHeard: '2026-11-21T12:00:01Z',
        traffic: [],
        lagSeconds: 0,
        lost: 0,
        load: { cpu: 0.9, inBytesPerSecond: 7 },
      },
    ],
    matched: 3,
    up: 2,
    silent: 1,
  },
  '',
);
const order = (text: string) => sortHosts(answer.hosts, parseSort(text)).map((h) => h.host);

test('hosts are sorted by what a column says; what is not known is last either way', () => {
  expect(order('')).toEqual(['web-10', 'web-9', 'db']);
  expect(order('name')).toEqual(['db', 'web-9', 'web-10']);
  expect(order('-name')).toEqual(['web-10', 'web-9', 'db']);
  expect(order('cpu')).toEqual(['db', 'web-10', 'web-9']);
  expect(order('-cpu')).toEqual(['web-10', 'db', 'web-9']);
  expect(order('heard')).toEqual(['db', 'web-10', 'web-9']);
  expect(order('logs')).toEqual(['web-9', 'db', 'web-10']);
  expect(order('lag')[0]).toBe('web-9');
});

test('a column is clicked: by it, the other way around, as before', () => {
  expect(parseSort('nonsense')).toBeUndefined();
  expect(nextSort(undefined, 'cpu')).toBe('cpu');
  expect(nextSort(parseSort('cpu'), 'cpu')).toBe('-cpu');
  expect(nextSort(parseSort('-cpu'), 'cpu')).toBeUndefined();
  expect(nextSort(parseSort('-cpu'), 'name')).toBe('name');
});

test('in and out are one number where both are known', () => {
  const [a, , c] = answer.hosts;
  expect(a && networkOf(a)).toBeNaN();
  expect(c && networkOf(c)).toBe(7);
});

test('small charts have gaps where there is nothing, and dots for lone values', () => {
  expect(sparkPath([0, 1, null, 0.5], 30, 12, 1)).toBe('M0.0 11.0L0.0 11.0L10.0 1.0M30.0 6.0L30.0 6.0');
  expect(sparkPath([2, 4], 10, 12)).toBe('M0.0 6.0L0.0 6.0L10.0 1.0');
  expect(sparkPath([null], 10, 12)).toBe('');
  expect(sparkQuery('network', ['a.b', 'c'], '150s')).toContain('host_name=~"a\\\\.b|c"');
});

test('how long ago is said in one unit', () => {
  const now = Date.UTC(2026, 10, 21, 12);
  expect(['11:59:48', '11:57:00', '09:59:00'].map((t) => formatAgo(`2026-11-21T${t}Z`, now))).toEqual(['12s', '3m', '2h']);
  expect(formatAgo('2026-11-16T11:00:00Z', now)).toBe('5d');
  expect(formatAgo('2026-11-21T12:00:09Z', now)).toBe('0s');
  expect(formatAgo('', now)).toBe('–');
});

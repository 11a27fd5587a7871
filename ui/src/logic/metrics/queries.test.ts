import { expect, test } from 'vitest';
import { familySelector, queryFor, questionsMax, questionsOf, selectorOf, withMatcher, withQuestions } from './queries';

test('the address holds every query, also empty ones between others, and which are hidden', () => {
  const all = [
    { expr: 'up{a="b&c"}', hidden: false },
    { expr: '', hidden: false },
    { expr: 'rate(x[5m])', hidden: true },
  ];
  const search = withQuestions('?from=now-5m&expr=old', all);
  expect(new URLSearchParams(search).get('from')).toBe('now-5m');
  expect(questionsOf(search)).toEqual(all);
  expect(questionsOf('')).toEqual([{ expr: '', hidden: false }]);
  expect(withQuestions('', [{ expr: '', hidden: false }])).toBe('');
  expect(questionsOf(`?${'expr=a&'.repeat(100)}`)).toHaveLength(questionsMax);
});

test('names and labels that are no identifiers are quoted', () => {
  expect(selectorOf('up')).toBe('up');
  expect(selectorOf('up', [{ label: 'host.name', value: 'a"b\\c' }])).toBe('up{"host.name"="a\\"b\\\\c"}');
  expect(selectorOf('system.cpu.time', [{ label: 'cpu', value: '0' }])).toBe('{"system.cpu.time", cpu="0"}');
});

test('a metric is asked for by its type', () => {
  expect(queryFor('requests_total', 'counter', false)).toBe('rate(requests_total[5m])');
  expect(queryFor('memory_bytes', 'gauge', false)).toBe('memory_bytes');
  expect(queryFor('d_seconds', 'histogram', true)).toBe('histogram_quantile(0.95, sum by (le) (rate(d_seconds_bucket[5m])))');
  expect(queryFor('d_seconds', 'histogram', false)).toBe('histogram_quantile(0.95, sum(rate(d_seconds[5m])))');
  expect(familySelector('a.b', 'histogram')).toBe('{__name__=~"a\\\\.b(_bucket|_count|_sum)?"}');
});

test('a matcher goes wherever the metric is asked for, and in the place of one for the same label', () => {
  const m = { label: 'host', value: 'a' };
  expect(withMatcher('rate(up[5m]) / up', 'up', 'gauge', m)).toBe('rate(up{host="a"}[5m]) / up{host="a"}');
  expect(withMatcher('up{job="x,y}", host!~"b.*"}', 'up', 'gauge', m)).toBe('up{job="x,y}", host="a"}');
  expect(withMatcher('d_bucket{le="1"}', 'd', 'histogram', m)).toBe('d_bucket{le="1", host="a"}');
  expect(withMatcher('upper + "up" + sup', 'up', 'gauge', m)).toBeUndefined();
  expect(withMatcher('up{hostname="b"}', 'up', 'gauge', m)).toBe('up{hostname="b", host="a"}');
});

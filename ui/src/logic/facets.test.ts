import { expect, test } from 'vitest';
import { facetFields, facetValues, opensAtFirst } from './facets';

const field = (name: string, level: string, count: number, type = 'string') => ({ name, level, count, type });

test('facets: what people look for first, then by frequency; ids and prose never', () => {
  const fields = [
    field('resource.host.name', 'resource', 99),
    field('trace_id', 'field', 99, 'bytes'),
    field('session.id', 'record', 99),
    field('b', 'record', 2),
    field('a', 'record', 2),
    field('c', 'record', 9),
    field('status', 'field', 99),
    field('duration', 'field', 99),
    field('events', 'field', 9, 'json'),
    field('http.route', 'record', 1),
    field('resource.service.name', 'resource', 99),
  ];
  expect(facetFields(fields, 'spans').map((f) => f.name)).toEqual([
    'service',
    'status',
    'http.route',
    'c',
    'a',
    'b',
    'resource.host.name',
    'session.id',
  ]);
});

test('facets: words before measures, the tenant before both, and only what tells records apart stands open', () => {
  const fields = [
    field('took_ms', 'record', 99, 'double'),
    field('rows', 'record', 99, 'int'),
    field('plan', 'record', 5),
    field('scope.name', 'field', 99),
    field('tenant.id', 'record', 99),
    field('severity', 'field', 99, 'int'),
    field('resource.host.name', 'resource', 99),
  ];
  const shown = facetFields(fields, 'logs');
  expect(shown.map((f) => f.name)).toEqual(['severity', 'tenant.id', 'plan', 'rows', 'took_ms', 'resource.host.name', 'scope.name']);
  expect(shown.filter((f, i) => opensAtFirst(f, i, 'logs')).map((f) => f.name)).toEqual(['severity', 'tenant.id', 'plan']);
  expect(opensAtFirst(shown[2] as (typeof shown)[0], 6, 'logs')).toBe(false);
});

test('severities by class', () => {
  expect(
    facetValues('severity', [
      { value: '9', count: 5 },
      { value: '17', count: 1 },
      { value: '10', count: 2 },
      { value: '', count: 7 },
    ]),
  ).toEqual([
    { value: 'error', count: 1 },
    { value: 'info', count: 7 },
  ]);
  expect(facetValues('x', [{ value: '9', count: 5 }])).toEqual([{ value: '9', count: 5 }]);
});

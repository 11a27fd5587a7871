import { expect, test } from 'vitest';
import type { LogRecord, SpanRecord } from '@/api/records';
import { attributeField, fieldOf, filterable } from './record';

const base = {
  id: '1',
  traceId: 't',
  spanId: 's',
  service: 'cart',
  resource: { attributes: { host: 'h', 'service.name': 'cart' } },
  scope: { name: 'shop', version: '', attributes: {} },
};
const log: LogRecord = {
  ...base,
  timeUnixNano: '1',
  severity: 'INFO',
  severityNumber: 9,
  severityText: 'Info',
  body: 'b',
  eventName: '',
  attributes: { severity: 'mine', n: 5, list: [1, 'a'], host: 'own', toString: 'odd' },
};
const span: SpanRecord = {
  ...base,
  parentSpanId: '',
  name: 'GET',
  kind: 'server',
  startUnixNano: '1',
  durationNano: 1_500_000,
  status: 'error',
  statusMessage: 'm',
  attributes: {},
  events: [],
  links: [],
};

test('fields by their names', () => {
  const of = (...names: string[]) => names.map((n) => fieldOf(log, n));
  expect(of('service', 'severity', 'attr.severity', 'n', 'list', 'scope.name')).toEqual(['cart', 'INFO', 'mine', '5', '[1,"a"]', 'shop']);
  expect(of('host', 'resource.host', 'nothing', 'constructor', 'toString')).toEqual(['own', 'h', '', '', 'odd']);
  expect(['duration', 'status', 'parent_span_id', 'body'].map((n) => fieldOf(span, n))).toEqual(['1.5ms', 'error', '', '']);
});

test('names that ask for an attribute and nothing else', () => {
  expect(attributeField('attr', 'http.route', 'spans')).toBe('http.route');
  expect(attributeField('attr', 'name', 'spans')).toBe('attr.name');
  expect(attributeField('attr', 'name', 'logs')).toBe('name');
  expect(attributeField('attr', 'resource.x', 'logs')).toBe('attr.resource.x');
  expect(attributeField('resource', 'host.name', 'logs')).toBe('resource.host.name');
  expect(attributeField('resource', 'service.name', 'logs')).toBe('service');
});

test('what a filter can ask for', () => {
  expect(['a', 1, true, null, {}, [1], 'x'.repeat(2000)].map(filterable)).toEqual([true, true, true, false, false, false, false]);
});

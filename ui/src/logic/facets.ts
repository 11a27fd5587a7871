// Which fields are worth a facet, and in which order: those of few values that people look for first.
import type { Field, Group } from '@/api/answers';
import { severityClass } from './color';

const first: Record<'logs' | 'spans', string[]> = {
  logs: ['severity', 'service', 'event_name', 'tenant.id', 'exception.type'],
  spans: [
    'service',
    'status',
    'kind',
    'name',
    'http.response.status_code',
    'tenant.id',
    'http.route',
    'rpc.method',
    'db.system',
    'error.type',
    'exception.type',
  ],
};
const never = new Set([
  'time',
  'start',
  'duration',
  'body',
  'exceptions',
  'trace_id',
  'span_id',
  'parent_span_id',
  'trace_state',
  'observed_time',
  'flags',
  'resource_schema_url',
  'scope_schema_url',
  'severity_text',
  'status_message',
  'events',
  'links',
]);

const openMax = 6;

/** Whether a facet stands open before anybody asked: measures, and what says the same of all, would push the others out of sight. */
export function opensAtFirst(f: Field, at: number, signal: 'logs' | 'spans'): boolean {
  return at < openMax && (first[signal].includes(f.name) || (f.type === 'string' && f.level === 'record'));
}

/** Fields by the names that people use: `service` for the resource's service.name. */
export function named(fields: readonly Field[]): Field[] {
  return fields.map((f) => (f.name === 'resource.service.name' ? { ...f, name: 'service', level: 'field' } : f));
}

/**
 * The facets' fields. Attributes of the record come before those of its resource, words before measures, frequent ones before
 * rare ones.
 */
export function facetFields(fields: readonly Field[], signal: 'logs' | 'spans'): Field[] {
  const order = first[signal];
  const rank = (f: Field) => {
    const at = order.indexOf(f.name);
    if (at < 0 && /(^|[._])id$/.test(f.name)) return 1_000; // nearly every value is another
    if (at >= 0) return at;
    if (f.name.startsWith('scope.')) return 400;
    const measure = f.type === 'int' || f.type === 'double' ? 50 : 0;
    return ({ field: 100, record: 200, scope: 400, resource: 300 }[f.level] ?? 500) + measure;
  };
  return named(fields)
    .filter((f) => !never.has(f.name) && f.type !== 'json' && f.type !== 'bytes')
    .sort((a, b) => rank(a) - rank(b) || b.count - a.count || (a.name < b.name ? -1 : 1));
}

/** A facet's values as they are shown: severities by their class. */
export function facetValues(field: string, groups: readonly Group[]): Group[] {
  if (field !== 'severity') return [...groups];
  const counts = new Map<string, number>();
  for (const g of groups) {
    const name = severityClass(Number(g.value));
    if (name !== 'unset') counts.set(name, (counts.get(name) ?? 0) + g.count);
  }
  return ['fatal', 'error', 'warn', 'info', 'debug', 'trace'].flatMap((value) => {
    const count = counts.get(value);
    return count === undefined ? [] : [{ value, count }];
  });
}

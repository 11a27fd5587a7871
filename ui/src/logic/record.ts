// The fields of a record by the names that the search language gives them.
import type { Attributes, LogRecord, SpanRecord } from '@/api/records';
import { formatDuration, type UnixNanos } from './format';

export type AnyRecord = LogRecord | SpanRecord;

export const isSpan = (r: AnyRecord): r is SpanRecord => 'durationNano' in r;

/** The time that the record is listed by. */
export const timeOf = (r: AnyRecord): UnixNanos => (isSpan(r) ? r.startUnixNano : r.timeUnixNano);

const logFields: Record<string, (r: LogRecord) => unknown> = {
  time: (r) => r.timeUnixNano,
  severity: (r) => r.severity,
  severity_text: (r) => r.severityText,
  body: (r) => r.body,
  event_name: (r) => r.eventName,
};
const spanFields: Record<string, (r: SpanRecord) => unknown> = {
  start: (r) => r.startUnixNano,
  duration: (r) => formatDuration(r.durationNano),
  name: (r) => r.name,
  kind: (r) => r.kind,
  status: (r) => r.status,
  status_message: (r) => r.statusMessage,
  parent_span_id: (r) => r.parentSpanId,
};

/** The value of a field as text; '' where the record has none. A plain key looks at the record, its scope and its resource, in this order. */
export function fieldOf(r: AnyRecord, field: string): string {
  return textOf(lookUp(r, field));
}

function lookUp(r: AnyRecord, field: string): unknown {
  if (field === 'service') return r.service;
  if (field === 'trace_id') return r.traceId;
  if (field === 'span_id') return r.spanId;
  if (field === 'scope.name') return r.scope.name;
  if (field === 'scope.version') return r.scope.version;
  const known = isSpan(r) ? own(spanFields, field)?.(r) : own(logFields, field)?.(r);
  if (known !== undefined) return known;
  const level = /^(attr|scope|resource)\.(.+)$/.exec(field);
  const levels: Record<string, Attributes> = { attr: r.attributes, scope: r.scope.attributes, resource: r.resource.attributes };
  if (level?.[1] && level[2]) {
    const found = own(levels[level[1]] ?? {}, level[2]);
    if (found !== undefined) return found;
  }
  return own(r.attributes, field) ?? own(r.scope.attributes, field) ?? own(r.resource.attributes, field);
}

/** What an object has itself: keys come from strangers, and every object has a `toString`. */
function own<T>(from: Record<string, T>, key: string): T | undefined {
  return Object.hasOwn(from, key) ? from[key] : undefined;
}

/** A value as a filter or a cell shows it: text as it is, all else as JSON. */
export function textOf(v: unknown): string {
  if (v === undefined || v === null) return '';
  return typeof v === 'string' ? v : JSON.stringify(v);
}

/** The name by which a query asks for an attribute of a level. A plain key is right for the record's own, unless a field has that name. */
export function attributeField(level: 'attr' | 'scope' | 'resource', key: string, signal: 'logs' | 'spans'): string {
  if (level !== 'attr') return key === 'service.name' && level === 'resource' ? 'service' : `${level}.${key}`;
  const taken =
    Object.hasOwn(signal === 'logs' ? logFields : spanFields, key) ||
    ['service', 'trace_id', 'span_id', 'time'].includes(key) ||
    /^(attr|scope|resource|any)\b/.test(key);
  return taken ? `attr.${key}` : key;
}

/** A filter can ask for a plain value; an object or a list is asked for by its parts. */
export const filterable = (v: unknown): boolean => ['string', 'number', 'boolean'].includes(typeof v) && textOf(v).length <= 1_000;

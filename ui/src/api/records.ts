// A log record and a span, as the API tells them.
import type { Nanos, UnixNanos } from '@/logic/format';
import { bool, list, num, object, open, or, type Shape, str, wrong } from './validate';

export type Attributes = Record<string, unknown>;

export interface Resource {
  attributes: Attributes;
}

export interface Scope {
  name: string;
  version: string;
  attributes: Attributes;
}

export interface LogRecord {
  id: string;
  timeUnixNano: UnixNanos;
  severity: string;
  severityNumber: number;
  severityText: string;
  service: string;
  body: string;
  eventName: string;
  traceId: string;
  spanId: string;
  attributes: Attributes;
  resource: Resource;
  scope: Scope;
}

export interface SpanEvent {
  name: string;
  /** '' where the sender stated none. */
  timeUnixNano: UnixNanos;
  attributes: Attributes;
}

export interface SpanLink {
  traceId: string;
  spanId: string;
  traceState: string;
  attributes: Attributes;
}

export interface SpanRecord {
  id: string;
  traceId: string;
  spanId: string;
  parentSpanId: string;
  service: string;
  name: string;
  kind: string;
  startUnixNano: UnixNanos;
  durationNano: Nanos;
  status: string;
  statusMessage: string;
  attributes: Attributes;
  events: SpanEvent[];
  links: SpanLink[];
  resource: Resource;
  scope: Scope;
}

export interface Stats {
  tookMs: number;
  parts: number;
  heads: number;
  rowGroups: number;
  prunedTime: number;
  prunedVocab: number;
  prunedFilter: number;
  rowsMatched: number;
  rowsRebuilt: number;
  bytesRead: number;
  partial: boolean;
  reasons: string[];
  notes: string[]; // what agents are known not to have brought
}

const attributes = or(open, {});
const resource = or<Resource>(object<Resource>({ attributes }), { attributes: {} });
const text = or(str, '');
const scope = or<Scope>(object<Scope>({ name: text, version: text, attributes }), { name: '', version: '', attributes: {} });
const zero = or(num, 0);

export const logRecord: Shape<LogRecord> = object<LogRecord>({
  id: str,
  timeUnixNano: str,
  severity: text,
  severityNumber: zero,
  severityText: text,
  service: text,
  body: str,
  eventName: text,
  traceId: text,
  spanId: text,
  attributes,
  resource,
  scope,
});

const digits: Shape<string> = (v, at) => (typeof v === 'string' && /^\d+$/.test(v) ? v : wrong(at, 'a number in text'));

export const spanEvent: Shape<SpanEvent> = object<SpanEvent>({ name: text, timeUnixNano: or(digits, ''), attributes });
export const spanLink: Shape<SpanLink> = object<SpanLink>({ traceId: text, spanId: text, traceState: text, attributes });

export const spanRecord: Shape<SpanRecord> = object<SpanRecord>({
  id: str,
  traceId: str,
  spanId: str,
  parentSpanId: text,
  service: text,
  name: str,
  kind: str,
  startUnixNano: str,
  durationNano: num,
  status: str,
  statusMessage: text,
  attributes,
  events: or(list(spanEvent), []),
  links: or(list(spanLink), []),
  resource,
  scope,
});

export const stats: Shape<Stats> = object<Stats>({
  tookMs: num,
  parts: num,
  heads: num,
  rowGroups: num,
  prunedTime: num,
  prunedVocab: num,
  prunedFilter: num,
  rowsMatched: num,
  rowsRebuilt: num,
  bytesRead: num,
  partial: bool,
  reasons: or(list(str), []),
  notes: or(list(str), []),
});

// The answers of the API's endpoints.
import type { Millis, Nanos, UnixNanos } from '@/logic/format';
import { type LogRecord, logRecord, type Stats, stats } from './records';
import { bool, list, num, object, or, str } from './validate';

export interface Group {
  value: string;
  count: number;
}
const group = object<Group>({ value: str, count: num });

export interface CountAnswer {
  count: number;
  groups: Group[];
  other: number;
  absent: number;
  stats: Stats;
}
export const countAnswer = object<CountAnswer>({ count: num, groups: or(list(group), []), other: or(num, 0), absent: or(num, 0), stats });

export interface Suggestion {
  kind: string;
  text: string;
  replacement: string;
  query: string;
  count: number;
}
export interface SuggestAnswer {
  count: number;
  suggestions: Suggestion[];
}
const suggestion = object<Suggestion>({ kind: str, text: str, replacement: str, query: str, count: num });
export const suggestAnswer = object<SuggestAnswer>({ count: num, suggestions: list(suggestion) });

export interface Series {
  value: string;
  absent: boolean;
  other: boolean;
  count: number;
  counts: number[];
}
export interface HistogramAnswer {
  start: string;
  stepMs: Millis;
  count: number;
  series: Series[];
  stats: Stats;
}
const series = object<Series>({ value: str, absent: or(bool, false), other: or(bool, false), count: num, counts: or(list(num), []) });
export const histogramAnswer = object<HistogramAnswer>({ start: str, stepMs: num, count: num, series: or(list(series), []), stats });

export interface HeatmapAnswer {
  start: string;
  stepMs: Millis;
  bounds: Nanos[]; // upper bounds of the duration classes, ascending
  columns: { counts: number[]; errors: number[] }[];
  stats: Stats;
}
const column = object<{ counts: number[]; errors: number[] }>({ counts: or(list(num), []), errors: or(list(num), []) });
export const heatmapAnswer = object<HeatmapAnswer>({ start: str, stepMs: num, bounds: list(num), columns: or(list(column), []), stats });

export interface Field {
  name: string;
  type: string;
  level: string;
  count: number;
}
export interface FieldsAnswer {
  fields: Field[];
  count: number;
}
const field = object<Field>({ name: str, type: str, level: str, count: num });
export const fieldsAnswer = object<FieldsAnswer>({ fields: or(list(field), []), count: num });

export interface ValuesAnswer {
  field: string;
  values: Group[];
}
export const valuesAnswer = object<ValuesAnswer>({ field: str, values: or(list(group), []) });

export interface ServicePart {
  service: string;
  spans: number;
  errors: number;
}
export interface TraceSummary {
  traceId: string;
  startUnixNano: UnixNanos;
  durationNano: Nanos;
  rootService: string;
  rootName: string;
  rootMissing: boolean;
  spans: number;
  errors: number;
  matched: number;
  services: ServicePart[];
}
export interface TracesAnswer {
  traces: TraceSummary[];
  cursor: string;
  stats: Stats;
}
const part = object<ServicePart>({ service: or(str, ''), spans: num, errors: or(num, 0) });
const summary = object<TraceSummary>({
  traceId: str,
  startUnixNano: str,
  durationNano: num,
  rootService: or(str, ''),
  rootName: or(str, ''),
  rootMissing: or(bool, false),
  spans: num,
  errors: or(num, 0),
  matched: or(num, 0),
  services: or(list(part), []),
});
export const tracesAnswer = object<TracesAnswer>({ traces: or(list(summary), []), cursor: or(str, ''), stats });

export interface ContextAnswer {
  before: LogRecord[];
  after: LogRecord[];
}
export const contextAnswer = object<ContextAnswer>({ before: or(list(logRecord), []), after: or(list(logRecord), []) });

/** What runs where, as /facts.json tells it. */
export interface Facts {
  version: string;
  http: string;
  otlpGrpc: string;
  otlpHttp: string;
  data: string;
}
export const factsAnswer = object<Facts>({ version: str, http: str, otlpGrpc: str, otlpHttp: str, data: str });

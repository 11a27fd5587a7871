// What the trace page asks the server. Answers are checked here, at the edge.
import { useQuery } from '@tanstack/react-query';
import { countAnswer } from '@/api/answers';
import { ask } from '@/api/client';
import { type SpanEvent, type SpanLink, spanEvent, spanLink } from '@/api/records';
import { json } from '@/api/validate';
import { type Trace, traceOf } from '@/logic/trace/model';
import { parseSkeleton } from '@/logic/trace/skeleton';

/** The trace without its spans' details. */
export function useTrace(id: string) {
  return useQuery<Trace>({
    queryKey: ['trace', id],
    queryFn: async ({ signal }) => traceOf(await ask(`/api/v1/traces/${encodeURIComponent(id)}/skeleton`, {}, parseSkeleton, signal)),
    structuralSharing: false, // comparing 100,000 entries to find them equal helps nobody
    staleTime: Number.POSITIVE_INFINITY,
  });
}

const arrivalsEveryMs = 3_000;
/** Spans come seconds after they end, in batches; what is later than this is worth a reload, not a question every few seconds. */
const youngMs = 5 * 60_000;

/** How many spans and log records of a young trace have come since it was read. */
export function useArrivals(trace: Trace): { spans: number; logs: number } {
  const endMs = Number(trace.startNanos / 1_000_000n) + trace.durationNano / 1e6;
  const young = () => !trace.truncated && Date.now() - endMs < youngMs;
  const countOf = (signal: 'spans' | 'logs', abort: AbortSignal) =>
    ask('/api/v1/count', { signal, query: `trace_id:${trace.traceId}` }, countAnswer, abort);
  const { data } = useQuery({
    queryKey: ['arrivals', trace.traceId, trace.received, trace.logs.count],
    queryFn: async ({ signal }) => {
      const [spans, logs] = await Promise.all([countOf('spans', signal), countOf('logs', signal)]);
      return { spans: Math.max(0, spans.count - trace.received), logs: Math.max(0, logs.count - trace.logs.count) };
    },
    enabled: young(),
    refetchInterval: () => (young() ? arrivalsEveryMs : false),
    gcTime: 0,
  });
  return data ?? { spans: 0, logs: 0 };
}

export type Json = { [key: string]: unknown };

export interface Detail {
  /** The record as it came, for the raw view. */
  raw: Json;
  attributes: Json;
  resource: Json;
  scope: Json;
  status: string;
  statusMessage: string;
  kind: string;
  traceState: string;
  events: SpanEvent[];
  links: SpanLink[];
  dropped: number;
}

const object = (v: unknown): Json => (typeof v === 'object' && v !== null && !Array.isArray(v) ? (v as Json) : {});
const objects = (v: unknown): Json[] => (Array.isArray(v) ? v.map(object) : []);
const text = (v: unknown): string => (typeof v === 'string' ? v : typeof v === 'number' ? String(v) : '');
const count = (v: unknown): number => (typeof v === 'number' ? v : 0);

function detailOf(raw: Json): Detail {
  const scope = object(raw.scope);
  return {
    raw,
    attributes: object(raw.attributes),
    resource: object(object(raw.resource).attributes),
    scope: {
      ...(scope.name ? { name: scope.name } : {}),
      ...(scope.version ? { version: scope.version } : {}),
      ...object(scope.attributes),
    },
    status: text(raw.status),
    statusMessage: text(raw.statusMessage),
    kind: text(raw.kind),
    traceState: text(raw.traceState),
    events: objects(raw.events).map((e, i) => spanEvent(e, `events[${i}]`)),
    links: objects(raw.links).map((l, i) => spanLink(l, `links[${i}]`)),
    dropped: count(raw.droppedAttributesCount) + count(raw.droppedEventsCount) + count(raw.droppedLinksCount),
  };
}

export interface SpanDetail {
  span: Detail;
  logs: Json[];
}

/** A span with everything it carries, and its log records. */
export function useSpan(traceId: string, spanId: string) {
  return useQuery<SpanDetail>({
    queryKey: ['span', traceId, spanId],
    enabled: spanId !== '',
    queryFn: async ({ signal }) => {
      const answer = object(await ask(`/api/v1/traces/${traceId}/spans/${spanId}`, {}, json, signal));
      return { span: detailOf(object(answer.span)), logs: objects(answer.logs) };
    },
    staleTime: Number.POSITIVE_INFINITY,
  });
}

const orphansMax = 1000;

/** The log records of a trace whose spans are not in it. They have no span to be asked for with. */
export function useTraceLogs(traceId: string, wanted: boolean) {
  return useQuery<Json[]>({
    queryKey: ['trace logs', traceId],
    enabled: wanted,
    queryFn: async ({ signal }) => {
      const params = { signal: 'logs', query: `trace_id:${traceId}`, limit: orphansMax };
      return objects(object(await ask('/api/v1/search', params, json, signal)).logs);
    },
  });
}

export const detailsMax = 500;

/** The ids of spans that have the words anywhere in their details, which the page does not hold: the server looks for them. */
export function useFindInDetails(traceId: string, words: string) {
  return useQuery<string[]>({
    queryKey: ['find in trace', traceId, words],
    enabled: words.trim() !== '',
    queryFn: async ({ signal }) => {
      const terms = words
        .trim()
        .split(/\s+/)
        .map((w) => `any:"${w.replace(/["\\]/g, '\\$&')}"`);
      const params = { signal: 'spans', query: `trace_id:${traceId} ${terms.join(' ')}`, limit: detailsMax };
      return objects(object(await ask('/api/v1/search', params, json, signal)).spans).map((s) => text(s.spanId));
    },
  });
}

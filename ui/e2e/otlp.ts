// Telemetry for the journeys, sent as an SDK would: OTLP over HTTP, in JSON.
import type { Clew } from './clew';

export interface Span {
  service: string;
  name: string;
  /** A number; 0 or left out: a root. */
  parent?: number;
  id: number;
  kind?: number;
  /** Milliseconds after the trace's start. */
  at: number;
  lasts: number;
  error?: string;
  host?: string;
  attributes?: Record<string, string>;
  events?: { name: string; at: number; attributes?: Record<string, string> }[];
  links?: { trace: string; span: number }[];
}

export interface Log {
  service: string;
  body: string;
  at: number;
  severity?: number;
  host?: string;
  trace?: string;
  span?: number;
}

const hex = (n: number) => n.toString(16).padStart(16, '0');
const text = (key: string, value: string) => ({ key, value: { stringValue: value } });
const attributes = (of: Record<string, string> = {}) => Object.entries(of).map(([k, v]) => text(k, v));
const nanos = (startMs: number, at: number) => (BigInt(startMs) * 1_000_000n + BigInt(Math.round(at * 1e6))).toString();

async function post(clew: Clew, path: string, body: unknown) {
  const r = await fetch(clew.otlpHttp + path, {
    method: 'POST',
    headers: { 'Content-Type': 'application/json' },
    body: JSON.stringify(body),
  });
  if (!r.ok) throw new Error(`${path}: ${r.status} ${await r.text()}`);
}

function byResource<T extends { service: string; host?: string }>(records: T[]): [string, T[]][] {
  const groups = new Map<string, T[]>();
  for (const r of records) {
    const key = `${r.service}\n${r.host ?? ''}`;
    const list = groups.get(key);
    if (list) list.push(r);
    else groups.set(key, [r]);
  }
  return [...groups];
}

function resource(key: string) {
  const [service = '', host = ''] = key.split('\n');
  return { attributes: [text('service.name', service), ...(host ? [text('host.name', host)] : [])] };
}

const batch = 5_000;

export async function sendSpans(clew: Clew, traceId: string, startMs: number, spans: Span[]) {
  for (let i = 0; i < spans.length; i += batch) {
    const resourceSpans = byResource(spans.slice(i, i + batch)).map(([key, list]) => ({
      resource: resource(key),
      scopeSpans: [
        {
          spans: list.map((s) => ({
            traceId,
            spanId: hex(s.id),
            ...(s.parent ? { parentSpanId: hex(s.parent) } : {}),
            name: s.name,
            kind: s.kind ?? 1,
            startTimeUnixNano: nanos(startMs, s.at),
            endTimeUnixNano: nanos(startMs, s.at + s.lasts),
            attributes: attributes(s.attributes),
            events: (s.events ?? []).map((e) => ({
              name: e.name,
              timeUnixNano: nanos(startMs, e.at),
              attributes: attributes(e.attributes),
            })),
            links: (s.links ?? []).map((l) => ({ traceId: l.trace, spanId: hex(l.span) })),
            ...(s.error ? { status: { code: 2, message: s.error } } : {}),
          })),
        },
      ],
    }));
    await post(clew, '/v1/traces', { resourceSpans });
  }
}

export async function sendLogs(clew: Clew, startMs: number, logs: Log[]) {
  for (let i = 0; i < logs.length; i += batch) {
    const resourceLogs = byResource(logs.slice(i, i + batch)).map(([key, list]) => ({
      resource: resource(key),
      scopeLogs: [
        {
          logRecords: list.map((l) => ({
            timeUnixNano: nanos(startMs, l.at),
            severityNumber: l.severity ?? 9,
            body: { stringValue: l.body },
            ...(l.trace ? { traceId: l.trace } : {}),
            ...(l.span ? { spanId: hex(l.span) } : {}),
          })),
        },
      ],
    }));
    await post(clew, '/v1/logs', { resourceLogs });
  }
}

/** A metric over time: `value` of each of `points` that end now, `everyMs` apart. */
export interface Metric {
  name: string;
  unit: string;
  help: string;
  kind: 'counter' | 'gauge' | 'histogram';
  attributes?: Record<string, string>;
  value: (i: number) => number;
  /** Of a histogram: a measurement of the last point that has a trace, in its unit. */
  exemplar?: { value: number; trace: string; span: number };
}

const bounds = [0.1, 0.25, 0.5, 1, 2.5];

/** Metrics as an SDK sends them; a histogram's `value` is how many measurements there are, which spread over its buckets. */
export async function sendMetrics(clew: Clew, service: string, metrics: Metric[], points = 40, everyMs = 15_000) {
  const now = Date.now();
  const at = (i: number) => ({ startTimeUnixNano: nanos(now - 3_600_000, 0), timeUnixNano: nanos(now - (points - 1 - i) * everyMs, 0) });
  const each = (m: Metric) =>
    Array.from({ length: points }, (_, i) => ({ attributes: attributes(m.attributes), ...at(i), ...point(m, i) }));
  const point = (m: Metric, i: number) => {
    if (m.kind !== 'histogram') return { asDouble: m.value(i) };
    const counts = [...bounds, 0].map((_, k) => String(Math.round(m.value(i) / 2 ** (k + 1))));
    const e = i === points - 1 ? m.exemplar : undefined;
    const count = counts.reduce((n, c) => n + Number(c), 0);
    const exemplars = e ? [{ ...at(i), asDouble: e.value, traceId: e.trace, spanId: hex(e.span) }] : [];
    return { count: String(count), sum: count / 4, bucketCounts: counts, explicitBounds: bounds, exemplars };
  };
  const data = (m: Metric) => {
    const dataPoints = each(m);
    if (m.kind === 'gauge') return { gauge: { dataPoints } };
    if (m.kind === 'counter') return { sum: { aggregationTemporality: 2, isMonotonic: true, dataPoints } };
    return { histogram: { aggregationTemporality: 2, dataPoints } };
  };
  const all = metrics.map((m) => ({ name: m.name, unit: m.unit, description: m.help, ...data(m) }));
  await post(clew, '/v1/metrics', { resourceMetrics: [{ resource: resource(service), scopeMetrics: [{ metrics: all }] }] });
}

export const shopTrace = 'aaaaaaaaaaaaaaaaaaaaaaaaaaaaaa01';

/** A small trace with everything in it that the page must show: an error and its origin, a moved clock, a missing parent, log records. */
export async function sendShop(clew: Clew, startMs = Date.now() - 5_000) {
  const [server, client] = [2, 3];
  await sendSpans(clew, shopTrace, startMs, [
    { id: 1, service: 'frontend', name: 'GET /cart', kind: server, at: 0, lasts: 120, error: 'cart failed', host: 'a' },
    { id: 2, parent: 1, service: 'frontend', name: 'cart.Get', kind: client, at: 10, lasts: 40, error: 'cart failed', host: 'a' },
    {
      id: 3,
      parent: 2,
      service: 'cart',
      name: 'cart.Get',
      kind: server,
      at: -2985,
      lasts: 30,
      error: 'no stock',
      host: 'b',
      attributes: { 'item.id': 'umbrella-42' },
    },
    { id: 4, parent: 3, service: 'cart', name: 'SELECT stock', kind: client, at: -2980, lasts: 10, host: 'b' },
    { id: 5, parent: 1, service: 'frontend', name: 'render', at: 60, lasts: 1, host: 'a' },
    { id: 7, parent: 99, service: 'mailer', name: 'send mail', kind: server, at: 130, lasts: 15, host: 'c' },
  ]);
  await sendLogs(clew, startMs, [
    { service: 'frontend', body: 'cart requested', at: 1, trace: shopTrace, span: 1 },
    { service: 'cart', body: 'umbrella is out of stock', at: -2970, severity: 17, trace: shopTrace, span: 3 },
  ]);
}

export const brokenTrace = 'cccccccccccccccccccccccccccccc01';

/** A trace whose senders made mistakes: a cycle, a span sent twice, parents that never came; and a link. */
export async function sendBroken(clew: Clew, startMs = Date.now() - 5_000) {
  const twice = { id: 11, parent: 10, service: 'api', name: 'retry', at: 5, lasts: 20 };
  await sendSpans(clew, brokenTrace, startMs, [
    {
      id: 10,
      service: 'api',
      name: 'POST /orders',
      at: 0,
      lasts: 100,
      events: [{ name: 'cache miss', at: 12.000789, attributes: { 'cache.key': 'order-7' } }],
      links: [{ trace: shopTrace, span: 3 }],
    },
    twice,
    { id: 12, parent: 13, service: 'loop', name: 'tick', at: 30, lasts: 10 },
    { id: 13, parent: 12, service: 'loop', name: 'tock', at: 31, lasts: 5 },
    { id: 15, parent: 77, service: 'orphan', name: 'of a lost parent', at: 60, lasts: 5 },
    { id: 16, parent: 78, service: 'orphan', name: 'of another', at: 70, lasts: 5 },
  ]);
  await sendSpans(clew, brokenTrace, startMs, [twice]);
  await sendLogs(clew, startMs, [{ service: 'api', body: 'written outside of any span', at: 80, trace: brokenTrace, span: 99 }]);
}

export const largeTrace = 'bbbbbbbbbbbbbbbbbbbbbbbbbbbbbb01';

/** A trace of so many spans: batches of 50 jobs, an error in a thousand. */
export async function sendLarge(clew: Clew, count: number) {
  const spans: Span[] = [{ id: 1, service: 'scheduler', name: 'nightly import', at: 0, lasts: count / 10 }];
  for (let id = 2, group = 0; id <= count; id++) {
    const opens = (id - 2) % 51 === 0;
    if (opens) group = id;
    spans.push({
      id,
      parent: opens ? 1 : group,
      service: `worker-${id % 12}`,
      name: opens ? `batch ${id % 7}` : `job ${id % 40}`,
      at: id / 10,
      lasts: opens ? 5 : 0.08,
      ...(id % 1000 === 0 ? { error: 'job failed' } : {}),
      attributes: { 'job.id': `job-${id}` },
    });
  }
  await sendSpans(clew, largeTrace, Date.now() - 60_000, spans);
}

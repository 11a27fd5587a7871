// The answer of /api/v1/traces/{id}/skeleton, as it comes, and its check. It comes in columns, because a trace of 100,000 spans as
// 100,000 objects would cost more to parse than to draw. What is not as documented is refused here, so that nothing behind has to doubt it.

export interface SkeletonNodes {
  span: string[];
  parent: number[];
  depth: number[];
  service: number[];
  name: number[];
  kind: number[];
  flags: number[];
  offset: number[];
  duration: number[];
  self: number[];
  skew?: Record<string, number>;
}

export interface SkeletonLogs {
  id: string[];
  node: number[];
  offset: number[];
  severity: number[];
  body: string[];
}

export interface Clock {
  process: string;
  offsetNano: number;
  calls: number;
}

export interface ServiceTime {
  service: string;
  spans: number;
  errors: number;
  selfNano: number;
}

/** What an answer cost and whether it is whole. */
export interface AnswerStats {
  tookMs: number;
  partial: boolean;
  reasons?: string[];
}

export interface Skeleton {
  traceId: string;
  start: string;
  startUnixNano: string;
  durationNano: number;
  services: string[];
  names: string[];
  kinds: string[];
  nodes: SkeletonNodes;
  critical: { node: number[]; from: number[]; to: number[] };
  logs: SkeletonLogs;
  clocks: Clock[];
  missing: number;
  errors: number;
  errorOrigins: number[];
  /** Spans left out because they are the same as another one. */
  duplicates: number;
  truncated: boolean;
  serviceTimes: ServiceTime[];
  stats: AnswerStats;
}

type Fields = Record<string, unknown>;

/** An answer that is not what the API documents. */
export class SkeletonError extends Error {}

function fields(v: unknown, where: string): Fields {
  if (typeof v !== 'object' || v === null || Array.isArray(v)) throw new SkeletonError(`${where} is not an object`);
  return v as Fields;
}

function column<T>(v: unknown, where: string, type: 'number' | 'string', length?: number): T[] {
  if (v === null || v === undefined) v = []; // an empty column may be left out
  if (!Array.isArray(v)) throw new SkeletonError(`${where} is not a list`);
  for (let i = 0; i < v.length; i++) {
    if (typeof v[i] !== type) throw new SkeletonError(`${where}[${i}] is not a ${type}`);
  }
  if (length !== undefined && v.length !== length) throw new SkeletonError(`${where} has ${v.length} entries, not ${length}`);
  return v as T[];
}

/** Refuses indexes outside of [low, high). */
function within(v: number[], low: number, high: number, where: string): number[] {
  for (let i = 0; i < v.length; i++) {
    const x = v[i] as number;
    if (!(x >= low && x < high) || !Number.isInteger(x))
      throw new SkeletonError(`${where}[${i}] is ${x}, outside of ${low} to ${high - 1}`);
  }
  return v;
}

const text = (v: unknown): string => (typeof v === 'string' ? v : '');
const count = (v: unknown): number => (typeof v === 'number' && Number.isFinite(v) ? v : 0);
const list = (v: unknown): Fields[] => (Array.isArray(v) ? v.map((x) => fields(x, 'entry')) : []);

function nodesOf(f: Fields, services: number, names: number, kinds: number): SkeletonNodes {
  const span = column<string>(f.span, 'nodes.span', 'string');
  const n = span.length;
  const numbers = (key: string) => column<number>(f[key], `nodes.${key}`, 'number', n);
  const parent = numbers('parent');
  for (let i = 0; i < n; i++) {
    const p = parent[i] as number;
    if (!(p >= -1 && p < i)) throw new SkeletonError(`nodes.parent[${i}] is ${p}: parents come before children`);
  }
  const skew: Record<string, number> = {};
  for (const [key, v] of Object.entries(f.skew ? fields(f.skew, 'nodes.skew') : {})) {
    if (typeof v === 'number' && Number(key) >= 0 && Number(key) < n) skew[key] = v;
  }
  return {
    span,
    parent,
    depth: numbers('depth'),
    service: within(numbers('service'), 0, services, 'nodes.service'),
    name: within(numbers('name'), 0, names, 'nodes.name'),
    kind: within(numbers('kind'), 0, kinds, 'nodes.kind'),
    flags: numbers('flags'),
    offset: numbers('offset'),
    duration: numbers('duration'),
    self: numbers('self'),
    skew,
  };
}

function logsOf(v: unknown, nodes: number): SkeletonLogs {
  const f = v ? fields(v, 'logs') : {};
  const id = column<string>(f.id, 'logs.id', 'string');
  const numbers = (key: string) => column<number>(f[key], `logs.${key}`, 'number', id.length);
  return {
    id,
    node: within(numbers('node'), -1, nodes, 'logs.node'),
    offset: numbers('offset'),
    severity: numbers('severity'),
    body: column<string>(f.body, 'logs.body', 'string', id.length),
  };
}

/** Checks an answer of the skeleton endpoint. Throws SkeletonError. */
export function parseSkeleton(value: unknown): Skeleton {
  const f = fields(value, 'answer');
  const services = column<string>(f.services, 'services', 'string');
  const names = column<string>(f.names, 'names', 'string');
  const kinds = column<string>(f.kinds, 'kinds', 'string');
  const nodes = nodesOf(fields(f.nodes, 'nodes'), services.length, names.length, kinds.length);
  const critical = f.critical ? fields(f.critical, 'critical') : {};
  const steps = within(column<number>(critical.node, 'critical.node', 'number'), 0, nodes.span.length, 'critical.node');
  if (!/^\d+$/.test(text(f.startUnixNano))) throw new SkeletonError('startUnixNano is not a count of nanoseconds');
  const stats = f.stats ? fields(f.stats, 'stats') : {};
  return {
    traceId: text(f.traceId),
    start: text(f.start),
    startUnixNano: text(f.startUnixNano),
    durationNano: Math.max(0, count(f.durationNano)),
    services,
    names,
    kinds,
    nodes,
    critical: {
      node: steps,
      from: column<number>(critical.from, 'critical.from', 'number', steps.length),
      to: column<number>(critical.to, 'critical.to', 'number', steps.length),
    },
    logs: logsOf(f.logs, nodes.span.length),
    clocks: list(f.clocks).map((c) => ({ process: text(c.process), offsetNano: count(c.offsetNano), calls: count(c.calls) })),
    missing: count(f.missing),
    errors: count(f.errors),
    errorOrigins: within(column<number>(f.errorOrigins, 'errorOrigins', 'number'), 0, nodes.span.length, 'errorOrigins'),
    duplicates: count(f.duplicates),
    truncated: f.truncated === true,
    serviceTimes: list(f.serviceTimes).map((s) => ({
      service: text(s.service),
      spans: count(s.spans),
      errors: count(s.errors),
      selfNano: count(s.selfNano),
    })),
    stats: {
      tookMs: count(stats.tookMs),
      partial: stats.partial === true,
      reasons: Array.isArray(stats.reasons) ? stats.reasons.map(text) : [],
    },
  };
}

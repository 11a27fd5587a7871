// A trace as the page works on it: typed arrays, one entry a node, in the order of the server's chain (parents before children, depth
// first). There is no object per span; a node is its index. The chain is the server's: nothing here recomputes parents, clocks or paths.
import type { AnswerStats, Clock, ServiceTime, Skeleton } from './skeleton';

export const FlagError = 1;
export const FlagMissing = 2;
export const FlagCycle = 4;
export const FlagDuplicate = 8;
export const FlagEvents = 16;

export interface Trace {
  readonly traceId: string;
  /** Nanoseconds since 1970 of offset 0. Beyond 2^53, hence a bigint; everything else is an offset from it. */
  readonly startNanos: bigint;
  readonly durationNano: number;
  readonly count: number;
  readonly services: readonly string[];
  readonly names: readonly string[];
  readonly kinds: readonly string[];
  /** Span ids, as two halves: 16 hex digits as strings would be 100,000 objects. */
  readonly idHigh: Uint32Array;
  readonly idLow: Uint32Array;
  readonly parent: Int32Array;
  readonly depth: Uint32Array;
  /** The index behind the last node below a node: [i, end[i]) is its subtree. */
  readonly end: Uint32Array;
  readonly service: Uint32Array;
  readonly name: Uint32Array;
  readonly kind: Uint32Array;
  readonly flags: Uint8Array;
  /** Nanoseconds after the trace's start, clocks adjusted. */
  readonly offset: Float64Array;
  readonly duration: Float64Array;
  readonly self: Float64Array;
  /** Nanoseconds that were added to the stated start; null when no clock was moved. */
  readonly skew: Float64Array | null;
  readonly maxDepth: number;
  /** The critical path's pieces, grouped by node: those of node i are [criticalStart[i], criticalStart[i+1]). */
  readonly criticalStart: Uint32Array;
  readonly criticalFrom: Float64Array;
  readonly criticalTo: Float64Array;
  readonly logs: TraceLogs;
  readonly clocks: readonly Clock[];
  readonly missing: number;
  readonly errors: number;
  readonly errorOrigins: readonly number[];
  /** Spans that were received: repeated ones count, made-up parents do not. */
  readonly received: number;
  readonly truncated: boolean;
  readonly serviceTimes: readonly ServiceTime[];
  readonly stats: AnswerStats;
}

export interface TraceLogs {
  readonly count: number;
  readonly id: readonly string[];
  readonly body: readonly string[];
  /** The node a record belongs to; -1: its span is not in the trace. */
  readonly node: Int32Array;
  readonly offset: Float64Array;
  readonly severity: Uint8Array;
  /** Records grouped by node, by time: those of node i are order[start[i]] to order[start[i+1]-1]; those without a node stand at i = count of nodes. */
  readonly order: Uint32Array;
  readonly start: Uint32Array;
}

/** Groups entries by key with a counting sort; the order within a group stays. Returns order and the groups' starts. */
export function groupBy(keys: ArrayLike<number>, groups: number): { order: Uint32Array; start: Uint32Array } {
  const start = new Uint32Array(groups + 1);
  for (let i = 0; i < keys.length; i++) {
    const k = (keys[i] as number) + 1;
    start[k] = (start[k] as number) + 1;
  }
  for (let g = 0; g < groups; g++) start[g + 1] = (start[g + 1] as number) + (start[g] as number);
  const next = start.slice(0, groups);
  const order = new Uint32Array(keys.length);
  for (let i = 0; i < keys.length; i++) {
    const k = keys[i] as number;
    const at = next[k] as number;
    order[at] = i;
    next[k] = at + 1;
  }
  return { order, start };
}

/** Depths and subtree ends from parents; the wire's own depths are not needed. */
function shape(parent: Int32Array): { depth: Uint32Array; end: Uint32Array; maxDepth: number } {
  const n = parent.length;
  const depth = new Uint32Array(n);
  const end = new Uint32Array(n);
  let maxDepth = 0;
  for (let i = 0; i < n; i++) {
    const p = parent[i] as number;
    depth[i] = p < 0 ? 0 : (depth[p] as number) + 1;
    maxDepth = Math.max(maxDepth, depth[i] as number);
    end[i] = i + 1;
  }
  for (let i = n - 1; i >= 0; i--) {
    const p = parent[i] as number;
    if (p >= 0 && (end[p] as number) < (end[i] as number)) end[p] = end[i] as number;
  }
  return { depth, end, maxDepth };
}

function logsOf(s: Skeleton, n: number): TraceLogs {
  const { id, body, node, offset, severity } = s.logs;
  const byTime = Uint32Array.from(id.keys()).sort((a, b) => (offset[a] as number) - (offset[b] as number) || a - b);
  const keys = new Uint32Array(id.length);
  for (let k = 0; k < keys.length; k++) {
    const at = node[byTime[k] as number] as number;
    keys[k] = at < 0 ? n : at;
  }
  const grouped = groupBy(keys, n + 1);
  return {
    count: id.length,
    id,
    body,
    node: Int32Array.from(node),
    offset: Float64Array.from(offset),
    severity: Uint8Array.from(severity),
    order: grouped.order.map((k) => byTime[k] as number),
    start: grouped.start,
  };
}

function criticalOf(s: Skeleton, n: number): Pick<Trace, 'criticalStart' | 'criticalFrom' | 'criticalTo'> {
  const { order, start } = groupBy(s.critical.node, n);
  return {
    criticalStart: start,
    criticalFrom: Float64Array.from(order, (k) => s.critical.from[k] as number),
    criticalTo: Float64Array.from(order, (k) => s.critical.to[k] as number),
  };
}

/** Builds the arrays of a checked answer. */
export function traceOf(s: Skeleton): Trace {
  const n = s.nodes.span.length;
  const idHigh = new Uint32Array(n);
  const idLow = new Uint32Array(n);
  for (let i = 0; i < n; i++) {
    const id = s.nodes.span[i] as string;
    idHigh[i] = Number.parseInt(id.slice(0, 8), 16);
    idLow[i] = Number.parseInt(id.slice(8, 16), 16);
  }
  const parent = Int32Array.from(s.nodes.parent);
  const moved = Object.entries(s.nodes.skew ?? {});
  const skew = moved.length > 0 ? new Float64Array(n) : null;
  for (const [at, v] of moved) if (skew) skew[Number(at)] = v;
  return {
    traceId: s.traceId,
    startNanos: BigInt(s.startUnixNano),
    durationNano: s.durationNano,
    count: n,
    services: s.services,
    names: s.names,
    kinds: s.kinds,
    idHigh,
    idLow,
    parent,
    ...shape(parent),
    service: Uint32Array.from(s.nodes.service),
    name: Uint32Array.from(s.nodes.name),
    kind: Uint32Array.from(s.nodes.kind),
    flags: Uint8Array.from(s.nodes.flags),
    offset: Float64Array.from(s.nodes.offset),
    duration: Float64Array.from(s.nodes.duration, (d) => Math.max(0, d)),
    self: Float64Array.from(s.nodes.self, (d) => Math.max(0, d)),
    skew,
    ...criticalOf(s, n),
    logs: logsOf(s, n),
    clocks: s.clocks,
    missing: s.missing,
    errors: s.errors,
    errorOrigins: s.errorOrigins,
    received: n - s.missing + s.duplicates,
    truncated: s.truncated,
    serviceTimes: s.serviceTimes,
    stats: s.stats,
  };
}

const hex8 = (v: number) => v.toString(16).padStart(8, '0');

/** The span id of a node, as 16 hex digits. */
export function spanIdOf(t: Trace, node: number): string {
  return hex8(t.idHigh[node] as number) + hex8(t.idLow[node] as number);
}

/** The first node of a span id; -1 if there is none. */
export function nodeOf(t: Trace, spanId: string): number {
  if (!/^[0-9a-f]{16}$/.test(spanId)) return -1;
  const high = Number.parseInt(spanId.slice(0, 8), 16);
  const low = Number.parseInt(spanId.slice(8), 16);
  for (let i = t.idLow.indexOf(low); i >= 0; i = t.idLow.indexOf(low, i + 1)) {
    if (t.idHigh[i] === high) return i;
  }
  return -1;
}

/** The root that lasts longest: the request itself, where late or orphaned pieces stand beside it. -1 without spans. */
export function mainRoot(t: Trace): number {
  let best = -1;
  for (let i = 0; i < t.count; i = t.end[i] as number) {
    if (best < 0 || (t.duration[i] as number) > (t.duration[best] as number)) best = i;
  }
  return best;
}

/** Where a node starts on the page: adjusted, or as its own clock stated it. */
export function startOf(t: Trace, node: number, raw: boolean): number {
  return (t.offset[node] as number) - (raw && t.skew ? (t.skew[node] as number) : 0);
}

/** The time that all nodes and records cover, in nanoseconds after the trace's start. Raw clocks may reach far outside of [0, duration]. */
export function extentOf(t: Trace, raw: boolean): { from: number; to: number } {
  let from = 0;
  let to = t.durationNano;
  if (raw && t.skew) {
    from = Number.POSITIVE_INFINITY;
    to = Number.NEGATIVE_INFINITY;
    for (let i = 0; i < t.count; i++) {
      const start = startOf(t, i, true);
      from = Math.min(from, start);
      to = Math.max(to, start + (t.duration[i] as number));
    }
  }
  return { from, to: Math.max(to, from + 1) };
}

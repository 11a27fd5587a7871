// Traces for tests, written as text, in the manner of Go's internal/tracetext: two blanks of indentation are a child.
//
//   frontend "GET /cart" server @0 +120ms error
//     cart "cart.Get" server @10ms +80ms skew=3s
//       log @20ms 17 "no stock"
//     ? cart "caller of cart" @95ms +5ms
//
// Times are the adjusted ones, after the trace's start, since the page gets them from the server. '?' is a parent that was not received.
import { FlagError, FlagMissing, type Trace, traceOf } from './model';
import { parseSkeleton, type Skeleton } from './skeleton';

const units: Record<string, number> = { ns: 1, us: 1e3, ms: 1e6, s: 1e9 };

function nanos(s: string): number {
  const m = /^(-?[\d.]+)(ns|us|ms|s)?$/.exec(s);
  if (!m) throw new Error(`no time: ${s}`);
  return Number(m[1]) * (units[m[2] ?? 's'] ?? 1);
}

export function skeletonOfText(text: string): Skeleton {
  const s = emptySkeleton();
  const code = (list: string[], v: string) => (list.includes(v) ? list.indexOf(v) : list.push(v) - 1);
  const path: number[] = [];
  for (const line of text.split('\n')) {
    if (line.trim() === '' || line.trim().startsWith('#')) continue;
    const depth = (line.length - line.trimStart().length) / 2;
    const log = /^\s*log @(\S+) (\d+) "(.*)"/.exec(line);
    if (log) {
      s.logs.id.push(`log-${s.logs.id.length}`);
      s.logs.node.push(depth > 0 ? (path[depth - 1] ?? -1) : -1);
      s.logs.offset.push(nanos(log[1] ?? ''));
      s.logs.severity.push(Number(log[2]));
      s.logs.body.push(log[3] ?? '');
      continue;
    }
    const m = /^\s*(\? )?(\S+) "(.*)"(?: (internal|server|client|producer|consumer))? @(\S+) \+(\S+)(.*)$/.exec(line);
    if (!m) throw new Error(`no span: ${line}`);
    const n = s.nodes.span.length;
    path.length = depth;
    const rest = m[7] ?? '';
    s.nodes.span.push((n + 1).toString(16).padStart(16, '0'));
    s.nodes.parent.push(depth > 0 ? (path[depth - 1] ?? -1) : -1);
    s.nodes.depth.push(depth);
    s.nodes.service.push(code(s.services, m[2] ?? ''));
    s.nodes.name.push(code(s.names, m[3] ?? ''));
    s.nodes.kind.push(code(s.kinds, m[4] ?? 'internal'));
    s.nodes.flags.push((rest.includes(' error') ? FlagError : 0) | (m[1] ? FlagMissing : 0));
    s.nodes.offset.push(nanos(m[5] ?? ''));
    s.nodes.duration.push(nanos(m[6] ?? ''));
    s.nodes.self.push(nanos(/ self=(\S+)/.exec(rest)?.[1] ?? '0'));
    const skew = / skew=(\S+)/.exec(rest)?.[1];
    if (skew && s.nodes.skew) s.nodes.skew[n] = nanos(skew);
    if (m[1]) s.missing++;
    if (rest.includes(' error')) s.errors++;
    if (rest.includes(' origin')) s.errorOrigins.push(n);
    s.durationNano = Math.max(s.durationNano, nanos(m[5] ?? '') + nanos(m[6] ?? ''));
    path.push(n);
  }
  return s;
}

export const traceOfText = (text: string): Trace => traceOf(parseSkeleton(skeletonOfText(text)));

export function emptySkeleton(): Skeleton {
  return {
    traceId: '000000000000000000000000000000aa',
    start: '2026-01-02T03:04:05.000000006Z',
    startUnixNano: '1767323045000000006',
    durationNano: 0,
    services: [],
    names: [],
    kinds: [],
    nodes: { span: [], parent: [], depth: [], service: [], name: [], kind: [], flags: [], offset: [], duration: [], self: [], skew: {} },
    critical: { node: [], from: [], to: [] },
    logs: { id: [], node: [], offset: [], severity: [], body: [] },
    clocks: [],
    missing: 0,
    errors: 0,
    errorOrigins: [],
    duplicates: 0,
    truncated: false,
    serviceTimes: [],
    stats: { tookMs: 1, partial: false },
  };
}

/** A wide trace of so many spans: batches of 50 calls, with errors here and there. */
export function bigSkeleton(count: number): Skeleton {
  const s = emptySkeleton();
  s.services = Array.from({ length: 12 }, (_, i) => `service-${i}`);
  s.names = Array.from({ length: 100 }, (_, i) => `operation ${i}`);
  s.kinds = ['internal', 'server', 'client'];
  s.durationNano = count * 1000;
  for (let i = 0; i < count; i++) {
    const batch = i === 0 ? -1 : i - ((i - 1) % 51);
    s.nodes.span.push((i + 1).toString(16).padStart(16, '0'));
    s.nodes.parent.push(i === 0 ? -1 : batch === i ? 0 : batch);
    s.nodes.depth.push(i === 0 ? 0 : batch === i ? 1 : 2);
    s.nodes.service.push(i % 12);
    s.nodes.name.push(i % 100);
    s.nodes.kind.push(i % 3);
    s.nodes.flags.push(i % 1000 === 999 ? FlagError : 0);
    s.nodes.offset.push(i * 1000);
    s.nodes.duration.push(i === 0 ? s.durationNano : batch === i ? 51_000 : 900);
    s.nodes.self.push(900);
  }
  return s;
}

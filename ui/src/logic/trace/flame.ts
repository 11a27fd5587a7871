// The trace as a flame graph: spans with the same path of services and operations are one box, as wide as the self times in it. Widths
// add up, whatever ran side by side; where time went is seen, when it went there is the waterfall's.
import { FlagError, FlagMissing, type Trace } from './model';

export interface Flame {
  readonly count: number;
  /** Parents before children. */
  readonly parent: Int32Array;
  readonly depth: Uint32Array;
  readonly service: Uint32Array;
  readonly name: Uint32Array;
  readonly missing: Uint8Array;
  /** Where a box begins, in nanoseconds of self time. */
  readonly x: Float64Array;
  /** Self time of everything in a box: its width. */
  readonly total: Float64Array;
  readonly self: Float64Array;
  readonly spans: Uint32Array;
  readonly errors: Uint32Array;
  /** The first node of each box. */
  readonly node: Uint32Array;
  readonly width: number;
  readonly maxDepth: number;
}

/** Merges and lays out the flame graph. */
export function flameOf(t: Trace): Flame {
  const boxOf = new Uint32Array(t.count);
  const known = new Map<number, number>();
  const vocabulary = t.services.length * t.names.length;
  const parent = new Int32Array(t.count);
  const depth = new Uint32Array(t.count);
  const first = new Uint32Array(t.count);
  const spans = new Uint32Array(t.count);
  const errors = new Uint32Array(t.count);
  const self = new Float64Array(t.count);
  let n = 0;
  for (let i = 0; i < t.count; i++) {
    const p = t.parent[i] as number;
    const above = p < 0 ? -1 : (boxOf[p] as number);
    const key = (above + 1) * vocabulary + (t.service[i] as number) * t.names.length + (t.name[i] as number);
    let box = known.get(key);
    if (box === undefined) {
      box = n++;
      known.set(key, box);
      parent[box] = above;
      depth[box] = above < 0 ? 0 : (depth[above] as number) + 1;
      first[box] = i;
    }
    boxOf[i] = box;
    spans[box] = (spans[box] as number) + 1;
    errors[box] = (errors[box] as number) + ((t.flags[i] as number) & FlagError ? 1 : 0);
    self[box] = (self[box] as number) + (t.self[i] as number);
  }
  const cut = { parent: parent.subarray(0, n), depth: depth.subarray(0, n), node: first.subarray(0, n), self: self.subarray(0, n) };
  return {
    count: n,
    ...cut,
    service: cut.node.map((i) => t.service[i] as number),
    name: cut.node.map((i) => t.name[i] as number),
    missing: Uint8Array.from(cut.node, (i) => ((t.flags[i] as number) & FlagMissing ? 1 : 0)),
    spans: spans.subarray(0, n),
    errors: errors.subarray(0, n),
    ...place(cut.parent, cut.self),
    maxDepth: cut.depth.reduce((a, b) => Math.max(a, b), 0),
  };
}

/** Widths from the leaves up, then places from the roots down, children side by side from their parent's left edge. */
function place(parent: Int32Array, self: Float64Array): { x: Float64Array; total: Float64Array; width: number } {
  const n = parent.length;
  const total = Float64Array.from(self);
  for (let b = n - 1; b >= 0; b--) {
    const p = parent[b] as number;
    if (p >= 0) total[p] = (total[p] as number) + (total[b] as number);
  }
  const x = new Float64Array(n);
  const next = new Float64Array(n);
  let width = 0;
  for (let b = 0; b < n; b++) {
    const p = parent[b] as number;
    x[b] = p < 0 ? width : (next[p] as number);
    next[b] = x[b] as number;
    if (p < 0) width += total[b] as number;
    else next[p] = (next[p] as number) + (total[b] as number);
  }
  return { x, total, width };
}

/** The box at a point; -1 if there is none. `x` in nanoseconds of self time. */
export function boxAt(f: Flame, depth: number, x: number): number {
  for (let b = 0; b < f.count; b++) {
    const left = f.x[b] as number;
    if (f.depth[b] === depth && x >= left && x < left + (f.total[b] as number)) return b;
  }
  return -1;
}

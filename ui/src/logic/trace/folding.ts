// Which nodes are folded. Kept as a default and its exceptions, since that is what fits into a URL: all open but these, or all folded
// but those.
import { nodeOf, type Trace } from './model';

export interface Folding {
  /** The state of every node that is not excepted. */
  all: boolean;
  /** Span ids that are otherwise. */
  except: readonly string[];
}

export const openAll: Folding = { all: false, except: [] };
export const foldAll: Folding = { all: true, except: [] };

/** At most so many exceptions are kept, the latest: a URL has an end. */
export const exceptionsMax = 200;

/** A 1 for each folded node. Nodes without anything below are never folded. */
export function foldedNodes(t: Trace, f: Folding): Uint8Array {
  const out = new Uint8Array(t.count);
  if (f.all) out.fill(1);
  for (const id of f.except) {
    const node = nodeOf(t, id);
    if (node >= 0) out[node] = f.all ? 0 : 1;
  }
  return out;
}

/** Folds or opens one span. */
export function setFolded(f: Folding, spanId: string, folded: boolean): Folding {
  const rest = f.except.filter((id) => id !== spanId);
  return { all: f.all, except: folded === f.all ? rest : [...rest, spanId].slice(-exceptionsMax) };
}

/** Opens what must be open for a node to have a row. Returns f itself when nothing is to be opened. */
export function reveal(t: Trace, f: Folding, folded: Uint8Array, node: number, idOf: (node: number) => string): Folding {
  let out = f;
  for (let i = t.parent[node] ?? -1; i >= 0; i = t.parent[i] as number) {
    if (folded[i] === 1) out = setFolded(out, idOf(i), false);
  }
  return out;
}

/** Reads what `printFolding` wrote: "all", "all,id,id", "id,id". */
export function readFolding(s: string): Folding {
  const parts = s.split(',').filter((p) => p !== '');
  const all = parts[0] === 'all';
  return { all, except: parts.filter((p) => /^[0-9a-f]{16}$/.test(p)).slice(-exceptionsMax) };
}

export function printFolding(f: Folding): string {
  return [...(f.all ? ['all'] : []), ...f.except].join(',');
}

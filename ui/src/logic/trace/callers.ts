// Who may have called a parent that was not received: nothing says it, but a call that nobody answered and in whose time everything below the
// missing span lies is worth a look.
import { FlagMissing, type Trace } from './model';

const callersMax = 10;

/** The calls (spans of kind client or producer, with nothing below them) that cover the time of a missing node, the tightest first. */
export function possibleCallers(t: Trace, node: number): number[] {
  const begin = t.offset[node] as number;
  const end = begin + (t.duration[node] as number);
  const calls = new Set(['client', 'producer'].map((k) => t.kinds.indexOf(k)).filter((k) => k >= 0));
  const out: number[] = [];
  for (let i = 0; i < t.count; i++) {
    const answered = (t.end[i] as number) > i + 1;
    if (answered || !calls.has(t.kind[i] as number) || (t.flags[i] as number) & FlagMissing) continue;
    const from = t.offset[i] as number;
    if (from <= begin && from + (t.duration[i] as number) >= end) out.push(i);
  }
  return out.sort((a, b) => (t.duration[a] as number) - (t.duration[b] as number)).slice(0, callersMax);
}

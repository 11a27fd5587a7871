// What a host's counts come to, in parts and in words.
import type { Counts, Flow } from '@/api/ledger';
import { formatCount } from '@/logic/format';

const sum = (reasons: Record<string, unknown>) => Object.values(reasons).reduce((n: number, v) => n + Number(v), 0);

export interface Part {
  name: 'stored' | 'waiting' | 'elsewhere' | 'refused' | 'dropped' | 'missing';
  records: number;
}

/** The parts add up to what was read; empty ones are left out. */
export function parts(c: Counts): Part[] {
  const all: Part[] = [
    { name: 'stored', records: c.stored },
    { name: 'waiting', records: c.inFlight },
    { name: 'elsewhere', records: c.elsewhere },
    { name: 'refused', records: sum(c.refused) },
    { name: 'dropped', records: sum(c.dropped) },
    { name: 'missing', records: c.missing },
  ];
  return all.filter((p) => p.records > 0);
}

/** What was lost and why: "5 dropped (queue_full), 2 batches never came". */
export function reasonsText(f: Flow): string {
  const words = [
    ...Object.entries(f.counts.dropped).map(([reason, n]) => `${formatCount(Number(n))} dropped (${reason})`),
    ...Object.entries(f.counts.refused).map(([reason, n]) => `${formatCount(Number(n))} refused (${reason})`),
  ];
  if (f.counts.missing > 0) words.push(`${formatCount(f.counts.missing)} acknowledged and not stored`);
  if (f.missingNumbers > 0) words.push(`${formatCount(f.missingNumbers)} batches never came`);
  return words.join(', ');
}

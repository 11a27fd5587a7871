// Whether the machine was there for the test: how much of its processors others took meanwhile. A time by the clock says something about the page
// only while they left it enough.
import { readdirSync, readFileSync } from 'node:fs';
import { availableParallelism } from 'node:os';

interface Ticks {
  /** Processor time of everything on the machine, what other guests of the same host took included. */
  all: number;
  /** Of this process and everything it started. */
  ours: number;
  at: number;
}

const ticksPerSecond = 100; // USER_HZ, the same on all Linux

function machineTicks(): number {
  const [user = 0, nice = 0, system = 0, , , irq = 0, softirq = 0, steal = 0] = (
    /^cpu +(.*)$/m.exec(readFileSync('/proc/stat', 'utf8'))?.[1] ?? ''
  )
    .split(' ')
    .map(Number);
  return user + nice + system + irq + softirq + steal;
}

function ourTicks(): number {
  const parent = new Map<number, number>();
  const took = new Map<number, number>();
  for (const entry of readdirSync('/proc')) {
    if (!/^\d+$/.test(entry)) continue;
    try {
      const stat = readFileSync(`/proc/${entry}/stat`, 'utf8');
      // Behind the name, which may hold anything: state, parent, ..., user and system time, and those of children that have ended.
      const f = stat
        .slice(stat.lastIndexOf(')') + 2)
        .split(' ')
        .map(Number);
      parent.set(Number(entry), f[1] ?? 0);
      took.set(Number(entry), (f[11] ?? 0) + (f[12] ?? 0) + (f[13] ?? 0) + (f[14] ?? 0));
    } catch {
      // ended in between
    }
  }
  let sum = 0;
  for (const [pid, ticks] of took) {
    let p = pid;
    while (p > 1 && p !== process.pid) p = parent.get(p) ?? 0;
    if (p === process.pid) sum += ticks;
  }
  return sum;
}

function now(): Ticks | undefined {
  try {
    return { all: machineTicks(), ours: ourTicks(), at: performance.now() };
  } catch {
    return undefined; // no Linux: the machine counts as ours
  }
}

/** Runs `act` and tells which share of the machine's processors others took meanwhile: 0 to 1. */
export async function othersDuring<T>(act: () => Promise<T>): Promise<{ result: T; others: number }> {
  const before = now();
  const result = await act();
  const after = now();
  if (!before || !after) return { result, others: 0 };
  const capacity = ((after.at - before.at) / 1000) * ticksPerSecond * availableParallelism();
  const others = (after.all - before.all - (after.ours - before.ours)) / Math.max(1, capacity);
  return { result, others: Math.min(1, Math.max(0, others)) };
}

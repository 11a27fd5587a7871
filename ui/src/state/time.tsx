// The time range of a page, from its URL (`from`, `to`, `tz`, `refresh`, `live`), and the instant that its `now` means. Everything on a page asks
// about the same instant; the clock moves on when the user asks again, and with auto refresh or live mode at their pace.
import { createContext, type ReactNode, useCallback, useContext, useEffect, useMemo, useState } from 'react';
import type { Millis, Zone } from '@/logic/format';
import { defaultRange, type Instants, isRelative, resolveRange, type TimeRange } from '@/logic/timerange';
import { useUrlState } from './url';

export const refreshChoices = ['5s', '10s', '30s', '1m'] as const;
const everyMs: Record<string, Millis> = { '5s': 5_000, '10s': 10_000, '30s': 30_000, '1m': 60_000 };
const liveMs = 2_000;

export interface TimeState {
  range: TimeRange;
  now: Millis;
  instants: Instants;
  zone: Zone;
  refresh: string; // '' is off
  live: boolean;
  setRange(range: TimeRange): void;
  setZone(zone: Zone): void;
  setRefresh(refresh: string): void;
  setLive(live: boolean): void;
  tick(): void;
  hold(held: boolean): void; // stops the clock while the user reads
}

const TimeContext = createContext<TimeState | undefined>(undefined);
/** Apart from the rest: it changes while scrolling, when the page must not render anew. */
const HeldContext = createContext(false);

export function TimeProvider({ children }: { children: ReactNode }) {
  const { get, set } = useUrlState();
  const from = get('from') || defaultRange.from;
  const to = get('to') || defaultRange.to;
  const query = get('q');
  const zone: Zone = get('tz') === 'utc' ? 'utc' : 'local';
  const refresh = Object.hasOwn(everyMs, get('refresh')) ? get('refresh') : '';
  const live = get('live') === '1';
  const [ticks, setTicks] = useState(0);
  const [held, hold] = useState(false);
  const tick = useCallback(() => setTicks((n) => n + 1), []);

  // biome-ignore lint/correctness/useExhaustiveDependencies: a change of any of these is a new question, which is about a new now
  const now = useMemo(() => Date.now(), [from, to, query, ticks]);
  const relative = isRelative({ from, to });
  const every = held || !relative ? 0 : live ? liveMs : (everyMs[refresh] ?? 0);
  useEffect(() => {
    if (!every) return;
    const timer = setInterval(() => {
      if (!document.hidden) tick();
    }, every);
    return () => clearInterval(timer);
  }, [every, tick]);

  const state = useMemo<TimeState>(
    () => ({
      range: { from, to },
      now,
      instants: resolveRange({ from, to }, now),
      zone,
      refresh,
      live: live && relative,
      setRange: (r) => set({ from: r.from, to: r.to === 'now' ? undefined : r.to, live: r.to === 'now' ? get('live') : undefined }),
      setZone: (z) => set({ tz: z === 'utc' ? 'utc' : undefined }, { replace: true }),
      setRefresh: (r) => set({ refresh: r }, { replace: true }),
      setLive: (on) => set(on ? { live: '1', to: undefined, from: from.startsWith('now-') ? from : 'now-15m' } : { live: undefined }),
      tick,
      hold,
    }),
    [from, to, now, zone, refresh, live, relative, set, get, tick],
  );
  return (
    <TimeContext value={state}>
      <HeldContext value={held}>{children}</HeldContext>
    </TimeContext>
  );
}

export function useTime(): TimeState {
  const state = useContext(TimeContext);
  if (!state) throw new Error('useTime needs a TimeProvider');
  return state;
}

/** Whether the clock stands still because the user reads. */
export function useHeld(): boolean {
  return useContext(HeldContext);
}

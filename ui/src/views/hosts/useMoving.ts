// What is said of hosts is of now, so the charts beside it move on too, without being asked: at the pace of their steps, where no other pace is chosen.
import { useEffect } from 'react';
import { useTime } from '@/state/time';

const everyMs = 30_000;

/** `what` is looked at: a new one is a new question, about a new now. */
export function useMoving(what: string): void {
  const { range, refresh, tick } = useTime();
  // biome-ignore lint/correctness/useExhaustiveDependencies: another host
  useEffect(tick, [what, tick]);
  const moving = range.to === 'now' && refresh === '';
  useEffect(() => {
    if (!moving) return;
    const timer = setInterval(() => {
      if (!document.hidden) tick();
    }, everyMs);
    return () => clearInterval(timer);
  }, [moving, tick]);
}

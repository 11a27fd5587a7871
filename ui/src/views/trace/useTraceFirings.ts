// The alerts that fired while a trace ran, of its own services or of none.
import { useMemo } from 'react';
import { useFirings } from '@/api/firings';
import type { Firing } from '@/logic/alerts/firings';
import type { Millis } from '@/logic/format';
import type { Trace } from '@/logic/trace/model';

/** Alerts are evaluated now and then: one that such a trace set off fires a little later. */
const soon: Millis = 30_000;
/** Far enough back to see when a firing began, if that was not long ago. */
const back: Millis = 300_000;

export function useTraceFirings(t: Trace): { firings: Firing[]; start: Millis } {
  const start = Number(t.startNanos / 1_000_000n);
  const end = start + t.durationNano / 1e6;
  const all = useFirings(useMemo(() => ({ start: start - back, end: end + soon }), [start, end]));
  const firings = useMemo(
    () =>
      all.filter((f) => {
        const service = f.labels.service ?? f.labels.service_name;
        return (service === undefined || t.services.includes(service)) && f.from <= end + soon && (f.to ?? end) >= start;
      }),
    [all, t, start, end],
  );
  return { firings, start };
}

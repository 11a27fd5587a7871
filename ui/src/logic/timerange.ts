// A range of time as the URL holds it: `from` and `to` are each `now`, `now-15m`, or an instant (RFC 3339, or milliseconds since 1970). Relative
// ends are resolved once per tick, so that all questions of a page mean the same instant.
import { formatClock, formatDate, formatMoment, type Millis, type Zone } from './format';

export interface TimeRange {
  from: string;
  to: string;
}

export interface Instants {
  start: Millis;
  end: Millis;
}

export const defaultRange: TimeRange = { from: 'now-1h', to: 'now' };

export const presets: { from: string; label: string }[] = [
  { from: 'now-5m', label: 'Last 5 minutes' },
  { from: 'now-15m', label: 'Last 15 minutes' },
  { from: 'now-1h', label: 'Last hour' },
  { from: 'now-3h', label: 'Last 3 hours' },
  { from: 'now-12h', label: 'Last 12 hours' },
  { from: 'now-1d', label: 'Last day' },
  { from: 'now-7d', label: 'Last 7 days' },
  { from: 'now-30d', label: 'Last 30 days' },
];

const unitMs: Record<string, number> = { ms: 1, s: 1_000, m: 60_000, h: 3_600_000, d: 86_400_000, w: 604_800_000 };

/** Milliseconds since 1970, or NaN where the text is no time. */
export function resolveTime(text: string, now: Millis, zone: Zone = 'utc'): Millis {
  const t = text.trim();
  if (t === 'now') return now;
  const relative = /^now-((?:\d+(?:ms|[smhdw]))+)$/.exec(t);
  if (relative?.[1]) {
    let back = 0;
    for (const [, n, unit] of relative[1].matchAll(/(\d+)(ms|[smhdw])/g)) back += Number(n) * (unitMs[unit ?? ''] ?? Number.NaN);
    return now - back;
  }
  if (/^\d{11,15}$/.test(t)) return Number(t);
  if (/^\d{4}-\d\d-\d\d([T ]\d\d:\d\d(:\d\d(\.\d+)?)?(Z|[+-]\d\d:?\d\d)?)?$/.test(t)) {
    const withTime = t.length > 10 ? t.replace(' ', 'T') : `${t}T00:00`;
    return Date.parse(/(Z|[+-]\d\d:?\d\d)$/.test(withTime.slice(10)) || zone === 'local' ? withTime : `${withTime}Z`);
  }
  return Number.NaN;
}

/** Both ends; what cannot be used falls back to the default, so that a mangled address still opens. */
export function resolveRange(range: TimeRange, now: Millis): Instants {
  const start = resolveTime(range.from, now);
  const end = resolveTime(range.to, now);
  if (Number.isNaN(start) || Number.isNaN(end) || start >= end) {
    return { start: resolveTime(defaultRange.from, now), end: now };
  }
  return { start, end };
}

export function isRelative(range: TimeRange): boolean {
  return range.from.startsWith('now') || range.to.startsWith('now');
}

/** Milliseconds as the API's nanoseconds. */
export function toUnixNanos(ms: Millis): string {
  return (BigInt(Math.round(ms)) * 1_000_000n).toString();
}

/** What the picker's button says. */
export function describeRange(range: TimeRange, now: Millis, zone: Zone): string {
  if (range.to === 'now') {
    const preset = presets.find((p) => p.from === range.from);
    if (preset) return preset.label;
    if (range.from.startsWith('now-')) return `Last ${range.from.slice(4)}`;
  }
  const { start, end } = resolveRange(range, now);
  if (range.to === 'now') return `${formatMoment(start, zone)} – now`;
  const sameDay = formatDate(start, zone) === formatDate(end, zone);
  return `${formatMoment(start, zone)} – ${sameDay ? formatClock(end, zone) : formatMoment(end, zone)}`;
}

/** A dragged range, never narrower than a millisecond. */
export function rangeOf(start: Millis, end: Millis): TimeRange {
  const from = Math.floor(Math.min(start, end));
  const to = Math.max(Math.ceil(Math.max(start, end)), from + 1);
  return { from: new Date(from).toISOString(), to: new Date(to).toISOString() };
}

/** Twice as wide around the same middle, not beyond now. */
export function zoomOut(range: TimeRange, now: Millis): TimeRange {
  const { start, end } = resolveRange(range, now);
  const half = (end - start) / 2;
  return rangeOf(start - half, Math.min(end + half, Math.max(now, end)));
}

/** The range before or after this one. */
export function shiftRange(range: TimeRange, by: -1 | 1, now: Millis): TimeRange {
  const { start, end } = resolveRange(range, now);
  const step = ((end - start) / 2) * by;
  return rangeOf(start + step, end + step);
}

// biome-ignore format: a table
const steps: [Millis, string][] = [
  [1, '1ms'], [10, '10ms'], [100, '100ms'], [1_000, '1s'], [2_000, '2s'], [5_000, '5s'], [10_000, '10s'], [15_000, '15s'], [30_000, '30s'],
  [60_000, '1m'], [120_000, '2m'], [300_000, '5m'], [600_000, '10m'], [900_000, '15m'], [1_800_000, '30m'],
  [3_600_000, '1h'], [7_200_000, '2h'], [21_600_000, '6h'], [43_200_000, '12h'], [86_400_000, '1d'], [604_800_000, '1w'],
];

/** The width of a bucket that makes at most that many of a range. */
export function stepFor({ start, end }: Instants, buckets: number): string {
  const step = steps.find(([ms]) => (end - start) / ms <= buckets) ?? steps[steps.length - 1];
  return step?.[1] ?? '1w';
}

/** A duration such as 15s or 1m30s in milliseconds; NaN where the text is none. */
export function stepMs(text: string): Millis {
  if (!/^(?:\d+(?:ms|[smhdw]))+$/.test(text)) return Number.NaN;
  let ms = 0;
  for (const [, n, unit] of text.matchAll(/(\d+)(ms|[smhdw])/g)) ms += Number(n) * (unitMs[unit ?? ''] ?? Number.NaN);
  return ms > 0 ? ms : Number.NaN;
}

/** Whether times of a range need their date to be told apart. */
export function spansDays({ start, end }: Instants, zone: Zone): boolean {
  return formatDate(start, zone) !== formatDate(end, zone) || formatDate(end, zone) !== formatDate(Date.now(), zone);
}

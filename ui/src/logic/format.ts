// Numbers and times for people. Durations and offsets are nanoseconds in a double, which is exact up to 104 days; absolute times are not (they
// exceed 2^53), so they stay the decimal strings of the API and are cut into seconds and nanoseconds here.

/** A duration or an offset from a base, in nanoseconds. */
export type Nanos = number & { readonly unit?: 'ns' };
/** Milliseconds since 1970, or a width in milliseconds. */
export type Millis = number & { readonly unit?: 'ms' };
/** Nanoseconds since 1970 as decimal text. */
export type UnixNanos = string & { readonly unit?: 'unix ns' };

export type Zone = 'local' | 'utc';

const units: [number, string][] = [
  [1e9, 's'],
  [1e6, 'ms'],
  [1e3, 'µs'],
];

/** 950ns, 1.25ms, 3.2s, 2m 5s, 3h 20m, 2d 4h: three digits at most, so that columns stay narrow. */
export function formatDuration(ns: Nanos): string {
  if (!Number.isFinite(ns)) return '–';
  if (ns < 0) return `-${formatDuration(-ns)}`;
  for (const [size, unit] of units) {
    if (size === 1e9 && ns >= 59.95e9) break;
    // What would round up to 1000 of a unit is 1 of the next.
    if (ns >= size * 0.9995) return threeDigits(ns / size) + unit;
  }
  if (ns < 1e3) return `${Math.round(ns)}ns`;
  const seconds = Math.round(ns / 1e9);
  const parts: [number, string][] = [
    [Math.floor(seconds / 86400), 'd'],
    [Math.floor(seconds / 3600) % 24, 'h'],
    [Math.floor(seconds / 60) % 60, 'm'],
    [seconds % 60, 's'],
  ];
  const first = parts.findIndex(([n]) => n > 0);
  return parts
    .slice(first, first + 2)
    .filter(([n], i) => i === 0 || n > 0)
    .map(([n, unit]) => n + unit)
    .join(' ');
}

function threeDigits(x: number): string {
  const digits = x < 9.995 ? 2 : x < 99.95 ? 1 : 0;
  const text = x.toFixed(digits);
  return digits ? text.replace(/\.?0+$/, '') : text;
}

const grouped = new Intl.NumberFormat('en-US');

/** 1,234,567 */
export function formatCount(n: number): string {
  return Number.isFinite(n) ? grouped.format(n) : '–';
}

/** 950, 12.3k, 4.56M, 7.1G */
export function formatCompact(n: number): string {
  if (!Number.isFinite(n)) return '–';
  const steps: [number, string][] = [
    [1e9, 'G'],
    [1e6, 'M'],
    [1e3, 'k'],
  ];
  for (const [size, unit] of steps) if (Math.abs(n) >= size * 0.9995) return threeDigits(n / size) + unit;
  return String(Math.round(n));
}

/** 812 B, 4.2 kB, 1.5 MB */
export function formatBytes(n: number): string {
  if (!Number.isFinite(n)) return '–';
  const steps: [number, string][] = [
    [1e12, 'TB'],
    [1e9, 'GB'],
    [1e6, 'MB'],
    [1e3, 'kB'],
  ];
  for (const [size, unit] of steps) if (n >= size * 0.9995) return `${threeDigits(n / size)} ${unit}`;
  return `${Math.round(n)} B`;
}

/** Whole milliseconds and the nanoseconds below them. NaN where the text is no number. */
export function splitUnixNanos(t: UnixNanos): { ms: Millis; rest: Nanos } {
  if (!/^\d{7,}$/.test(t)) return { ms: Number.NaN, rest: 0 };
  return { ms: Number(t.slice(0, -6)), rest: Number(t.slice(-6)) };
}

const two = (n: number) => String(n).padStart(2, '0');

/** 2026-11-21 */
export function formatDate(ms: Millis, zone: Zone): string {
  const d = new Date(ms);
  if (Number.isNaN(d.getTime())) return '–';
  return zone === 'utc'
    ? `${d.getUTCFullYear()}-${two(d.getUTCMonth() + 1)}-${two(d.getUTCDate())}`
    : `${d.getFullYear()}-${two(d.getMonth() + 1)}-${two(d.getDate())}`;
}

/** 09:30:01 */
export function formatClock(ms: Millis, zone: Zone): string {
  const d = new Date(ms);
  if (Number.isNaN(d.getTime())) return '–';
  return zone === 'utc'
    ? `${two(d.getUTCHours())}:${two(d.getUTCMinutes())}:${two(d.getUTCSeconds())}`
    : `${two(d.getHours())}:${two(d.getMinutes())}:${two(d.getSeconds())}`;
}

/** 2026-11-21 09:30:01 */
export function formatMoment(ms: Millis, zone: Zone): string {
  return Number.isNaN(new Date(ms).getTime()) ? '–' : `${formatDate(ms, zone)} ${formatClock(ms, zone)}`;
}

/** The time with 0 to 9 digits below the second, with its date or without. */
export function formatUnixNanos(t: UnixNanos, zone: Zone, digits = 3, withDate = false): string {
  const { ms, rest } = splitUnixNanos(t);
  if (Number.isNaN(new Date(ms).getTime())) return '–';
  const fraction = (String(ms % 1000).padStart(3, '0') + String(rest).padStart(6, '0')).slice(0, digits);
  return (withDate ? formatMoment(ms, zone) : formatClock(ms, zone)) + (digits > 0 ? `.${fraction}` : '');
}

/** Percent without false precision: 0, <0.1%, 3.4%, 42%. */
export function formatPercent(fraction: number): string {
  if (!Number.isFinite(fraction)) return '–';
  const p = fraction * 100;
  if (p === 0) return '0%';
  if (Math.abs(p) < 0.1) return '<0.1%';
  return `${Math.abs(p) < 10 ? p.toFixed(1).replace(/\.0$/, '') : Math.round(p)}%`;
}

// Series of metrics in words, numbers and files.
import { formatBytes, formatCompact, formatDuration } from '@/logic/format';

export type Labels = Record<string, string>;

/** A series as PromQL writes it. */
export function seriesName(labels: Labels): string {
  const { __name__: name = '', ...rest } = labels;
  const inside = Object.entries(rest).map(([key, value]) => `${key}=${JSON.stringify(value)}`);
  return inside.length > 0 || name === '' ? `${name}{${inside.join(', ')}}` : name;
}

/** Labels that all of the series have with the same value: they tell none from another. */
export function commonLabels(all: readonly Labels[]): Labels {
  const [first, ...rest] = all;
  if (!first || rest.length === 0) return {};
  return Object.fromEntries(Object.entries(first).filter(([key, value]) => rest.every((l) => l[key] === value)));
}

/** What is left of labels without those that are in common. */
export function without(labels: Labels, common: Labels): Labels {
  return Object.fromEntries(Object.entries(labels).filter(([key]) => !(key in common)));
}

export type ValueUnit = 'bytes' | 'seconds' | 'none';

/** What a query's values are measured in, as far as its text says: names end in their units. */
export function unitOf(expr: string): ValueUnit {
  if (/\bcount(_values)?\b|[^\w]\/[^\w]/.test(expr)) return 'none';
  if (/_bytes(_total|_sum|_bucket)?\b/.test(expr)) return 'bytes';
  // A rate of seconds is a share of time, unless it is that of a histogram's buckets.
  if (/_seconds(_bucket)?\b/.test(expr) && (/\bhistogram_(quantile|avg)\b/.test(expr) || !/\b(rate|irate|increase)\b/.test(expr)))
    return 'seconds';
  return 'none';
}

const small = new Intl.NumberFormat('en-US', { maximumSignificantDigits: 4, useGrouping: false });

/** 0.0123, 12.34, 12.3k: a number without a unit. */
export function formatNumber(v: number): string {
  if (Number.isNaN(v)) return 'NaN';
  if (!Number.isFinite(v)) return v > 0 ? '+Inf' : '-Inf';
  const size = Math.abs(v);
  if (size !== 0 && (size < 1e-4 || size >= 1e12)) return v.toExponential(3).replace(/\.?0+e/, 'e');
  return size >= 10_000 ? formatCompact(v) : small.format(v);
}

export function formatValue(v: number, unit: ValueUnit): string {
  if (!Number.isFinite(v) || unit === 'none') return formatNumber(v);
  if (unit === 'bytes') return v < 0 ? `-${formatBytes(-v)}` : formatBytes(v);
  return formatDuration(v * 1e9);
}

export interface Summary {
  points: number;
  min: number;
  mean: number;
  max: number;
  last: number;
}

/** NaN where there are no points. */
export function summaryOf(values: readonly (number | null)[]): Summary {
  let [points, sum, min, max, last] = [0, 0, Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY, Number.NaN];
  for (const v of values) {
    if (v === null) continue;
    points++;
    sum += v;
    min = Math.min(min, v);
    max = Math.max(max, v);
    last = v;
  }
  if (points === 0) return { points, min: Number.NaN, mean: Number.NaN, max: Number.NaN, last };
  return { points, min, mean: sum / points, max, last };
}

/** A field of a CSV file. A program that opens it would take what begins like a formula for one: an apostrophe tells it not to. */
function field(text: string): string {
  const safe = /^[=+\-@\t\r]/.test(text) && Number.isNaN(Number(text)) ? `'${text}` : text;
  return /[",\n\r]/.test(safe) ? `"${safe.replaceAll('"', '""')}"` : safe;
}

export function csvOf(rows: readonly (readonly (string | number | null)[])[]): string {
  return rows.map((row) => `${row.map((v) => (v === null ? '' : field(String(v)))).join(',')}\r\n`).join('');
}

/** A row for each time, a column for each series. */
export function rangeRows(start: number, step: number, points: number, series: readonly { name: string; values: (number | null)[] }[]) {
  const rows: (string | number | null)[][] = [['time', ...series.map((s) => s.name)]];
  for (let i = 0; i < points; i++) rows.push([new Date(start + i * step).toISOString(), ...series.map((s) => s.values[i] ?? null)]);
  return rows;
}

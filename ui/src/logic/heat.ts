// The heatmap of spans: time across, duration upwards on a logarithmic scale. How dark a cell is says how many; red says that there are errors.
import type { Theme } from './color';
import { formatDuration, type Nanos } from './format';

export interface HeatColumns {
  bounds: Nanos[];
  columns: { counts: number[]; errors: number[] }[];
}

export interface HeatCell {
  column: number;
  row: number;
  count: number;
  errors: number;
}

/** The cells that hold anything. */
export function cellsOf({ bounds, columns }: HeatColumns): HeatCell[] {
  const out: HeatCell[] = [];
  columns.forEach((c, column) => {
    for (let row = 0; row < Math.max(bounds.length, c.counts.length); row++) {
      const count = c.counts[row] ?? 0;
      if (count > 0) out.push({ column, row, count, errors: Math.min(c.errors[row] ?? 0, count) });
    }
  });
  return out;
}

/** The rows in use, first to last, so that the axis shows no empty decades. Undefined where there is nothing. */
export function rowsUsed(cells: readonly HeatCell[]): { first: number; last: number } | undefined {
  if (cells.length === 0) return undefined;
  let first = Number.POSITIVE_INFINITY;
  let last = 0;
  for (const c of cells) {
    first = Math.min(first, c.row);
    last = Math.max(last, c.row);
  }
  return { first, last };
}

// biome-ignore format: a table
const ramps: Record<Theme, { calm: [number, number, number][]; error: [number, number, number][] }> = {
  light: { calm: [[214, 232, 243], [43, 122, 176], [14, 52, 92]], error: [[250, 208, 220], [213, 48, 106], [122, 11, 58]] },
  dark: { calm: [[29, 52, 74], [62, 142, 199], [206, 233, 252]], error: [[86, 28, 50], [226, 72, 120], [255, 205, 220]] },
};

/**
 * A cell's colour: logarithmic in its count, so that the few slow spans are seen beside the many fast ones, and the redder the more of them failed.
 * A single failure shows already.
 */
export function heatColor(count: number, errors: number, countMax: number, theme: Theme): string {
  const t = countMax <= 1 ? 1 : Math.log(count) / Math.log(countMax);
  const calm = along(ramps[theme].calm, t);
  const error = along(ramps[theme].error, t);
  const share = errors > 0 ? 0.25 + 0.75 * Math.sqrt(errors / count) : 0;
  return `rgb(${calm.map((x, k) => Math.round(x + ((error[k] ?? x) - x) * share)).join(' ')})`;
}

function along(ramp: readonly [number, number, number][], t: number): number[] {
  const at = Math.min(Math.max(t, 0), 1) * (ramp.length - 1);
  const i = Math.min(Math.floor(at), ramp.length - 2);
  const [a, b] = [ramp[i] ?? [], ramp[i + 1] ?? []];
  return a.map((x, k) => x + ((b[k] ?? x) - x) * (at - i));
}

/** Heights that get a label: decades, and where there are few of them also 3 times each. */
export function logTicks(low: Nanos, high: Nanos): Nanos[] {
  const decades: Nanos[] = [];
  for (let d = 10 ** Math.floor(Math.log10(Math.max(low, 1))); d <= high; d *= 10) decades.push(d);
  const all = decades.filter((d) => d >= low).length >= 3 ? decades : decades.flatMap((d) => [d, d * 3]);
  return all.filter((d) => d >= low && d <= high);
}

/** A duration for the search language: three digits and a unit, rounded outwards by the caller's choice. */
export function durationTerm(ns: Nanos): string {
  return formatDuration(Math.max(1, ns)).replace('µs', 'us').replaceAll(' ', '');
}

/** The terms that select durations between two heights, with each end left open at the edge of the chart. */
export function durationBounds(low: Nanos | undefined, high: Nanos | undefined): string[] {
  const out: string[] = [];
  if (low !== undefined) out.push(`duration>=${durationTerm(low)}`);
  if (high !== undefined) out.push(`duration<=${durationTerm(high)}`);
  return out;
}

// Time to pixels and back, and where the axis has its ticks. Times are nanoseconds after the trace's start.

export interface Window {
  from: number;
  to: number;
}

/** No window is narrower than this: below it, floating point would jitter. */
export const windowMin = 10;

export function toX(w: Window, width: number, time: number): number {
  return ((time - w.from) / (w.to - w.from)) * width;
}

export function toTime(w: Window, width: number, x: number): number {
  return w.from + (x / width) * (w.to - w.from);
}

/** Keeps a window inside of `whole`, and not too narrow. */
export function clampWindow(w: Window, whole: Window): Window {
  const size = Math.min(Math.max(w.to - w.from, windowMin), whole.to - whole.from);
  const from = Math.min(Math.max(w.from, whole.from), whole.to - size);
  return { from, to: from + size };
}

/** Moves a window by a share of its size. */
export function pan(w: Window, whole: Window, share: number): Window {
  const by = (w.to - w.from) * share;
  return clampWindow({ from: w.from + by, to: w.to + by }, whole);
}

/** Zooms around a time: factor 0.5 shows half as much. */
export function zoom(w: Window, whole: Window, factor: number, around = (w.from + w.to) / 2): Window {
  return clampWindow({ from: around - (around - w.from) * factor, to: around + (w.to - around) * factor }, whole);
}

/** Whether a window shows everything. */
export function isWhole(w: Window, whole: Window): boolean {
  return w.from <= whole.from && w.to >= whole.to;
}

/** Round times inside of a window, at most `most` of them; steps are 1, 2 or 5 times a power of ten, from 1 ns. */
export function ticks(w: Window, most: number): number[] {
  const rough = (w.to - w.from) / Math.max(1, most);
  const power = 10 ** Math.max(0, Math.floor(Math.log10(rough)));
  const step = [1, 2, 5, 10].map((k) => k * power).find((s) => s >= rough) ?? 10 * power;
  const out: number[] = [];
  for (let k = Math.ceil(w.from / step); k * step <= w.to; k++) out.push(k * step);
  return out;
}

/** Parses "from~to" in nanoseconds; null if it is no window. */
export function readWindow(s: string): Window | null {
  const m = /^(-?\d+)~(-?\d+)$/.exec(s);
  if (!m) return null;
  const w = { from: Number(m[1]), to: Number(m[2]) };
  return w.to - w.from >= windowMin && Number.isSafeInteger(w.from) && Number.isSafeInteger(w.to) ? w : null;
}

export function printWindow(w: Window): string {
  return `${Math.round(w.from)}~${Math.round(w.to)}`;
}

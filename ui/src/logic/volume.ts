// The volume chart's data: what the histogram counted, as stacked bars with a meaning for each colour.
import { type SeverityClass, serviceColor, severityClass, severityColor, type Theme } from './color';

export interface CountedSeries {
  value: string;
  absent: boolean;
  other: boolean;
  counts: number[];
}

/** One colour of the stack. `value` is what a filter would ask for, undefined where none can. */
export interface Layer {
  label: string;
  value: string | undefined;
  color: string;
  counts: number[];
  total: number;
}

const grey: Record<Theme, string> = { light: '#b3bcc7', dark: '#4d5865' };
const severityOrder: SeverityClass[] = ['fatal', 'error', 'warn', 'info', 'debug', 'trace', 'unset'];

/** The layers from the bottom up. What matters most stands on the ground, where heights can be compared: errors first, then by count. */
export function layersOf(series: readonly CountedSeries[], by: string, buckets: number, theme: Theme): Layer[] {
  if (by === 'severity') return bySeverity(series, buckets, theme);
  const layers = series.map<Layer>((s) => ({
    label: s.other ? 'others' : s.absent ? `no ${by}` : s.value || '(empty)',
    value: s.other || s.absent ? undefined : s.value,
    color: s.other || s.absent ? grey[theme] : colorOf(by, s.value, theme),
    counts: padded(s.counts, buckets),
    total: sum(s.counts),
  }));
  const rank = (l: Layer) => (by === 'status' && l.value === 'error' ? 0 : l.value === undefined ? 2 : 1);
  return layers.sort((a, b) => rank(a) - rank(b) || b.total - a.total || (a.label < b.label ? -1 : 1));
}

function bySeverity(series: readonly CountedSeries[], buckets: number, theme: Theme): Layer[] {
  const layers = new Map<SeverityClass, Layer>();
  for (const s of series) {
    const level = s.absent || s.other ? 'unset' : severityClass(Number(s.value));
    let layer = layers.get(level);
    if (!layer) {
      const label = level === 'unset' ? 'no severity' : level;
      const value = level === 'unset' ? undefined : level;
      layer = { label, value, color: severityColor[theme][level], counts: new Array<number>(buckets).fill(0), total: 0 };
      layers.set(level, layer);
    }
    for (let i = 0; i < buckets; i++) layer.counts[i] = (layer.counts[i] ?? 0) + (s.counts[i] ?? 0);
    layer.total += sum(s.counts);
  }
  return severityOrder.flatMap((level) => layers.get(level) ?? []);
}

function colorOf(by: string, value: string, theme: Theme): string {
  if (by === 'status') return value === 'error' ? severityColor[theme].error : value === 'ok' ? '#2b9c8c' : severityColor[theme].info;
  return serviceColor(value || ' ', theme);
}

const sum = (xs: readonly number[]) => xs.reduce((a, b) => a + b, 0);
const padded = (xs: readonly number[], n: number) => Array.from({ length: n }, (_, i) => xs[i] ?? 0);

/** Tops of the bars: layer by layer the sum of it and all below. */
export function stacked(layers: readonly Layer[]): number[][] {
  const below = new Array<number>(layers[0]?.counts.length ?? 0).fill(0);
  return layers.map((l) =>
    l.counts.map((n, i) => {
      below[i] = (below[i] ?? 0) + n;
      return below[i] ?? 0;
    }),
  );
}

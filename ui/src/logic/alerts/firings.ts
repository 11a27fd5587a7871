// When alerts fired, read from the metric ALERTS that rules write.
import type { Millis } from '@/logic/format';

/** One alert from when it fired until it did not. */
export interface Firing {
  name: string;
  labels: Record<string, string>; // without alertname
  from: Millis;
  to: Millis | undefined; // undefined: it still fires at the end of the time that was asked about
  before: boolean; // it fired already when that time began
}

/** Alerts' labels that say what the metric is, not what the alert is about. */
const ofMetric = new Set(['__name__', 'alertname', 'alertstate']);

/** Steps between which nothing is missed by looking at steps alone: a sample counts for five minutes, or until the alert says that it is over. */
const lookback: Millis = 300_000;

/** The question whose answer has a value for each step at which an alert fired. */
export function firingQuery(step: Millis): string {
  const fired = 'ALERTS{alertstate="firing"}';
  return step < lookback ? fired : `max_over_time(${fired}[${Math.round(step / 1000)}s])`;
}

interface Steps {
  start: Millis;
  step: Millis;
  points: number;
  series: { labels: Record<string, string>; values: (number | null)[] }[];
}

/** In order of time. */
export function firingsOf({ start, step, points, series }: Steps): Firing[] {
  const out: Firing[] = [];
  for (const { labels, values } of series) {
    const name = labels.alertname ?? '';
    const own = Object.fromEntries(Object.entries(labels).filter(([key]) => !ofMetric.has(key)));
    let since = -1;
    for (let i = 0; i <= points; i++) {
      const on = i < points && typeof values[i] === 'number';
      if (on && since < 0) since = i;
      if (on || since < 0) continue;
      out.push({ name, labels: own, from: start + since * step, to: i < points ? start + i * step : undefined, before: since === 0 });
      since = -1;
    }
  }
  return out.sort((a, b) => a.from - b.from || a.name.localeCompare(b.name));
}

/** Whether a firing has all of these labels. */
export function concerns(f: Firing, about: Record<string, string>): boolean {
  return Object.entries(about).every(([key, value]) => f.labels[key] === value);
}

/** What a firing says of itself: HighLatency host_name=a. */
export function firingText(f: Firing): string {
  return [f.name, ...Object.entries(f.labels).map(([key, value]) => `${key}=${value}`)].join(' ');
}

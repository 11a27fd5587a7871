// The list of hosts: its order, and the small charts in its rows.
import type { Host, Sequence } from '@/api/hosts';
import { anyOf } from './charts';

export const sortKeys = ['name', 'alerts', 'heard', 'cpu', 'memory', 'disk', 'network', 'logs', 'spans', 'points', 'lag', 'lost'] as const;
export type SortKey = (typeof sortKeys)[number];

export interface Sort {
  key: SortKey;
  /** The other way around than what one looks for first: names from the end, the calmest before the busiest. */
  reversed: boolean;
}

/** What the address says: '' is the server's order, in which the silent come first. */
export function parseSort(text: string): Sort | undefined {
  const reversed = text.startsWith('-');
  const key = sortKeys.find((k) => k === text.slice(reversed ? 1 : 0));
  return key && { key, reversed };
}

/** What a click on a column's name leads to: by it, the other way around, as before. */
export function nextSort(sort: Sort | undefined, key: SortKey): string | undefined {
  if (sort?.key !== key) return key;
  return sort.reversed ? undefined : `-${key}`;
}

export function rateOf(h: Host, signal: string): number {
  return h.traffic.find((t) => t.signal === signal)?.perSecond ?? Number.NaN;
}

export function networkOf(h: Host): number {
  const { inBytesPerSecond: a = Number.NaN, outBytesPerSecond: b = Number.NaN } = h.load ?? {};
  return Number.isNaN(a) ? b : a + (Number.isNaN(b) ? 0 : b);
}

/** By what a column is sorted, the largest first; NaN is not known, and last either way. */
const weights: Record<Exclude<SortKey, 'name' | 'alerts'>, (h: Host) => number> = {
  heard: (h) => Date.parse(h.lastHeard),
  cpu: (h) => h.load?.cpu ?? Number.NaN,
  memory: (h) => h.load?.memory ?? Number.NaN,
  disk: (h) => h.load?.disk ?? Number.NaN,
  network: networkOf,
  logs: (h) => rateOf(h, 'logs'),
  spans: (h) => rateOf(h, 'spans'),
  points: (h) => rateOf(h, 'metrics'),
  lag: (h) => (h.heartbeat ? h.lagSeconds : Number.NaN),
  lost: (h) => (h.heartbeat ? h.lost : Number.NaN),
};

/** `alerting` says how much is wrong with a host by its alerts. */
export function sortHosts(hosts: Host[], sort: Sort | undefined, alerting: (host: string) => number = () => 0): Host[] {
  if (!sort) return hosts;
  const way = sort.reversed ? -1 : 1;
  const byName = (a: Host, b: Host) => a.host.localeCompare(b.host, 'en', { numeric: true });
  if (sort.key === 'name') return hosts.toSorted((a, b) => way * byName(a, b));
  const weight = sort.key === 'alerts' ? (h: Host) => alerting(h.host) : weights[sort.key];
  return hosts.toSorted((a, b) => {
    const [x, y] = [weight(a), weight(b)];
    if (Number.isNaN(x) || Number.isNaN(y)) return Number(Number.isNaN(x)) - Number(Number.isNaN(y)) || byName(a, b);
    return way * (y - x) || byName(a, b);
  });
}

export const sparkKinds = ['cpu', 'memory', 'disk', 'network'] as const;
export type SparkKind = (typeof sparkKinds)[number];

/** The question behind the small charts of some hosts: a series for each. */
export function sparkQuery(kind: SparkKind, hosts: string[], span: string): string {
  const who = `host_name=~${anyOf(hosts)}`;
  switch (kind) {
    case 'cpu':
      return `1 - sum by (host_name) (rate(system_cpu_time_seconds_total{state=~"idle|wait",${who}}[${span}])) / sum by (host_name) (rate(system_cpu_time_seconds_total{${who}}[${span}]))`;
    case 'memory':
      return `sum by (host_name) (system_memory_usage_bytes{state="used",${who}}) / sum by (host_name) (system_memory_usage_bytes{state=~"used|free|buffered|cached",${who}})`;
    case 'disk':
      return `max by (host_name) (sum by (host_name, device, mountpoint) (system_filesystem_usage_bytes{state="used",type!~"squashfs|iso9660|tmpfs|devtmpfs",${who}}) / sum by (host_name, device, mountpoint) (system_filesystem_usage_bytes{state=~"used|free",type!~"squashfs|iso9660|tmpfs|devtmpfs",${who}}))`;
    case 'network':
      return `sum by (host_name) (rate(system_network_io_bytes_total{device!~"lo|lo0",${who}}[${span}]))`;
  }
}

export function byHost(series: Sequence[]): Map<string, (number | null)[]> {
  return new Map(series.map((s) => [s.labels.host_name ?? '', s.values]));
}

/** A line through values as an SVG path of a width and height; values without one make gaps. `max` is the top; without it the largest value is. */
export function sparkPath(values: (number | null)[], width: number, height: number, max = Number.NaN): string {
  const top = Number.isNaN(max) ? Math.max(1e-9, ...values.map((v) => v ?? 0)) : max;
  const dx = values.length > 1 ? width / (values.length - 1) : 0;
  let path = '';
  let on = false;
  values.forEach((v, i) => {
    if (v === null) {
      on = false;
      return;
    }
    const y = 1 + (height - 2) * (1 - Math.max(0, Math.min(1, v / top)));
    const at = `${(i * dx).toFixed(1)} ${y.toFixed(1)}`;
    // A lone value is a dot: a line of no length, with round ends.
    path += on ? `L${at}` : `M${at}L${at}`;
    on = true;
  });
  return path;
}

/** 12s, 3m, 2h, 5d: how long ago, in one unit. */
export function formatAgo(then: string, now: number): string {
  const seconds = Math.max(0, (now - Date.parse(then)) / 1000);
  if (Number.isNaN(seconds)) return '–';
  if (seconds < 60) return `${Math.floor(seconds)}s`;
  if (seconds < 3600) return `${Math.floor(seconds / 60)}m`;
  if (seconds < 48 * 3600) return `${Math.floor(seconds / 3600)}h`;
  return `${Math.floor(seconds / 86400)}d`;
}

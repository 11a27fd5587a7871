// What a host's page draws: questions in PromQL about the metrics of the OpenTelemetry hostmetrics receiver, and names for their series.
import type { Sequence } from '@/api/hosts';
import { formatBytes, formatCompact, formatPercent } from '@/logic/format';
import type { Instants } from '@/logic/timerange';

export type Unit = 'share' | 'bytes' | 'bytes/s' | 'number';

export interface HostChartSpec {
  id: string;
  title: string;
  unit: Unit;
  /** Parts of a whole, one upon the other. */
  stacked: boolean;
  /** The question; rates are taken over `span`, and what is there `lately` is there. */
  query(host: string, span: string, lately: string): string;
  /** What a series is called. */
  name(labels: Record<string, string>): string;
  /** Series in this order, from the bottom; others after them. Without it the largest come first. */
  order?: string[];
}

/** A text in PromQL's double quotes. */
export function quoted(text: string): string {
  return `"${text.replace(/[\\"]/g, '\\$&').replaceAll('\n', '\\n')}"`;
}

/** A regular expression that matches exactly these texts, quoted. */
export function anyOf(texts: string[]): string {
  return quoted(texts.map((t) => t.replace(/[.*+?^${}()|[\]\\]/g, '\\$&')).join('|'));
}

const of = (host: string, ...more: string[]) => `{${[`host_name=${quoted(host)}`, ...more].join(',')}}`;

/** Disks that are parts of others, whose bytes would be drawn twice. */
const partitions = '(sd|vd|xvd|hd)[a-z]+[0-9]+|nvme[0-9]+n[0-9]+p[0-9]+|mmcblk[0-9]+p[0-9]+|loop.*|ram.*';
const images = 'type!~"squashfs|iso9660|tmpfs|devtmpfs"';
const direction = (d: string | undefined) => ({ read: 'read', write: 'write', receive: 'in', transmit: 'out' })[d ?? ''] ?? d ?? '';

export const hostCharts: readonly HostChartSpec[] = [
  {
    id: 'cpu',
    title: 'CPU by mode',
    unit: 'share',
    stacked: true,
    query: (h, span) =>
      `sum by (state) (rate(system_cpu_time_seconds_total${of(h, 'state!="idle"')}[${span}])) / on () group_left () sum(rate(system_cpu_time_seconds_total${of(h)}[${span}]))`,
    name: (l) => l.state ?? '',
    order: ['user', 'system', 'nice', 'softirq', 'interrupt', 'steal', 'wait'],
  },
  {
    id: 'memory',
    title: 'Memory by state',
    unit: 'bytes',
    stacked: true,
    query: (h) => `sum by (state) (system_memory_usage_bytes${of(h, 'state=~"used|buffered|cached|free"')})`,
    name: (l) => l.state ?? '',
    order: ['used', 'buffered', 'cached', 'free'],
  },
  {
    id: 'load',
    title: 'Load average',
    unit: 'number',
    stacked: false,
    query: (h) => `{__name__=~"system_cpu_load_average_(1|5|15)m",host_name=${quoted(h)}}`,
    name: (l) => `${/_(\d+)m$/.exec(l.__name__ ?? '')?.[1] ?? '?'} min`,
    order: ['1 min', '5 min', '15 min'],
  },
  {
    id: 'diskio',
    title: 'Disk reads and writes',
    unit: 'bytes/s',
    stacked: false,
    query: (h, span) => `sum by (device, direction) (rate(system_disk_io_bytes_total${of(h, `device!~${quoted(partitions)}`)}[${span}]))`,
    name: (l) => `${l.device ?? ''} ${direction(l.direction)}`,
  },
  {
    id: 'disk',
    title: 'Disk space used',
    unit: 'share',
    stacked: false,
    query: (h) =>
      `sum by (mountpoint) (system_filesystem_usage_bytes${of(h, 'state="used"', images)}) / sum by (mountpoint) (system_filesystem_usage_bytes${of(h, 'state=~"used|free"', images)})`,
    name: (l) => l.mountpoint ?? '',
  },
  {
    id: 'network',
    title: 'Network',
    unit: 'bytes/s',
    stacked: false,
    query: (h, span) => `sum by (device, direction) (rate(system_network_io_bytes_total${of(h, 'device!~"lo|lo0"')}[${span}]))`,
    name: (l) => `${l.device ?? ''} ${direction(l.direction)}`,
  },
  {
    id: 'processes-cpu',
    title: 'Processes by CPU, in cores',
    unit: 'number',
    stacked: false,
    query: (h, span) => `sum by (process_executable_name) (rate(process_cpu_time_seconds_total${of(h)}[${span}]))`,
    name: (l) => l.process_executable_name ?? '',
  },
  {
    id: 'processes-memory',
    title: 'Processes by resident memory',
    unit: 'bytes',
    stacked: false,
    query: (h, _span, lately) => `sum by (process_executable_name) (last_over_time(process_memory_usage_bytes${of(h)}[${lately}]))`,
    name: (l) => l.process_executable_name ?? '',
  },
];

export const processCpuQuery = (h: string, span: string) =>
  `sum by (process_executable_name, process_pid) (rate(process_cpu_time_seconds_total${of(h)}[${span}]))`;
export const processMemoryQuery = (h: string, lately: string) =>
  `sum by (process_executable_name, process_pid) (last_over_time(process_memory_usage_bytes${of(h)}[${lately}]))`;

export interface Process {
  pid: string;
  name: string;
  cpu: number; // cores; NaN: not known
  memory: number; // bytes
}

/** Processes by their last values, the busiest first, then the largest. */
export function processesOf(cpu: Sequence[], memory: Sequence[], most: number): Process[] {
  const by = new Map<string, Process>();
  const put = (s: Sequence, key: 'cpu' | 'memory') => {
    const value = s.values.findLast((v) => v !== null);
    const { process_pid: pid = '', process_executable_name: name = '' } = s.labels;
    if (typeof value !== 'number') return;
    const p = by.get(`${pid} ${name}`) ?? { pid, name, cpu: Number.NaN, memory: Number.NaN };
    p[key] = value;
    by.set(`${pid} ${name}`, p);
  };
  for (const s of cpu) put(s, 'cpu');
  for (const s of memory) put(s, 'memory');
  const rank = (x: number) => (Number.isNaN(x) ? -1 : x);
  return [...by.values()]
    .sort((a, b) => rank(b.cpu) - rank(a.cpu) || rank(b.memory) - rank(a.memory) || a.name.localeCompare(b.name))
    .slice(0, most);
}

export interface Line {
  name: string;
  values: (number | null)[];
}

/** At the most so many lines: those that ever were largest, in the chart's order. `more` is how many were left out. */
export function linesOf(
  spec: Pick<HostChartSpec, 'name' | 'order' | 'stacked'>,
  series: Sequence[],
  most: number,
): { lines: Line[]; more: number } {
  const all = series
    .map((s) => ({ name: spec.name(s.labels), values: s.values, peak: peakOf(s.values) }))
    .filter((l) => l.peak > (spec.stacked ? 0 : -1)); // nothing upon nothing is not seen
  all.sort((a, b) => b.peak - a.peak || a.name.localeCompare(b.name));
  const lines = all.slice(0, most);
  const { order } = spec;
  if (order) {
    const place = (name: string) => (order.indexOf(name) + order.length + 1) % (order.length + 1); // unknown names last
    lines.sort((a, b) => place(a.name) - place(b.name));
  }
  return { lines, more: all.length - lines.length };
}

function peakOf(values: (number | null)[]): number {
  let peak = -1;
  for (const v of values) if (v !== null && v > peak) peak = v;
  return peak;
}

/** Each line upon those before it. Where a line has no value it adds nothing; where none has one there is none. */
export function stackedOf(lines: Line[]): (number | null)[][] {
  const sum: (number | null)[] = [];
  return lines.map((l) =>
    l.values.map((v, i) => {
      if (v !== null) sum[i] = (sum[i] ?? 0) + v;
      return sum[i] ?? null;
    }),
  );
}

export function formatUnit(v: number, unit: Unit): string {
  if (!Number.isFinite(v)) return '–';
  switch (unit) {
    case 'share':
      return formatPercent(v);
    case 'bytes':
      return formatBytes(v);
    case 'bytes/s':
      return `${formatBytes(v)}/s`;
    case 'number':
      return v !== 0 && Math.abs(v) < 10 ? String(Number(v.toPrecision(2))) : formatCompact(v);
  }
}

/** What an axis shows at least, so that noise does not fill it and its labels differ. */
export const leastOf: Record<Unit, number> = { share: 1, bytes: 1_000, 'bytes/s': 1_000, number: 0.1 };

const stepsMs = [15_000, 30_000, 60_000, 120_000, 300_000, 600_000, 1_800_000, 3_600_000, 7_200_000, 21_600_000, 86_400_000];

/** The steps of a chart: round ones that make at most so many points, at multiples of themselves so that a later look gives the same points. */
export function windowOf({ start, end }: Instants, pointsMax: number): { start: number; end: number; step: number } {
  const step = stepsMs.find((s) => (end - start) / s <= pointsMax) ?? 86_400_000 * Math.ceil((end - start) / pointsMax / 86_400_000);
  return { start: Math.floor(start / step) * step, end: Math.floor(end / step) * step, step };
}

/** What rates are taken over: two points at least, of an agent that looks every ten seconds (at processes every thirty) or of a collector that looks every minute. */
export function rateSpan(stepMs: number, agent: boolean): string {
  return `${Math.max(agent ? 90 : 150, Math.round((2 * stepMs) / 1000))}s`;
}

/** How long a process is taken to be there after its last point: one look and a half. Those that have ended would otherwise count for five minutes. */
export const latelyOf = (agent: boolean) => (agent ? '45s' : '90s');

// What hosts there are, and series of their metrics.
import { keepPreviousData, useQuery } from '@tanstack/react-query';
import type { Millis } from '@/logic/format';
import { toUnixNanos } from '@/logic/timerange';
import { ApiError, ask } from './client';
import { bool, list, num, object, or, type Shape, str, wrong } from './validate';

/** Values by name; those of another type are a mistake. */
function record<T>(shape: Shape<T>): Shape<Record<string, T>> {
  return (v, at) => {
    if (v === null || typeof v !== 'object' || Array.isArray(v)) return wrong(at, 'an object');
    return Object.fromEntries(Object.entries(v).map(([key, value]) => [key, shape(value, `${at}.${key}`)]));
  };
}

export interface HostTraffic {
  signal: string;
  perSecond: number;
  lastHeard: string;
}

/** How busy a host is; NaN is not known. */
export interface HostLoad {
  cpu: number; // 0 to 1, like memory and disk
  memory: number;
  disk: number;
  readBytesPerSecond: number;
  writeBytesPerSecond: number;
  inBytesPerSecond: number;
  outBytesPerSecond: number;
  load1: number;
}

export interface Host {
  host: string;
  status: string; // up or silent
  lastHeard: string;
  heartbeat: string; // '': it has no agent of clew's
  os: string;
  arch: string;
  id: string;
  cpus: number;
  memoryBytes: number;
  container: boolean;
  kubernetes: Record<string, string>;
  attributes: Record<string, string>;
  traffic: HostTraffic[];
  load: HostLoad | undefined;
  lagSeconds: number;
  lost: number;
  refused: Record<string, number>;
  dropped: Record<string, number>;
  missing: number;
}

export interface HostAgent {
  instance: string;
  version: string;
  started: string;
  heartbeat: string;
  lastHeard: string;
  clockAheadSeconds: number;
  queueBytes: number;
  queueBytesMax: number;
}

export interface HostsAnswer {
  hosts: Host[];
  matched: number;
  up: number;
  silent: number;
  reasons: string[];
}

export interface HostAnswer {
  host: Host;
  agents: HostAgent[];
  reasons: string[];
}

const maybe = or(num, Number.NaN);
const traffic = object<HostTraffic>({ signal: str, perSecond: num, lastHeard: str });
const load = object<HostLoad>({
  cpu: maybe,
  memory: maybe,
  disk: maybe,
  readBytesPerSecond: maybe,
  writeBytesPerSecond: maybe,
  inBytesPerSecond: maybe,
  outBytesPerSecond: maybe,
  load1: maybe,
});
const host = object<Host>({
  host: str,
  status: str,
  lastHeard: str,
  heartbeat: or(str, ''),
  os: or(str, ''),
  arch: or(str, ''),
  id: or(str, ''),
  cpus: or(num, 0),
  memoryBytes: or(num, 0),
  container: or(bool, false),
  kubernetes: or(record(str), {}),
  attributes: or(record(str), {}),
  traffic: list(traffic),
  load: (v, at) => (v === undefined ? undefined : load(v, at)),
  lagSeconds: num,
  lost: num,
  refused: or(record(num), {}),
  dropped: or(record(num), {}),
  missing: or(num, 0),
});
const agent = object<HostAgent>({
  instance: str,
  version: or(str, ''),
  started: or(str, ''),
  heartbeat: or(str, ''),
  lastHeard: str,
  clockAheadSeconds: num,
  queueBytes: num,
  queueBytesMax: num,
});
export const hostsAnswer = object<HostsAnswer>({ hosts: list(host), matched: num, up: num, silent: num, reasons: or(list(str), []) });
export const hostAnswer = object<HostAnswer>({ host, agents: list(agent), reasons: or(list(str), []) });

/** Who is up changes while one looks: it is asked again at the pace of heartbeats. */
const hostsEveryMs = 10_000;

export function useHosts(search: string, status: string) {
  return useQuery({
    queryKey: ['hosts', search, status],
    queryFn: ({ signal }) => ask('/api/v1/hosts', { search, status }, hostsAnswer, signal),
    placeholderData: keepPreviousData,
    refetchInterval: hostsEveryMs,
    staleTime: 0,
  });
}

export function useHost(name: string) {
  return useQuery({
    queryKey: ['host', name],
    queryFn: ({ signal }) => ask(`/api/v1/hosts/${encodeURIComponent(name)}`, {}, hostAnswer, signal),
    refetchInterval: (q) => (q.state.error instanceof ApiError && q.state.error.status === 404 ? false : hostsEveryMs),
    staleTime: 0,
  });
}

/** Values at equal steps of time; null where there is none. */
export interface Sequence {
  labels: Record<string, string>;
  values: (number | null)[];
}
export interface SequencesAnswer {
  start: Millis;
  step: Millis;
  points: number;
  series: Sequence[];
  truncated: boolean;
  warnings: string[];
}
const value: Shape<number | null> = (v, at) => (v === null ? null : num(v, at));
const sequence = object<Sequence>({ labels: record(str), values: list(value) });
export const sequencesAnswer = object<SequencesAnswer>({
  start: num,
  step: num,
  points: num,
  series: list(sequence),
  truncated: or(bool, false),
  warnings: or(list(str), []),
});

export interface Window {
  start: Millis;
  end: Millis;
  step: Millis;
}

/** A question in PromQL over a time. */
export function useSequences(query: string, { start, end, step }: Window, enabled = true) {
  return useQuery({
    queryKey: ['sequences', query, start, end, step],
    queryFn: ({ signal }) =>
      ask(
        '/api/v1/metrics/query_range',
        { query, start: toUnixNanos(start), end: toUnixNanos(end), step: `${step}ms`, limit: 2_000 },
        sequencesAnswer,
        signal,
      ),
    placeholderData: (previous, before) => (before?.queryKey[1] === query ? previous : undefined),
    enabled,
  });
}

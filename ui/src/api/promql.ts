// Metrics: what there are, and what PromQL says of them. Charts ask clew's own API, which answers with columns and with the place of a mistake;
// what only Prometheus' API has (instants, exemplars) is asked there.
import { keepPreviousData, useQueries, useQuery } from '@tanstack/react-query';
import type { Millis, Zone } from '@/logic/format';
import type { Labels } from '@/logic/metrics/series';
import { toUnixNanos } from '@/logic/timerange';
import { ask } from './client';
import { type Sequence, type SequencesAnswer, sequencesAnswer, type Window } from './hosts';
import { list, num, object, open, or, type Shape, str, wrong } from './validate';

export type { Sequence, SequencesAnswer, Window, Zone };

const texts: Shape<Labels> = (v, at) => Object.fromEntries(Object.entries(open(v, at)).map(([key, x]) => [key, str(x, `${at}.${key}`)]));

export interface MetricName {
  name: string;
  otel: string;
  type: string;
  unit: string;
  help: string;
  series: number;
}
const metricName = object<MetricName>({ name: str, otel: str, type: str, unit: str, help: str, series: num });
const namesAnswer = object<{ names: MetricName[] }>({ names: list(metricName) });

interface Ends {
  start: Millis;
  end: Millis;
}
const times = ({ start, end }: Ends) => ({ start: toUnixNanos(start), end: toUnixNanos(end) });

/** What there is changes slowly: the ends of the time are taken as minutes, so that not every tick asks again. */
const coarse = ({ start, end }: Ends): Ends => ({ start: Math.floor(start / 60_000) * 60_000, end: Math.ceil(end / 60_000) * 60_000 });

export function useMetricNames(ends: Ends) {
  const at = coarse(ends);
  return useQuery({
    queryKey: ['metric names', at],
    queryFn: ({ signal }) => ask('/api/v1/metrics/names', times(at), namesAnswer, signal),
    placeholderData: keepPreviousData,
  });
}

interface LabelsAnswer {
  labels: string[];
  values: string[];
}
const labelsAnswer = object<LabelsAnswer>({ labels: or(list(str), []), values: or(list(str), []) });

/** The names of the labels of what a selector matches. */
export function labelNamesQuery(match: string, ends: Ends) {
  const at = coarse(ends);
  return {
    queryKey: ['label names', match, at],
    queryFn: ({ signal }: { signal: AbortSignal }) => ask('/api/v1/metrics/labels', { match, ...times(at) }, labelsAnswer, signal),
  };
}

export const labelValuesShown = 100;

export function useLabelValues(match: string, label: string, ends: Ends) {
  const at = coarse(ends);
  return useQuery({
    queryKey: ['label values', match, label, at],
    queryFn: ({ signal }) =>
      ask('/api/v1/metrics/labels', { match, label, limit: labelValuesShown + 1, ...times(at) }, labelsAnswer, signal),
  });
}

/** At most so many series are asked for: more lines than pixels say nothing. */
const seriesMax = 1_000;

/** One answer for each of several queries; empty ones are not asked. */
export function useRanges(queries: readonly string[], { start, end, step }: Window) {
  return useQueries({
    queries: queries.map((query) => ({
      queryKey: ['range', query, start, end, step],
      queryFn: ({ signal }: { signal: AbortSignal }) =>
        ask(
          '/api/v1/metrics/query_range',
          { query, ...times({ start, end }), step: `${step}ms`, limit: seriesMax },
          sequencesAnswer,
          signal,
        ),
      placeholderData: keepPreviousData,
      enabled: query !== '',
    })),
  });
}

/** One member of an instant's answer. A histogram has its count and sum instead of a value. */
export interface Sample {
  labels: Labels;
  value: string;
}

const pair: Shape<string> = (v, at) => (Array.isArray(v) && v.length === 2 ? str(v[1], `${at}[1]`) : wrong(at, 'a time and a value'));
const histogramValue: Shape<string> = (v, at) => {
  const { count, sum } = object<{ count: string; sum: string }>({ count: str, sum: str })(Array.isArray(v) ? v[1] : undefined, at);
  return `histogram: ${count} values, sum ${sum}`;
};
const member: Shape<Sample> = (v, at) => {
  const m = open(v, at);
  const value = m.histogram === undefined ? pair(m.value, `${at}.value`) : histogramValue(m.histogram, `${at}.histogram`);
  return { labels: texts(m.metric, `${at}.metric`), value };
};
/** What there is at an instant, and what the answer is annotated with. */
export interface Instant {
  samples: Sample[];
  notes: string[];
}
export const instantAnswer: Shape<Instant> = (v, at) => {
  const { warnings, infos } = object<{ warnings: string[]; infos: string[] }>({ warnings: or(list(str), []), infos: or(list(str), []) })(
    v,
    at,
  );
  return { samples: samplesOf(v, at), notes: [...warnings, ...infos] };
};
/** Vectors, scalars and texts; of a matrix the last values. */
const samplesOf: Shape<Sample[]> = (v, at) => {
  const { data } = object<{ data: { resultType: string; result: unknown } }>({
    data: object<{ resultType: string; result: unknown }>({ resultType: str, result: (x) => x }),
  })(v, at);
  switch (data.resultType) {
    case 'vector':
      return list(member)(data.result, 'result');
    case 'matrix':
      return list<Sample>((x, of) => {
        const { metric, values, histograms } = object<{ metric: Labels; values: unknown[]; histograms: unknown[] }>({
          metric: texts,
          values: or(
            list<unknown>((y) => y),
            [],
          ),
          histograms: or(
            list<unknown>((y) => y),
            [],
          ),
        })(x, of);
        return { labels: metric, value: values.length > 0 ? pair(values.at(-1), of) : histogramValue(histograms.at(-1), of) };
      })(data.result, 'result');
    default:
      return [{ labels: {}, value: pair(data.result, 'result') }];
  }
};

/** Seconds, as Prometheus' API takes times. */
const seconds = (ms: Millis) => (ms / 1000).toFixed(3);

export function useInstants(queries: readonly string[], at: Millis) {
  return useQueries({
    queries: queries.map((query) => ({
      queryKey: ['instant', query, at],
      queryFn: ({ signal }: { signal: AbortSignal }) =>
        ask('/prometheus/api/v1/query', { query, time: seconds(at) }, instantAnswer, signal),
      placeholderData: keepPreviousData,
      enabled: query !== '',
    })),
  });
}

/** A measurement that has a trace. */
export interface Exemplar {
  at: Millis;
  value: number;
  traceId: string;
  spanId: string;
  series: Labels;
}

export const exemplarsAnswer: Shape<Exemplar[]> = (v, at) => {
  const { data } = object<{ data: Exemplar[][] }>({
    data: list<Exemplar[]>((x, of) => {
      const series = object<{ seriesLabels: Labels; exemplars: Record<string, unknown>[] }>({ seriesLabels: texts, exemplars: list(open) })(
        x,
        of,
      );
      return series.exemplars.map((e) => {
        const labels = texts(e.labels, `${of}.labels`);
        return {
          at: num(e.timestamp, `${of}.timestamp`) * 1000,
          value: Number(str(e.value, `${of}.value`)),
          traceId: labels.trace_id ?? '',
          spanId: labels.span_id ?? '',
          series: series.seriesLabels,
        };
      });
    }),
  })(v, at);
  return data.flat().filter((e) => e.traceId !== '' && Number.isFinite(e.value));
};

export function useExemplars(queries: readonly string[], { start, end }: Ends) {
  return useQueries({
    queries: queries.map((query) => ({
      queryKey: ['exemplars', query, start, end],
      queryFn: ({ signal }: { signal: AbortSignal }) =>
        ask('/prometheus/api/v1/query_exemplars', { query, start: seconds(start), end: seconds(end) }, exemplarsAnswer, signal),
      placeholderData: keepPreviousData,
      retry: false, // dots are an addition; the chart stands without them
      enabled: query !== '',
    })),
  });
}

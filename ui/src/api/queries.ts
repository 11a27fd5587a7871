// What pages ask the server, as React Query hooks. Answers are cached by their question and never patched: a question with a moving end (now) is
// another question at each tick.
import { keepPreviousData, QueryClient, useInfiniteQuery, useQuery } from '@tanstack/react-query';
import {
  contextAnswer,
  countAnswer,
  factsAnswer,
  fieldsAnswer,
  heatmapAnswer,
  histogramAnswer,
  suggestAnswer,
  tracesAnswer,
  valuesAnswer,
} from './answers';
import { ApiError, ask, askText } from './client';
import { RecordPage } from './recordPage';

export const queryClient = new QueryClient({
  defaultOptions: {
    queries: {
      retry: (failures, e) => e instanceof ApiError && e.passing && failures < 2,
      refetchOnWindowFocus: false,
      staleTime: 60_000,
      gcTime: 120_000,
    },
  },
});

export type Signal = 'logs' | 'spans';

/** Which records: the times are nanoseconds since 1970 as text, so that every question of a page means the same instant. */
export interface Scope {
  signal: Signal;
  query: string;
  start: string;
  end: string;
}

/** The first page is soon there; who scrolls on gets larger ones. */
const firstPage = 200;
const nextPage = 1_000;

export function useRecords(scope: Scope, enabled: boolean) {
  return useInfiniteQuery({
    queryKey: ['search', scope],
    queryFn: async ({ pageParam, signal }) =>
      new RecordPage(await askText('/api/v1/search', { ...scope, limit: pageParam ? nextPage : firstPage, cursor: pageParam }, signal)),
    initialPageParam: '',
    getNextPageParam: (last) => last.cursor || undefined,
    placeholderData: keepPreviousData,
    enabled,
  });
}

const sameInstantMax = 1_000;

/** One record by its time and its id, wherever it stands; undefined if it is not there (any more). */
export function useRecord(signal: Signal, time: string, id: string, enabled: boolean) {
  return useQuery({
    queryKey: ['record', signal, time, id],
    queryFn: async ({ signal: abort }) => {
      const at = { start: time, end: (BigInt(time) + 1n).toString(), limit: sameInstantMax };
      const page = new RecordPage(await askText('/api/v1/search', { signal, ...at }, abort));
      return { record: page.at(page.indexOf(id)) };
    },
    staleTime: Number.POSITIVE_INFINITY,
    enabled,
  });
}

export function useTraces({ query, start, end }: Scope, enabled: boolean) {
  return useInfiniteQuery({
    queryKey: ['traces', query, start, end],
    queryFn: ({ pageParam, signal }) => ask('/api/v1/traces', { query, start, end, limit: 50, cursor: pageParam }, tracesAnswer, signal),
    initialPageParam: '',
    getNextPageParam: (last) => last.cursor || undefined,
    placeholderData: keepPreviousData,
    enabled,
  });
}

/** How many match, and by the values of a field where one is given. */
export function useCount(scope: Scope & { by?: string; top?: number }, enabled = true) {
  return useQuery({
    queryKey: ['count', scope],
    queryFn: ({ signal }) => ask('/api/v1/count', { ...scope }, countAnswer, signal),
    placeholderData: keepPreviousData,
    enabled,
  });
}

/** What may have been meant by a query that matches nothing. */
export function useSuggestions(scope: Scope) {
  return useQuery({
    queryKey: ['suggest', scope],
    queryFn: ({ signal }) => ask('/api/v1/suggest', { ...scope }, suggestAnswer, signal),
    enabled: scope.query !== '',
  });
}

export function useHistogram(scope: Scope, by: string, step: string) {
  return useQuery({
    queryKey: ['histogram', scope, by, step],
    queryFn: ({ signal }) => ask('/api/v1/histogram', { ...scope, by, step, top: 10 }, histogramAnswer, signal),
    placeholderData: (previous, query) => ((query?.queryKey[1] as Scope | undefined)?.signal === scope.signal ? previous : undefined),
  });
}

export function useHeatmap({ query, start, end }: Scope, step: string, enabled: boolean) {
  return useQuery({
    queryKey: ['heatmap', query, start, end, step],
    queryFn: ({ signal }) => ask('/api/v1/heatmap', { query, start, end, step }, heatmapAnswer, signal),
    placeholderData: keepPreviousData,
    enabled,
  });
}

export function useFields(scope: Scope, enabled = true) {
  return useQuery({
    enabled,
    queryKey: ['fields', scope],
    queryFn: ({ signal }) => ask('/api/v1/fields', { ...scope }, fieldsAnswer, signal),
    placeholderData: keepPreviousData,
  });
}

export function useFacet(scope: Scope, field: string, top: number, enabled: boolean) {
  return useQuery({
    queryKey: ['facet', scope, field, top],
    queryFn: ({ signal }) => ask('/api/v1/count', { ...scope, by: field, top }, countAnswer, signal),
    placeholderData: (previous, query) => (query?.queryKey[2] === field ? previous : undefined),
    enabled,
  });
}

export function useValues({ signal: kind, start, end }: Scope, field: string, prefix: string, enabled: boolean) {
  return useQuery({
    queryKey: ['values', kind, start, end, field, prefix],
    queryFn: ({ signal }) => ask('/api/v1/values', { signal: kind, start, end, field, prefix, top: 20 }, valuesAnswer, signal),
    placeholderData: (previous, query) => (query?.queryKey[4] === field ? previous : undefined),
    enabled,
  });
}

export function useContextLines(id: string, lines: number, enabled: boolean) {
  return useQuery({
    queryKey: ['context', id, lines],
    queryFn: ({ signal }) => ask('/api/v1/context', { id, before: lines, after: lines }, contextAnswer, signal),
    enabled,
  });
}

/** What arrived in the last 15 minutes, asked again every two seconds: for the light that says that sending works. */
export function useReceived(signal: Signal) {
  return useQuery({
    queryKey: ['received', signal],
    queryFn: ({ signal: abort }) => ask('/api/v1/count', { signal, start: 'now-15m', by: 'service', top: 10 }, countAnswer, abort),
    refetchInterval: 2_000,
  });
}

export function useFacts() {
  return useQuery({
    queryKey: ['facts'],
    queryFn: ({ signal }) => ask('/facts.json', {}, factsAnswer, signal),
    staleTime: Number.POSITIVE_INFINITY,
  });
}

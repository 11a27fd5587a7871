// The rows of the page's kind, page by page as they are scrolled to, with a bound on how many a browser is asked to hold.
import type { UseInfiniteQueryResult } from '@tanstack/react-query';
import { useCallback, useMemo } from 'react';
import type { TraceSummary } from '@/api/answers';
import { useRecords, useTraces } from '@/api/queries';
import type { Stats } from '@/api/records';
import type { AnyRecord } from '@/logic/record';
import type { SearchState } from './state';

export const rowsMax = 100_000;

export interface Paged {
  more: () => void;
  hasMore: boolean;
  loadingMore: boolean;
  moreError: unknown;
  retryMore: () => void;
  full: boolean;
}

export interface Results {
  records: AnyRecord[];
  traces: TraceSummary[];
  loading: boolean; // nothing to show yet
  stale: boolean; // shows the answer to an earlier question
  error: unknown; // of the first page
  retry: () => void;
  stats: Stats | undefined;
  paged: Paged;
}

export function useResults(state: SearchState): Results {
  const ofTraces = state.kind === 'traces';
  const records = useRecords(state.scope, !ofTraces);
  const traces = useTraces(state.scope, ofTraces);
  const list = useMemo<AnyRecord[]>(
    () => records.data?.pages.flatMap((p): AnyRecord[] => (p.spans.length > 0 ? p.spans : p.logs)) ?? [],
    [records.data],
  );
  const summaries = useMemo(() => traces.data?.pages.flatMap((p) => p.traces) ?? [], [traces.data]);
  const asked = ofTraces ? traces : records;
  const count = ofTraces ? summaries.length : list.length;
  const paged = usePaged(asked, count);
  // The previous question's rows of the other signal are not rows of this one.
  const foreign = !ofTraces && list[0] !== undefined && 'durationNano' in list[0] !== (state.kind === 'spans');
  return {
    records: foreign ? [] : list,
    traces: summaries,
    loading: asked.isPending || foreign,
    stale: asked.isPlaceholderData,
    error: asked.isError && !asked.isFetchNextPageError ? asked.error : undefined,
    retry: () => void asked.refetch(),
    stats: asked.data?.pages[0]?.stats,
    paged,
  };
}

function usePaged(asked: UseInfiniteQueryResult<unknown>, count: number): Paged {
  const { hasNextPage, isFetching, isPlaceholderData, isFetchNextPageError, fetchNextPage } = asked;
  const full = count >= rowsMax;
  const ready = hasNextPage && !isFetching && !isPlaceholderData && !full;
  const more = useCallback(() => {
    if (ready && !isFetchNextPageError) void fetchNextPage();
  }, [ready, isFetchNextPageError, fetchNextPage]);
  return {
    more,
    hasMore: hasNextPage,
    loadingMore: asked.isFetchingNextPage,
    moreError: isFetchNextPageError ? asked.error : undefined,
    retryMore: () => void fetchNextPage(),
    full,
  };
}

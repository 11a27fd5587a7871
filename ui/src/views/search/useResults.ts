// The rows of the page's kind, page by page as they are scrolled to, with a bound on how many a browser is asked to hold.
import type { UseInfiniteQueryResult } from '@tanstack/react-query';
import { useCallback, useMemo } from 'react';
import type { TraceSummary } from '@/api/answers';
import { useRecords, useTraces } from '@/api/queries';
import { Records } from '@/api/recordPage';
import type { Stats } from '@/api/records';
import { isSpan } from '@/logic/record';
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
  records: Records;
  selected: number; // the place of the open record; -1 if it is not among them
  traces: TraceSummary[];
  loading: boolean; // nothing to show yet
  stale: boolean; // shows the answer to an earlier question
  error: unknown; // of the first page
  retry: () => void;
  stats: Stats | undefined;
  paged: Paged;
}

const none = new Records([]);

export function useResults(state: SearchState): Results {
  const ofTraces = state.kind === 'traces';
  const records = useRecords(state.scope, !ofTraces);
  const traces = useTraces(state.scope, ofTraces);
  const list = useMemo(() => new Records(records.data?.pages ?? []), [records.data]);
  const summaries = useMemo(() => traces.data?.pages.flatMap((p) => p.traces) ?? [], [traces.data]);
  const asked = ofTraces ? traces : records;
  const count = ofTraces ? summaries.length : list.count;
  const paged = usePaged(asked, count);
  // The previous question's rows of the other signal are not rows of this one.
  const first = ofTraces ? undefined : list.at(0);
  const foreign = first !== undefined && isSpan(first) !== (state.kind === 'spans');
  const shown = foreign ? none : list;
  const selected = useMemo(() => shown.indexOf(state.selected), [shown, state.selected]);
  return {
    records: shown,
    selected,
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
  const full = count >= rowsMax && hasNextPage;
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

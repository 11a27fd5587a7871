// What the search page shows, from its URL: `q` the query, `signal` (traces where it is absent), `by` the chart's split, `cols` further columns,
// `sel` the open row.
import { useMemo } from 'react';
import type { Scope } from '@/api/queries';
import { toUnixNanos } from '@/logic/timerange';
import { useTime } from '@/state/time';
import { useUrlState } from '@/state/url';

export type Kind = 'traces' | 'spans' | 'logs';
export const kinds: readonly Kind[] = ['traces', 'spans', 'logs'];

export interface SearchState {
  kind: Kind;
  query: string;
  scope: Scope; // what to ask about: traces are found by their spans
  by: string;
  columns: string[];
  selected: string;
  setKind(kind: Kind): void;
  setQuery(query: string): void;
  setBy(by: string): void;
  setColumns(columns: string[]): void;
  select(id: string): void;
}

const defaultBy: Record<Kind, string> = { traces: 'service', spans: 'service', logs: 'severity' };

export function useSearchState(): SearchState {
  const { get, set } = useUrlState();
  const { instants } = useTime();
  const kind: Kind = kinds.find((k) => k === get('signal')) ?? 'traces';
  const query = get('q');
  const by = get('by') || defaultBy[kind];
  const cols = get('cols');
  const selected = get('sel');
  const { start, end } = instants;
  return useMemo<SearchState>(
    () => ({
      kind,
      query,
      by,
      selected,
      scope: { signal: kind === 'logs' ? 'logs' : 'spans', query, start: toUnixNanos(start), end: toUnixNanos(end) },
      columns: cols ? cols.split(',').filter(Boolean) : [],
      setKind: (k) => set({ signal: k === 'traces' ? undefined : k, by: undefined, cols: undefined, sel: undefined }),
      setQuery: (q) => set({ q: q.trim(), sel: undefined }),
      setBy: (b) => set({ by: b === defaultBy[kind] ? undefined : b }, { replace: true }),
      setColumns: (c) => set({ cols: c.join(',') }, { replace: true }),
      select: (id) => set({ sel: id }, { replace: selected !== '' && id !== '' }),
    }),
    [kind, query, by, cols, selected, start, end, set],
  );
}

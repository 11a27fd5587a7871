// What the search page shows, from its URL: `q` the query, `signal` (traces where it is absent), `by` the chart's split, `cols` further columns,
// `sel` the open row.
import { useMemo } from 'react';
import type { Scope } from '@/api/queries';
import type { UnixNanos } from '@/logic/format';
import { type AnyRecord, timeOf } from '@/logic/record';
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
  selected: string; // the id of the open row, '' for none
  selectedTime: UnixNanos; // and its time, by which it is found again where it is not among the rows
  setKind(kind: Kind): void;
  setQuery(query: string): void;
  setBy(by: string): void;
  setColumns(columns: string[]): void;
  select(r: AnyRecord | undefined): void;
}

const defaultBy: Record<Kind, string> = { traces: 'service', spans: 'service', logs: 'severity' };

export function useSearchState(): SearchState {
  const { get, set } = useUrlState();
  const { instants } = useTime();
  const kind: Kind = kinds.find((k) => k === get('signal')) ?? 'traces';
  const query = get('q');
  const by = get('by') || defaultBy[kind];
  const cols = get('cols');
  const { time: selectedTime, id: selected } = parseSelected(get('sel'));
  const { start, end } = instants;
  return useMemo<SearchState>(
    () => ({
      kind,
      query,
      by,
      selected,
      selectedTime,
      scope: { signal: kind === 'logs' ? 'logs' : 'spans', query, start: toUnixNanos(start), end: toUnixNanos(end) },
      columns: cols ? cols.split(',').filter(Boolean) : [],
      setKind: (k) => set({ signal: k === 'traces' ? undefined : k, by: undefined, cols: undefined, sel: undefined }),
      setQuery: (q) => set({ q: q.trim(), sel: undefined }),
      setBy: (b) => set({ by: b === defaultBy[kind] ? undefined : b }, { replace: true }),
      setColumns: (c) => set({ cols: c.join(',') }, { replace: true }),
      select: (r) => set({ sel: r && `${timeOf(r)}.${r.id}` }, { replace: selected !== '' && r !== undefined }),
    }),
    [kind, query, by, cols, selected, selectedTime, start, end, set],
  );
}

/** What `sel` says: the time and the id of a record, with a dot between. */
function parseSelected(text: string): { time: UnixNanos; id: string } {
  const [, time = '', id = ''] = /^(\d{1,19})\.([\w-]+)$/.exec(text) ?? [];
  return { time, id };
}

// The alerts that fired in a time, for marks on its axis.
import { keepPreviousData, useQuery } from '@tanstack/react-query';
import { useMemo } from 'react';
import { concerns, type Firing, firingQuery, firingsOf } from '@/logic/alerts/firings';
import { windowOf } from '@/logic/hosts/charts';
import { type Instants, toUnixNanos } from '@/logic/timerange';
import { ask } from './client';
import { sequencesAnswer } from './hosts';

const stepsMax = 240;
const seriesMax = 500;
const none: Firing[] = [];
const everything: Record<string, string> = {};

/** `about`: labels of those that are meant. One question answers all charts of a page; until it is answered there are none. */
export function useFirings(instants: Instants, about = everything): Firing[] {
  const { start, end: last, step } = windowOf(instants, stepsMax);
  const end = last + step; // what fired since the last step is seen at the next one
  const { data } = useQuery({
    queryKey: ['firings', start, end, step],
    queryFn: ({ signal }) =>
      ask(
        '/api/v1/metrics/query_range',
        { query: firingQuery(step), start: toUnixNanos(start), end: toUnixNanos(end), step: `${step}ms`, limit: seriesMax },
        sequencesAnswer,
        signal,
      ),
    placeholderData: keepPreviousData,
    retry: false, // marks are an addition; what they are on stands without them
  });
  const key = JSON.stringify(about);
  return useMemo(() => {
    if (!data) return none;
    const meant = JSON.parse(key) as Record<string, string>;
    return firingsOf(data)
      .filter((f) => concerns(f, meant))
      .map((f) => (f.from > instants.end ? { ...f, from: instants.end } : f));
  }, [data, key, instants.end]);
}

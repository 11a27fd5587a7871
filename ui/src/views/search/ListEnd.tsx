// What stands below the last row: more coming, an error on the way, that this was all, or the way on where a browser holds no more.
import { Button } from '@mantine/core';
import { ErrorNote } from '@/components/ErrorNote';
import { formatCount, formatUnixNanos, splitUnixNanos, type UnixNanos } from '@/logic/format';
import { useTime } from '@/state/time';
import classes from './lists.module.css';
import type { Paged } from './useResults';

interface Props {
  paged: Paged;
  count: number;
  oldest: UnixNanos | undefined; // the time of the last row
  what: string;
}

export function ListEnd({ paged, count, oldest, what }: Props) {
  if (paged.moreError) return <ErrorNote error={paged.moreError} retry={paged.retryMore} />;
  if (paged.loadingMore) return <div className={classes.end}>Fetching more …</div>;
  if (paged.full) return <Full count={count} oldest={oldest} what={what} />;
  if (!paged.hasMore && count > 0)
    return (
      <div className={classes.end}>
        That is all: {formatCount(count)} {what}.
      </div>
    );
  return null;
}

function Full({ count, oldest, what }: { count: number; oldest: UnixNanos | undefined; what: string }) {
  const { instants, zone, setRange } = useTime();
  const { ms } = splitUnixNanos(oldest ?? '');
  // To the end of the last row's millisecond: some rows are shown again, none is left out.
  const older = { from: new Date(instants.start).toISOString(), to: new Date(ms + 1).toISOString() };
  return (
    <div className={classes.end}>
      These are the newest {formatCount(count)} {what}; a page holds no more.
      {ms + 1 > instants.start && ms + 1 < instants.end && (
        <Button className={classes.older} size="compact-xs" variant="default" onClick={() => setRange(older)}>
          On with the older ones, until {formatUnixNanos(oldest ?? '', zone, 3)}
        </Button>
      )}
    </div>
  );
}

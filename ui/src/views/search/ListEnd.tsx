// What stands below the last row: more coming, an error on the way, or that this was all.
import { ErrorNote } from '@/components/ErrorNote';
import { formatCount } from '@/logic/format';
import classes from './lists.module.css';
import { type Paged, rowsMax } from './useResults';

export function ListEnd({ paged, count, what }: { paged: Paged; count: number; what: string }) {
  if (paged.moreError) return <ErrorNote error={paged.moreError} retry={paged.retryMore} />;
  if (paged.loadingMore) return <div className={classes.end}>Fetching more …</div>;
  if (paged.full) return <div className={classes.end}>The first {formatCount(rowsMax)}. Narrow the query or the time to see further.</div>;
  if (!paged.hasMore && count > 0)
    return (
      <div className={classes.end}>
        That is all: {formatCount(count)} {what}.
      </div>
    );
  return null;
}

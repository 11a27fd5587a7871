// What the same service instance logged just before and after.
import { Button } from '@mantine/core';
import { useState } from 'react';
import { useContextLines } from '@/api/queries';
import type { LogRecord } from '@/api/records';
import { ErrorNote } from '@/components/ErrorNote';
import { Severity } from '@/components/Severity';
import { formatUnixNanos } from '@/logic/format';
import { useTime } from '@/state/time';
import classes from './RecordDetail.module.css';

export function LinesAround({ record }: { record: LogRecord }) {
  const [lines, setLines] = useState(10);
  const { data, error, refetch } = useContextLines(record.id, lines, true);
  if (error) return <ErrorNote error={error} retry={() => void refetch()} />;
  return (
    <div className={classes.around}>
      {!data && <div className={`skeleton ${classes.aroundWaiting}`} />}
      {data?.before.map((r) => (
        <Line key={r.id} record={r} />
      ))}
      <Line record={record} here />
      {data?.after.map((r) => (
        <Line key={r.id} record={r} />
      ))}
      {lines < 100 && (
        <Button size="compact-xs" variant="default" onClick={() => setLines(lines * 3)}>
          More lines
        </Button>
      )}
    </div>
  );
}

function Line({ record: r, here = false }: { record: LogRecord; here?: boolean }) {
  const { zone } = useTime();
  return (
    <div className={here ? `${classes.line} ${classes.here}` : classes.line}>
      <span className={classes.lineTime}>{formatUnixNanos(r.timeUnixNano, zone)}</span>
      <Severity number={r.severityNumber} text={r.severityText} />
      <span className="mono">{r.body.slice(0, 1_000)}</span>
    </div>
  );
}

// How many matched, and how completely it was searched: what it cost, what was passed over and why that is safe, and what is missing if anything.
import { Popover } from '@mantine/core';
import { IconAlertTriangle, IconChevronDown } from '@tabler/icons-react';
import { Link } from 'wouter';
import type { CountAnswer } from '@/api/answers';
import type { Stats } from '@/api/records';
import { withZone } from '@/logic/address';
import { formatBytes, formatCount, formatDuration } from '@/logic/format';
import { useTime } from '@/state/time';
import classes from './Answered.module.css';
import type { Kind } from './state';

export function Answered({
  kind,
  count,
  stats,
  stale,
}: {
  kind: Kind;
  count: CountAnswer | undefined;
  stats: Stats | undefined;
  stale: boolean;
}) {
  const { zone } = useTime();
  const parts = [count?.stats, stats].filter((s) => s !== undefined);
  const reasons = [...new Set(parts.flatMap((s) => s.reasons))];
  const notes = [...new Set(parts.flatMap((s) => s.notes))];
  const partial = parts.some((s) => s.partial);
  return (
    <div className={classes.answered} data-stale={stale || undefined} aria-live="polite">
      {count ? (
        <span>
          <strong>{formatCount(count.count)}</strong> {kind === 'logs' ? 'log records' : 'spans'} match
        </span>
      ) : (
        <span className={`skeleton ${classes.waiting}`} />
      )}
      {partial && (
        <span className={classes.partial} title={reasons.join('; ')}>
          <IconAlertTriangle size={13} aria-hidden="true" />
          <span className={classes.reasons}>incomplete: {reasons.join('; ') || 'a part could not be read'}</span>
        </span>
      )}
      {notes.length > 0 && (
        <Link className={classes.partial} href={withZone('/ledger', zone)} title={notes.join('; ')}>
          <IconAlertTriangle size={13} aria-hidden="true" />
          <span className={classes.reasons}>not all has arrived: {notes.join('; ')}</span>
        </Link>
      )}
      {stats && <Cost stats={stats} />}
    </div>
  );
}

function Cost({ stats: s }: { stats: Stats }) {
  const pruned = s.prunedTime + s.prunedVocab + s.prunedFilter;
  const rows: [string, string][] = [
    ['Took', formatDuration(s.tookMs * 1e6)],
    ['Parts considered', `${formatCount(s.parts)}, of them in memory ${formatCount(s.heads)}`],
    ['Row groups considered', formatCount(s.rowGroups)],
    ['passed over by time', formatCount(s.prunedTime)],
    ['passed over by vocabulary', formatCount(s.prunedVocab)],
    ['passed over by filter', formatCount(s.prunedFilter)],
    ['Rows matched in the others', formatCount(s.rowsMatched)],
    ['Texts rebuilt and tested', formatCount(s.rowsRebuilt)],
    ['Read from the store', formatBytes(s.bytesRead)],
  ];
  return (
    <Popover position="bottom-end" shadow="md" withRoles={false}>
      <Popover.Target>
        <button type="button" className={classes.cost}>
          {!s.partial && 'complete · '}
          {formatDuration(s.tookMs * 1e6)} · {formatCount(Math.max(0, s.rowGroups - pruned))} of {formatCount(s.rowGroups)} row groups ·{' '}
          {formatBytes(s.bytesRead)}
          <IconChevronDown size={12} aria-hidden="true" />
        </button>
      </Popover.Target>
      <Popover.Dropdown>
        <dl className={classes.facts}>
          {rows.map(([name, value]) => (
            <div key={name}>
              <dt>{name}</dt>
              <dd>{value}</dd>
            </div>
          ))}
        </dl>
        <p className={classes.note}>What is passed over cannot match; every row that may match was tested against its raw text.</p>
      </Popover.Dropdown>
    </Popover>
  );
}

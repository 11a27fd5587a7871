// The trace summed up in a table.
import { SegmentedControl } from '@mantine/core';
import { IconArrowDown, IconArrowUp } from '@tabler/icons-react';
import { useMemo, useState } from 'react';
import { ServiceBadge } from '@/components/ServiceBadge';
import { formatCount, formatDuration, formatPercent } from '@/logic/format';
import type { TraceState } from '@/logic/trace/location';
import type { Trace } from '@/logic/trace/model';
import { meanOf, type StatColumn, type StatRow, sortStatistics, statistics } from '@/logic/trace/stats';
import classes from './trace.module.css';
import type { Update } from './useTraceState';

interface Props {
  trace: Trace;
  state: TraceState;
  update: Update;
}

const rowsShown = 500; // at first; the rest on request

const headings: [StatColumn, string][] = [
  ['service', 'Service'],
  ['name', 'Operation'],
  ['count', 'Count'],
  ['errors', 'Errors'],
  ['total', 'Total'],
  ['mean', 'Mean'],
  ['max', 'Longest'],
  ['self', 'Self'],
];

export function Statistics({ trace, state, update }: Props) {
  const rows = useMemo(() => statistics(trace, state.by), [trace, state.by]);
  const sorted = useMemo(() => sortStatistics(rows, state.sort, state.reverse), [rows, state.sort, state.reverse]);
  const selfAll = useMemo(() => rows.reduce((sum, r) => sum + r.self, 0), [rows]);
  const [shown, setShown] = useState(rowsShown);
  const columns = headings.filter(([c]) => c !== 'name' || state.by === 'operation');
  const sortBy = (c: StatColumn) => update({ sort: c, reverse: c === state.sort ? !state.reverse : false });
  const findRow = (row: StatRow) => update({ view: 'timeline', find: `${row.service} ${row.name}`.trim() }, 'push');
  return (
    <div className={classes.stats}>
      <div className={classes.statsBar}>
        <SegmentedControl
          size="xs"
          aria-label="Sum up by"
          value={state.by}
          onChange={(v) => update({ by: v as 'operation' | 'service' })}
          data={[
            { value: 'operation', label: 'By operation' },
            { value: 'service', label: 'By service' },
          ]}
        />
        <span className={classes.soft}>{formatCount(sorted.length)} rows; self is the time that no child covers</span>
      </div>
      {/* biome-ignore lint/a11y/noNoninteractiveTabindex: it scrolls */}
      <section className={classes.statsScroll} tabIndex={0} aria-label="Statistics">
        <table className={classes.statsTable}>
          <thead>
            <tr>
              {columns.map(([c, label]) => (
                <th
                  key={c}
                  scope="col"
                  data-column={c}
                  aria-sort={c !== state.sort ? undefined : descends(c, state.reverse) ? 'descending' : 'ascending'}
                >
                  <button type="button" className={classes.sortButton} data-number={!textual(c)} onClick={() => sortBy(c)}>
                    {label}
                    {c === state.sort && (descends(c, state.reverse) ? <IconArrowDown size={12} /> : <IconArrowUp size={12} />)}
                  </button>
                </th>
              ))}
            </tr>
          </thead>
          <tbody>
            {sorted.slice(0, shown).map((row) => (
              <Row key={`${row.service}\n${row.name}`} row={row} by={state.by} selfAll={selfAll} find={() => findRow(row)} />
            ))}
          </tbody>
        </table>
        {sorted.length > shown && (
          <button type="button" className={classes.textButton} onClick={() => setShown(shown * 10)}>
            {formatCount(sorted.length - shown)} more
          </button>
        )}
      </section>
    </div>
  );
}

const textual = (c: StatColumn) => c === 'service' || c === 'name';

/** Numbers descend and names ascend, unless reversed. */
const descends = (c: StatColumn, reverse: boolean) => textual(c) === reverse;

function Row({ row, by, selfAll, find }: { row: StatRow; by: 'operation' | 'service'; selfAll: number; find(): void }) {
  const share = selfAll > 0 ? row.self / selfAll : 0;
  const name = (
    <button type="button" className={classes.statName} onClick={find} title="Find in the timeline">
      {by === 'service' ? <ServiceBadge service={row.service} /> : row.name || '–'}
    </button>
  );
  return (
    <tr>
      {by === 'operation' && (
        <td>
          <ServiceBadge service={row.service} />
        </td>
      )}
      <td className={classes.statNameCell}>{name}</td>
      <td className={classes.number}>{formatCount(row.count)}</td>
      <td className={row.errors > 0 ? classes.numberError : classes.number}>{formatCount(row.errors)}</td>
      <td className={classes.number}>{formatDuration(row.total)}</td>
      <td className={classes.number}>{formatDuration(meanOf(row))}</td>
      <td className={classes.number}>{formatDuration(row.max)}</td>
      <td className={classes.selfCell}>
        <span className={classes.selfBar} style={{ width: `calc((100% - 130px) * ${share})` }} aria-hidden="true" />
        <span className={classes.selfText}>
          {formatDuration(row.self)} <span className={classes.soft}>{formatPercent(share)}</span>
        </span>
      </td>
    </tr>
  );
}

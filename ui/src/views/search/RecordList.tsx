// Log records or spans, newest first, a row each.
import { useCallback, useMemo } from 'react';
import { useLocation } from 'wouter';
import type { Records } from '@/api/recordPage';
import type { LogRecord, SpanRecord } from '@/api/records';
import { Marked } from '@/components/Marked';
import { Cell, HeaderCell, RowList } from '@/components/RowList';
import { ServiceBadge } from '@/components/ServiceBadge';
import { Severity, Status } from '@/components/Severity';
import { serviceColor } from '@/logic/color';
import { formatDuration, formatUnixNanos } from '@/logic/format';
import { markers } from '@/logic/highlight';
import { fieldOf, isSpan, timeOf } from '@/logic/record';
import { spansDays } from '@/logic/timerange';
import { traceHref } from '@/logic/traceid';
import { useTheme } from '@/state/theme';
import { useTime } from '@/state/time';
import { ListEnd } from './ListEnd';
import classes from './lists.module.css';
import type { SearchState } from './state';
import type { Paged } from './useResults';

const headers = {
  logs: ['Time', 'Severity', 'Service', 'Body'],
  spans: ['Time', 'Service', 'Name', 'Kind', 'Status', 'Duration'],
  traces: [],
};
const widths = {
  logs: { before: '76px 136px', prose: 'minmax(320px, 1fr)', after: '' },
  spans: { before: '136px', prose: 'minmax(240px, 1fr)', after: '74px 58px 160px' },
  traces: { before: '', prose: '', after: '' },
};

export function RecordList({
  state,
  records,
  selected,
  paged,
  onTop,
}: {
  state: SearchState;
  records: Records;
  selected: number; // index, or -1
  paged: Paged;
  onTop: (top: boolean) => void;
}) {
  const [, navigate] = useLocation();
  const { columns, kind } = state;
  const marks = useMemo(() => markers(state.query, kind === 'logs' ? 'body' : 'name'), [state.query, kind]);
  const { longest } = records;
  const w = widths[kind];
  const { instants, zone } = useTime();
  const dated = spansDays(instants, zone);
  const extra = columns.map(() => '150px').join(' ');
  const row = useCallback(
    (i: number) => {
      const r = records.at(i);
      if (!r) return null;
      return (
        <>
          {isSpan(r) ? (
            <SpanCells span={r} marks={marks} longest={longest} dated={dated} />
          ) : (
            <LogCells log={r} marks={marks} dated={dated} />
          )}
          {columns.map((c) => {
            const text = fieldOf(r, c);
            return (
              <Cell key={c} title={text} className="mono">
                {text}
              </Cell>
            );
          })}
        </>
      );
    },
    [records, marks, longest, dated, columns],
  );
  const openTrace = (i: number) => {
    const r = records.at(i);
    if (r?.traceId) navigate(traceHref(r.traceId, zone, r.spanId));
  };
  const last = records.at(records.count - 1);
  const oldest = last && timeOf(last);
  const select = (i: number) => state.select(records.at(i));
  return (
    <RowList
      label={kind === 'logs' ? 'Log records' : 'Spans'}
      count={records.count}
      rowHeight={26}
      columns={[dated ? '162px' : '98px', w.before, w.prose, w.after, extra].filter(Boolean).join(' ')}
      minWidth={(kind === 'logs' ? 720 : 880) + columns.length * 150}
      header={[...headers[kind], ...columns].map((name) => <HeaderCell key={name}>{name}</HeaderCell>)}
      row={row}
      selected={selected}
      onOpen={(i) => (i === selected ? state.select(undefined) : select(i))}
      {...(selected >= 0 ? { onMove: select } : {})}
      keys={{ t: openTrace }}
      onEnd={paged.more}
      onTop={onTop}
      footer={<ListEnd paged={paged} count={records.count} oldest={oldest} what={kind === 'logs' ? 'log records' : 'spans'} />}
    />
  );
}

function LogCells({ log, marks, dated }: { log: LogRecord; marks: RegExp[]; dated: boolean }) {
  const { zone } = useTime();
  return (
    <>
      <Cell className={classes.time}>{formatUnixNanos(log.timeUnixNano, zone, 3, dated)}</Cell>
      <Cell>
        <Severity number={log.severityNumber} text={log.severityText} />
      </Cell>
      <Cell>
        <ServiceBadge service={log.service} />
      </Cell>
      <Cell className={classes.body}>
        <Marked text={log.body.length > 2_000 ? log.body.slice(0, 2_000) : log.body} markers={marks} />
      </Cell>
    </>
  );
}

function SpanCells({ span, marks, longest, dated }: { span: SpanRecord; marks: RegExp[]; longest: number; dated: boolean }) {
  const { zone } = useTime();
  const theme = useTheme();
  return (
    <>
      <Cell className={classes.time}>{formatUnixNanos(span.startUnixNano, zone, 3, dated)}</Cell>
      <Cell>
        <ServiceBadge service={span.service} />
      </Cell>
      <Cell title={span.name}>
        <Marked text={span.name} markers={marks} />
      </Cell>
      <Cell className={classes.soft}>{span.kind}</Cell>
      <Cell>
        <Status status={span.status} />
      </Cell>
      <Cell className={classes.duration}>
        <DurationBar
          share={span.durationNano / longest}
          color={span.status === 'error' ? 'var(--error)' : serviceColor(span.service, theme)}
        />
        {formatDuration(span.durationNano)}
      </Cell>
    </>
  );
}

export function DurationBar({ share, color }: { share: number; color: string }) {
  return (
    <span className={classes.track} aria-hidden="true">
      <span className={classes.fill} style={{ width: `${Math.min(100, Math.max(1.5, share * 100))}%`, background: color }} />
    </span>
  );
}

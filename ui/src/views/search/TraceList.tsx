// Traces that have a span matching the query, newest first: where they began, which services took part, what failed.
import { IconAlertCircle, IconQuestionMark } from '@tabler/icons-react';
import { useCallback, useMemo } from 'react';
import { Link, useLocation } from 'wouter';
import type { ServicePart, TraceSummary } from '@/api/answers';
import { Cell, HeaderCell, RowList } from '@/components/RowList';
import { ServiceBadge, ServiceDot } from '@/components/ServiceBadge';
import { serviceColor } from '@/logic/color';
import { formatCount, formatDuration, formatUnixNanos } from '@/logic/format';
import { spansDays } from '@/logic/timerange';
import { traceHref } from '@/logic/traceid';
import { useTheme } from '@/state/theme';
import { useTime } from '@/state/time';
import { ListEnd } from './ListEnd';
import classes from './lists.module.css';
import { DurationBar } from './RecordList';
import type { Paged } from './useResults';

const servicesShown = 7;

export function TraceList({ traces, paged, onTop }: { traces: TraceSummary[]; paged: Paged; onTop: (top: boolean) => void }) {
  const [, navigate] = useLocation();
  const longest = useMemo(() => traces.reduce((max, t) => Math.max(max, t.durationNano), 1), [traces]);
  const { instants, zone } = useTime();
  const dated = spansDays(instants, zone);
  const row = useCallback(
    (i: number) => {
      const t = traces[i];
      return t ? <TraceCells trace={t} longest={longest} dated={dated} /> : null;
    },
    [traces, longest, dated],
  );
  const open = (i: number) => {
    const t = traces[i];
    if (t) navigate(traceHref(t.traceId, zone));
  };
  return (
    <RowList
      label="Traces"
      count={traces.length}
      rowHeight={32}
      columns={`${dated ? '162px' : '98px'} minmax(200px, 1.2fr) 58px 62px 156px minmax(280px, 1.8fr)`}
      minWidth={960}
      header={['Time', 'Began with', 'Spans', 'Errors', 'Duration', 'Services'].map((name) => <HeaderCell key={name}>{name}</HeaderCell>)}
      row={row}
      selected={-1}
      onOpen={open}
      keys={{ t: open }}
      onEnd={paged.more}
      onTop={onTop}
      footer={<ListEnd paged={paged} count={traces.length} oldest={traces.at(-1)?.startUnixNano} what="traces" />}
    />
  );
}

function TraceCells({ trace: t, longest, dated }: { trace: TraceSummary; longest: number; dated: boolean }) {
  const { zone } = useTime();
  const theme = useTheme();
  return (
    <>
      <Cell className={classes.time}>{formatUnixNanos(t.startUnixNano, zone, 3, dated)}</Cell>
      <Cell>
        <Link href={traceHref(t.traceId, zone)} className={classes.root} title={`${t.rootService} ${t.rootName}`}>
          {t.rootMissing && (
            <span className={classes.missing} title="The first span has not arrived; this is the earliest that has">
              <IconQuestionMark size={12} aria-label="the first span has not arrived" />
            </span>
          )}
          <ServiceBadge service={t.rootService} />
          <span className={classes.name}>{t.rootName || t.traceId}</span>
        </Link>
      </Cell>
      <Cell className={classes.number} title={`${formatCount(t.matched)} of ${formatCount(t.spans)} spans match`}>
        {formatCount(t.spans)}
      </Cell>
      <Cell>
        {t.errors > 0 && (
          <span className={classes.errors}>
            <IconAlertCircle size={13} aria-hidden="true" />
            {formatCount(t.errors)}
            <span className="sr-only"> errors</span>
          </span>
        )}
      </Cell>
      <Cell className={classes.duration}>
        <DurationBar share={t.durationNano / longest} color={t.errors > 0 ? 'var(--error)' : serviceColor(t.rootService, theme)} />
        {formatDuration(t.durationNano)}
      </Cell>
      <Cell>
        <Services parts={t.services} />
      </Cell>
    </>
  );
}

function Services({ parts }: { parts: ServicePart[] }) {
  const rest = parts.length - servicesShown;
  return (
    <span className={classes.services}>
      {parts.slice(0, servicesShown).map((p) => (
        <span
          key={p.service}
          className={classes.part}
          data-failed={p.errors > 0 || undefined}
          title={`${p.service}: ${p.spans} spans, ${p.errors} errors`}
        >
          <ServiceDot service={p.service} />
          <span className={classes.partName}>{p.service}</span>
          <span className={classes.soft}>{p.spans}</span>
        </span>
      ))}
      {rest > 0 && (
        <span
          className={classes.soft}
          title={parts
            .slice(servicesShown)
            .map((p) => p.service)
            .join(', ')}
        >
          +{rest}
        </span>
      )}
    </span>
  );
}

// What the trace is, and what is wrong with it, before anything else.
import { Button, Menu, Tooltip } from '@mantine/core';
import {
  IconAlertCircleFilled,
  IconCheck,
  IconClock,
  IconCopy,
  IconDownload,
  IconHelpCircle,
  IconRefresh,
  IconSearch,
  IconTerminal2,
} from '@tabler/icons-react';
import type { ReactNode } from 'react';
import { Link } from 'wouter';
import { AlertNote } from '@/components/AlertNote';
import { useCopy } from '@/components/copy';
import { ServiceBadge } from '@/components/ServiceBadge';
import { around, searchHref } from '@/logic/address';
import { traceCommand } from '@/logic/command';
import { formatCount, formatDuration, formatUnixNanos } from '@/logic/format';
import { rangeOf } from '@/logic/timerange';
import { mainRoot, type Trace } from '@/logic/trace/model';
import { useTime } from '@/state/time';
import { useArrivals } from './requests';
import classes from './trace.module.css';
import type { Actions } from './useActions';
import { useTraceFirings } from './useTraceFirings';
import { nameOf, serviceOf } from './words';

interface Props {
  trace: Trace;
  actions: Actions;
  /** To the next missing parent. */
  stepMissing(): void;
  /** Reads the trace anew. */
  reload(): void;
  reloading: boolean;
}

export function TraceHeader({ trace: t, actions, stepMissing, reload, reloading }: Props) {
  const root = mainRoot(t);
  const { zone } = useTime();
  const { firings } = useTraceFirings(t);
  const startMs = Number(t.startNanos / 1_000_000n);
  const times = around(startMs, startMs + t.durationNano / 1e6 + 1, Date.now(), 60_000);
  return (
    <header className={classes.header}>
      <div className={classes.titleLine}>
        <h1 className={classes.title}>
          {root >= 0 && serviceOf(t, root) && <ServiceBadge service={serviceOf(t, root)} />}
          <span className={classes.titleName}>{root >= 0 ? nameOf(t, root) : 'Log records without spans'}</span>
        </h1>
        <CopyId id={t.traceId} />
        <div className={classes.headerActions}>
          <Arrivals trace={t} reload={reload} reloading={reloading} />
          <CopyCommand id={t.traceId} />
          <Button
            component={Link}
            href={searchHref(zone, { signal: 'spans', q: `trace_id:${t.traceId}`, ...times })}
            size="compact-xs"
            fw={500}
            variant="default"
            leftSection={<IconSearch size={14} />}
          >
            Search in it
          </Button>
          <Button
            component="a"
            href={`/api/v1/traces/${t.traceId}`}
            download={`trace-${t.traceId}.json`}
            size="compact-xs"
            fw={500}
            variant="default"
            leftSection={<IconDownload size={14} />}
          >
            JSON
          </Button>
        </div>
      </div>
      <div className={classes.facts}>
        <Fact label="Duration" value={formatDuration(t.durationNano)} />
        <Fact label="Start" value={formatUnixNanos(t.startNanos.toString(), zone, 3, true)} />
        <Fact label="Spans" value={formatCount(t.count - t.missing)} />
        <Fact label="Services" value={formatCount(t.serviceTimes.length)} spare />
        <Fact label="Depth" value={t.count > 0 ? String(t.maxDepth + 1) : '0'} spare />
        {t.logs.count > 0 && <Fact label="Log records" value={formatCount(t.logs.count)} />}
        {t.errors > 0 && (
          <button type="button" className={classes.alarm} onClick={actions.stepOrigin} title="Go to where the error began (e)">
            <IconAlertCircleFilled size={14} />
            {formatCount(t.errors)} {t.errors === 1 ? 'error' : 'errors'}
            {originText(t)}
          </button>
        )}
        {t.missing > 0 && (
          <button type="button" className={classes.caution} onClick={stepMissing} title="Go to the parent that was not received">
            <IconHelpCircle size={14} />
            {formatCount(t.missing)} not received
          </button>
        )}
        <AlertNote firings={firings} range={rangeOf(startMs - 300_000, startMs + t.durationNano / 1e6 + 60_000)} />
        <Clocks trace={t} />
        <Completeness trace={t} />
      </div>
    </header>
  );
}

/** What has come since the trace was read. It waits to be asked for: rows must not move under the eyes of someone who reads them. */
function Arrivals({ trace, reload, reloading }: { trace: Trace; reload(): void; reloading: boolean }) {
  const { spans, logs } = useArrivals(trace);
  const parts = [
    spans > 0 && `${formatCount(spans)} new ${spans === 1 ? 'span' : 'spans'}`,
    logs > 0 && `${formatCount(logs)} new ${logs === 1 ? 'log record' : 'log records'}`,
  ].filter(Boolean);
  return (
    <span role="status">
      {parts.length > 0 && (
        <button type="button" className={classes.news} onClick={reload} disabled={reloading} title="They have arrived since: show them">
          <IconRefresh size={14} />
          {parts.join(', ')}
        </button>
      )}
    </span>
  );
}

/** `spare`: gives way where the line has no room for everything. */
function Fact({ label, value, spare = false }: { label: string; value: string; spare?: boolean }) {
  return (
    <span className={spare ? `${classes.fact} ${classes.spare}` : classes.fact}>
      <span className={classes.factLabel}>{label}</span> <b>{value}</b>
    </span>
  );
}

function originText(t: Trace): ReactNode {
  const origin = t.errorOrigins[0];
  if (origin === undefined) return null;
  const more = t.errorOrigins.length - 1;
  return (
    <span className={classes.origin}>
      began in {serviceOf(t, origin)}
      {more > 0 ? ` and ${more} more` : ''}
    </span>
  );
}

function CopyId({ id }: { id: string }) {
  const [copied, copy] = useCopy();
  return (
    <button type="button" className={classes.traceId} onClick={() => copy(id)} title="Copy the trace id">
      {id}
      {copied ? <IconCheck size={13} /> : <IconCopy size={13} />}
    </button>
  );
}

function CopyCommand({ id }: { id: string }) {
  const [copied, copy] = useCopy();
  const { origin } = window.location;
  return (
    <Menu position="bottom-end" withinPortal>
      <Menu.Target>
        <Button size="compact-xs" fw={500} variant="default" leftSection={copied ? <IconCheck size={14} /> : <IconTerminal2 size={14} />}>
          Copy as
        </Button>
      </Menu.Target>
      <Menu.Dropdown>
        {[traceCommand(id, origin), `curl -s '${origin}/api/v1/traces/${id}'`].map((command) => (
          <Menu.Item key={command} onClick={() => copy(command)}>
            <code>{command}</code>
          </Menu.Item>
        ))}
      </Menu.Dropdown>
    </Menu>
  );
}

function Clocks({ trace: t }: { trace: Trace }) {
  if (t.clocks.length === 0) return null;
  const text = t.clocks
    .map(
      (c) => `${c.process}: ${c.offsetNano > 0 ? '+' : ''}${formatDuration(c.offsetNano)} (${c.calls} ${c.calls === 1 ? 'call' : 'calls'})`,
    )
    .join(', ');
  return (
    <Tooltip label={`Clocks that could not be right, and by how much they were moved: ${text}`} multiline maw={420} withArrow>
      <button type="button" className={classes.quiet}>
        <IconClock size={14} />
        {t.clocks.length === 1 ? 'clock moved' : `${t.clocks.length} clocks moved`}
      </button>
    </Tooltip>
  );
}

function Completeness({ trace: t }: { trace: Trace }) {
  const reasons = [...(t.truncated ? ['the trace has more spans or log records than an answer holds'] : []), ...(t.stats.reasons ?? [])];
  if (!t.truncated && !t.stats.partial) {
    return (
      <Tooltip label={`All that was received was searched, in ${Math.round(t.stats.tookMs)} ms.`} withArrow>
        <button type="button" className={classes.quiet}>
          <IconCheck size={14} />
          complete
        </button>
      </Tooltip>
    );
  }
  return (
    <Tooltip label={reasons.join('; ')} multiline maw={420} withArrow>
      <button type="button" className={classes.caution}>
        <IconHelpCircle size={14} />
        incomplete
      </button>
    </Tooltip>
  );
}

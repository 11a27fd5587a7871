// All of one record, docked beside the list: its text, its attributes with filters at hand, the way to its trace, and for a log record the lines
// around it.
import { ActionIcon, Button, SegmentedControl } from '@mantine/core';
import { IconArrowRight, IconX } from '@tabler/icons-react';
import { useState } from 'react';
import { Link } from 'wouter';
import { CopyButton } from '@/components/CopyButton';
import { JsonTree } from '@/components/JsonTree';
import { Marked } from '@/components/Marked';
import { ServiceBadge } from '@/components/ServiceBadge';
import { Severity, Status } from '@/components/Severity';
import { traceCommand } from '@/logic/command';
import { formatDuration, formatUnixNanos } from '@/logic/format';
import { markers } from '@/logic/highlight';
import { type AnyRecord, isSpan, timeOf } from '@/logic/record';
import { traceHref } from '@/logic/traceid';
import { useKeys } from '@/state/keys';
import { useTime } from '@/state/time';
import { AttributeTable } from './AttributeTable';
import { LinesAround } from './LinesAround';
import classes from './RecordDetail.module.css';
import type { SearchState } from './state';

type Tab = 'fields' | 'around' | 'json';

export function RecordDetail({ record: r, state }: { record: AnyRecord; state: SearchState }) {
  const { zone } = useTime();
  const [tab, setTab] = useState<Tab>('fields');
  const close = () => state.select(undefined);
  useKeys({ Escape: close });
  const span = isSpan(r);
  const shown = span && tab === 'around' ? 'fields' : tab;
  return (
    <aside className={classes.detail} aria-label={span ? 'Span' : 'Log record'}>
      <header className={classes.header}>
        <ServiceBadge service={r.service} />
        {span ? <Status status={r.status} /> : <Severity number={r.severityNumber} text={r.severityText} />}
        <span className={classes.space} />
        <CopyButton text={JSON.stringify(r, null, 2)} label="Copy as JSON" />
        <Close onClick={close} />
      </header>
      <div className={classes.scroll}>
        <div className={classes.when}>
          {formatUnixNanos(timeOf(r), zone, 9, true)}
          {span && ` · ${formatDuration(r.durationNano)} · ${r.kind}`}
        </div>
        <div className={span ? classes.name : classes.body}>
          <Marked text={span ? r.name : r.body} markers={markers(state.query, span ? 'name' : 'body')} />
        </div>
        {span && r.statusMessage && <div className={classes.message}>{r.statusMessage}</div>}
        {r.traceId && (
          <div className={classes.trace}>
            <Button
              component={Link}
              href={traceHref(r.traceId, zone, r.spanId)}
              className={classes.open}
              size="compact-sm"
              fw={500}
              fz={13}
              rightSection={<IconArrowRight size={14} />}
            >
              Open the trace
            </Button>
            <code className={classes.id}>{r.traceId}</code>
            <CopyButton text={traceCommand(r.traceId, window.location.origin)} label="Copy as clew trace" />
          </div>
        )}
        <SegmentedControl
          size="xs"
          aria-label="Show"
          value={shown}
          onChange={(v) => setTab(v as Tab)}
          data={[
            { value: 'fields', label: 'Fields' },
            ...(span ? [] : [{ value: 'around', label: 'Lines around' }]),
            { value: 'json', label: 'JSON' },
          ]}
        />
        {shown === 'fields' && <Fields record={r} state={state} />}
        {shown === 'around' && !span && <LinesAround key={r.id} record={r} />}
        {shown === 'json' && (
          <div className={`${classes.json} mono`}>
            <JsonTree value={r} />
          </div>
        )}
      </div>
    </aside>
  );
}

/** What an address points at is not kept any more. */
export function GoneDetail({ state }: { state: SearchState }) {
  const close = () => state.select(undefined);
  const { zone } = useTime();
  useKeys({ Escape: close });
  return (
    <aside className={classes.detail} aria-label="Record">
      <header className={classes.header}>
        <span className={classes.space} />
        <Close onClick={close} />
      </header>
      <p className={classes.gone}>
        The record of {formatUnixNanos(state.selectedTime, zone, 3, true)} that this address points at is not there: it may be older than
        what is kept.
      </p>
    </aside>
  );
}

function Close({ onClick }: { onClick: () => void }) {
  return (
    <ActionIcon variant="subtle" color="gray" size={22} aria-label="Close (Esc)" onClick={onClick}>
      <IconX size={14} />
    </ActionIcon>
  );
}

function Fields({ record: r, state }: { record: AnyRecord; state: SearchState }) {
  return (
    <>
      <AttributeTable title="Attributes" level="attr" attributes={r.attributes} state={state} />
      {isSpan(r) && r.events.length > 0 && (
        <section>
          <h2 className={classes.title}>Events</h2>
          <div className={`${classes.json} mono`}>
            <JsonTree value={r.events} />
          </div>
        </section>
      )}
      {isSpan(r) && r.links.length > 0 && (
        <section>
          <h2 className={classes.title}>Links</h2>
          <div className={`${classes.json} mono`}>
            <JsonTree value={r.links} />
          </div>
        </section>
      )}
      <AttributeTable title="Resource" level="resource" attributes={r.resource.attributes} state={state} />
      <AttributeTable
        title={`Scope ${r.scope.name} ${r.scope.version}`.trim()}
        level="scope"
        attributes={{
          ...(r.scope.name ? { name: r.scope.name } : {}),
          ...(r.scope.version ? { version: r.scope.version } : {}),
          ...r.scope.attributes,
        }}
        state={state}
      />
    </>
  );
}

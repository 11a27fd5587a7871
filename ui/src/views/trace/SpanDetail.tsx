// Everything a span carries.
import { Tabs } from '@mantine/core';
import { useState } from 'react';
import { Link } from 'wouter';
import type { SpanEvent, SpanLink } from '@/api/records';
import { JsonTree } from '@/components/JsonTree';
import { ServiceBadge } from '@/components/ServiceBadge';
import { formatDuration, formatUnixNanos } from '@/logic/format';
import { FlagError, startOf, type Trace } from '@/logic/trace/model';
import { traceHref } from '@/logic/traceid';
import { useTime } from '@/state/time';
import { Attributes } from './Attributes';
import { DetailSkeleton } from './Detail';
import { LogLine } from './LogLine';
import { type SpanDetail as Answer, type Detail, useSpan } from './requests';
import classes from './trace.module.css';
import type { Actions } from './useActions';
import { kindOf, nameOf, serviceOf } from './words';

interface Props {
  trace: Trace;
  node: number;
  spanId: string;
  raw: boolean;
  actions: Actions;
}

export function SpanDetail({ trace: t, node, spanId, raw, actions }: Props) {
  const answer = useSpan(t.traceId, spanId);
  const parent = t.parent[node] as number;
  const error = ((t.flags[node] as number) & FlagError) !== 0;
  return (
    <>
      <div className={classes.detailHead}>
        <ServiceBadge service={serviceOf(t, node)} />
        <h2 className={classes.detailName}>{nameOf(t, node)}</h2>
        {error && (
          <p className={classes.errorNote}>
            <b>Error</b> {answer.data && whyOf(answer.data.span)}
          </p>
        )}
        <dl className={classes.times}>
          <div>
            <dt>Starts at</dt>
            <dd>{formatDuration(startOf(t, node, raw))}</dd>
          </div>
          <div>
            <dt>Lasts</dt>
            <dd>{formatDuration(t.duration[node] as number)}</dd>
          </div>
          <div>
            <dt>Itself</dt>
            <dd>{formatDuration(t.self[node] as number)}</dd>
          </div>
          <div>
            <dt>Kind</dt>
            <dd>{kindOf(t, node) || '–'}</dd>
          </div>
          {t.skew && t.skew[node] !== 0 && (
            <div>
              <dt>Clock moved</dt>
              <dd>{formatDuration(t.skew[node] as number)}</dd>
            </div>
          )}
        </dl>
        {parent >= 0 && (
          <button type="button" className={classes.textButton} onClick={() => actions.selectNode(parent)}>
            to its parent, {serviceOf(t, parent)} {nameOf(t, parent)}
          </button>
        )}
      </div>
      {answer.isError ? (
        <p className={classes.empty}>The detail was not answered: {answer.error.message}</p>
      ) : answer.data ? (
        <SpanTabs trace={t} detail={answer.data} raw={raw} skew={t.skew?.[node] ?? 0} />
      ) : (
        <DetailSkeleton />
      )}
    </>
  );
}

/** What a span says about its error. Many instrumentations leave the status without a message; then the exception or the answer's code tells it. */
function whyOf(span: Detail): string {
  if (span.statusMessage) return span.statusMessage;
  const exception = span.events.find((e) => e.attributes['exception.message'] || e.attributes['exception.type']);
  if (exception) return ['exception.type', 'exception.message'].flatMap((k) => exception.attributes[k] ?? []).join(': ');
  for (const key of ['http.response.status_code', 'http.status_code', 'rpc.response.status_code', 'rpc.grpc.status_code', 'error.type']) {
    if (span.attributes[key] !== undefined) return `${key} ${span.attributes[key]}`;
  }
  return 'without a message';
}

type TabName = 'attributes' | 'events' | 'logs' | 'links' | 'resource' | 'json';

function SpanTabs({ trace, detail, raw, skew }: { trace: Trace; detail: Answer; raw: boolean; skew: number }) {
  const [tab, setTab] = useState<TabName>('attributes');
  const { span, logs } = detail;
  const counts: [TabName, string, number][] = [
    ['attributes', 'Attributes', Object.keys(span.attributes).length],
    ['events', 'Events', span.events.length],
    ['logs', 'Logs', logs.length],
    ['links', 'Links', span.links.length],
    ['resource', 'Resource', Object.keys(span.resource).length],
    ['json', 'JSON', -1],
  ];
  // A tab without anything in it stays where it is, so that the next span's tabs stand at the same place.
  return (
    <Tabs
      value={tab}
      onChange={(v) => setTab((v ?? 'attributes') as TabName)}
      className={classes.detailTabs}
      classNames={{ tab: classes.detailTab }}
    >
      <Tabs.List>
        {counts.map(([name, label, n]) => (
          <Tabs.Tab key={name} value={name} disabled={n === 0 && name !== 'attributes'}>
            {label}
            {n > 0 && <span className={classes.tabCount}>{n}</span>}
          </Tabs.Tab>
        ))}
      </Tabs.List>
      <Tabs.Panel value={tab} className={classes.detailBody} tabIndex={0}>
        {tab === 'attributes' && <Attributes values={span.attributes} level="attr" signal="spans" empty="The span has no attributes." />}
        {tab === 'attributes' && span.dropped > 0 && <p className={classes.empty}>{span.dropped} more were dropped by the sender.</p>}
        {tab === 'events' &&
          span.events.map((e, i) => {
            // biome-ignore lint/suspicious/noArrayIndexKey: a record that was received does not change
            return <Event key={i} event={e} start={trace.startNanos} skew={raw ? 0 : skew} />;
          })}
        {tab === 'logs' && logs.map((l) => <LogLine key={String(l.id)} record={l} />)}
        {tab === 'links' &&
          span.links.map((l, i) => {
            // biome-ignore lint/suspicious/noArrayIndexKey: a record that was received does not change
            return <LinkTo key={i} link={l} />;
          })}
        {tab === 'resource' && (
          <>
            <Attributes values={span.resource} level="resource" signal="spans" empty="" />
            <h3 className={classes.part}>Scope</h3>
            <Attributes values={span.scope} level="scope" signal="spans" empty="No scope is named." />
          </>
        )}
        {tab === 'json' && (
          <div className={classes.json}>
            <JsonTree value={span.raw} />
          </div>
        )}
      </Tabs.Panel>
    </Tabs>
  );
}

function Event({ event, start, skew }: { event: SpanEvent; start: bigint; skew: number }) {
  const { zone } = useTime();
  const { timeUnixNano: at } = event;
  return (
    <section className={classes.event}>
      <h3 className={classes.part}>
        {event.name}{' '}
        {at !== '' && (
          <span className={classes.eventTime}>
            {formatDuration(Number(BigInt(at) - start) + skew)} ·{' '}
            <span title="as its sender stated it">{formatUnixNanos(at, zone, 9)}</span>
          </span>
        )}
      </h3>
      <Attributes values={event.attributes} level="" signal="spans" empty="" />
    </section>
  );
}

function LinkTo({ link }: { link: SpanLink }) {
  const { zone } = useTime();
  return (
    <section className={classes.event}>
      <Link href={traceHref(link.traceId, zone, link.spanId)} className={classes.link}>
        trace {link.traceId}, span {link.spanId}
      </Link>
      <Attributes values={link.attributes} level="" signal="spans" empty="" />
    </section>
  );
}

// One host: what it is, what it ships and lost, and its metrics over time. Its logs, and the traces that passed it, are a click away.
import { IconArrowLeft } from '@tabler/icons-react';
import { lazy, type ReactNode, Suspense, useEffect } from 'react';
import { Link, useLocation, useParams } from 'wouter';
import { ApiError } from '@/api/client';
import { useFirings } from '@/api/firings';
import { type HostAnswer, useHost } from '@/api/hosts';
import { useCount } from '@/api/queries';
import { AlertNote } from '@/components/AlertNote';
import { ErrorNote } from '@/components/ErrorNote';
import { ServiceDot } from '@/components/ServiceBadge';
import { searchHref } from '@/logic/address';
import { formatBytes, formatCount, formatDuration } from '@/logic/format';
import { hostCharts } from '@/logic/hosts/charts';
import { formatAgo } from '@/logic/hosts/list';
import { setFilter } from '@/logic/language';
import { toUnixNanos } from '@/logic/timerange';
import { useKeys } from '@/state/keys';
import { useTime } from '@/state/time';
import { patchSearch } from '@/state/url';
import { HostAlerts } from './HostAlerts';
import { StatusDot } from './HostsPage';
import { hostField, systemOf } from './host';
import classes from './hosts.module.css';
import { useMoving } from './useMoving';

const HostChart = lazy(() => import('./HostChart'));
const Processes = lazy(() => import('./Processes'));

export default function HostPage() {
  const { host: name = '' } = useParams<{ host: string }>();
  const { data, error, refetch } = useHost(name);
  const { zone } = useTime();
  const [, navigate] = useLocation();
  const links = useLinks(name);
  const { instants } = useTime();
  const firings = useFirings(instants, { host_name: name });
  useMoving(name);
  useEffect(() => {
    document.title = `${name} – clew`;
  }, [name]);
  const back = `/hosts${withTime()}`;
  useKeys({ u: () => navigate(back), l: () => navigate(links.logs), t: () => navigate(links.traces) });
  const gone = error instanceof ApiError && error.status === 404;
  return (
    <div className={classes.hostPage}>
      <div className={classes.title}>
        <Link href={back} className={classes.back} aria-label="All hosts" title="All hosts (u)">
          <IconArrowLeft size={16} aria-hidden="true" />
        </Link>
        <h1>{name}</h1>
        {data && (
          <span className={data.host.status === 'up' ? classes.status : `${classes.status} ${classes.silent}`}>
            <StatusDot up={data.host.status === 'up'} />
            {data.host.status}, heard {formatAgo(data.host.lastHeard, Date.now())} ago
          </span>
        )}
        <AlertNote firings={firings} />
        <nav className={classes.links} aria-label="Of this host">
          <Link href={links.logs} title="l">
            Logs
          </Link>
          <Link href={links.traces} title="t">
            Traces that passed it
          </Link>
          {data?.host.heartbeat && <Link href={`/ledger?host=${encodeURIComponent(name)}${zone === 'utc' ? '&tz=utc' : ''}`}>Ledger</Link>}
        </nav>
      </div>
      {gone && (
        <div className={classes.nothing}>
          <p>Nothing that is kept is from a host of this name.</p>
          <Link href={back}>All hosts</Link>
        </div>
      )}
      {error && !data && !gone && <ErrorNote error={error} retry={() => void refetch()} />}
      {data && (
        <>
          {data.reasons.length > 0 && <p className={classes.partial}>Not everything is told: {data.reasons.join('; ')}</p>}
          <HostAlerts host={name} />
          <div className={classes.cards}>
            <What answer={data} />
            <Ships answer={data} />
            <Services name={name} />
          </div>
          <div className={classes.charts}>
            <Suspense fallback={hostCharts.map((c) => <div key={c.id} className={`skeleton ${classes.chartWaiting}`} />)}>
              {hostCharts.map((spec) => (
                <HostChart key={spec.id} spec={spec} host={name} agent={data.host.heartbeat !== ''} />
              ))}
            </Suspense>
          </div>
          <Suspense fallback={null}>
            <Processes host={name} agent={data.host.heartbeat !== ''} />
          </Suspense>
        </>
      )}
    </div>
  );
}

/** The address's time, for another page. */
function withTime(more: Record<string, string> = {}): string {
  const all = new URLSearchParams(window.location.search);
  const keep: Record<string, string> = { ...more };
  for (const key of ['from', 'to', 'tz', 'refresh']) {
    const value = all.get(key);
    if (value) keep[key] = value;
  }
  const text = patchSearch('', keep);
  return text ? `?${text}` : '';
}

function useLinks(name: string) {
  const { zone } = useTime();
  const q = setFilter('', hostField, name, 'in');
  const time = Object.fromEntries(new URLSearchParams(withTime()));
  return { logs: searchHref(zone, { ...time, q, signal: 'logs' }), traces: searchHref(zone, { ...time, q }) };
}

function Card({ title, children }: { title: string; children: ReactNode }) {
  return (
    <section className={classes.card} aria-label={title}>
      <h2>{title}</h2>
      {children}
    </section>
  );
}

function Facts({ facts }: { facts: [string, ReactNode][] }) {
  return (
    <dl className={classes.facts}>
      {facts.map(([name, value]) => (
        <div key={name}>
          <dt>{name}</dt>
          <dd>{value}</dd>
        </div>
      ))}
    </dl>
  );
}

function What({ answer: { host: h, agents } }: { answer: HostAnswer }) {
  const facts: [string, ReactNode][] = [];
  const system = systemOf(h);
  if (system) facts.push(['System', system]);
  if (h.container) facts.push(['Container', h.attributes['container.id']?.slice(0, 12) ?? 'yes']);
  for (const [key, value] of Object.entries({ ...h.kubernetes, ...h.attributes }).sort()) {
    if (key !== 'container.id') facts.push([key, value]);
  }
  if (h.id)
    facts.push([
      'host.id',
      <span key="id" className="mono">
        {h.id}
      </span>,
    ]);
  for (const a of agents) {
    const late =
      Math.abs(a.clockAheadSeconds) > 5
        ? `, its clock is ${formatDuration(Math.abs(a.clockAheadSeconds) * 1e9)} ${a.clockAheadSeconds > 0 ? 'ahead' : 'behind'}`
        : '';
    facts.push(['Agent', `clew ${a.version || '?'}, heard ${formatAgo(a.lastHeard, Date.now())} ago${late}`]);
    facts.push(['Queue', `${formatBytes(a.queueBytes)} of ${formatBytes(a.queueBytesMax)}`]);
  }
  if (agents.length === 0) facts.push(['Agent', 'none of clew’s']);
  return (
    <Card title="What it is">
      <Facts facts={facts} />
    </Card>
  );
}

const signals: Record<string, string> = { logs: 'Log records', spans: 'Spans', metrics: 'Points of metrics' };

function Ships({ answer: { host: h } }: { answer: HostAnswer }) {
  const facts: [string, ReactNode][] = h.traffic.map((t) => [
    signals[t.signal] ?? t.signal,
    `${Number(t.perSecond.toPrecision(2))} a second, last ${formatAgo(t.lastHeard, Date.now())} ago`,
  ]);
  if (h.traffic.length === 0) facts.push(['Nothing', 'yet']);
  if (h.heartbeat) {
    facts.push([
      'Lag',
      h.status !== 'up' ? 'not known: its agent is silent' : h.lagSeconds === 0 ? 'none' : formatDuration(h.lagSeconds * 1e9),
    ]);
    facts.push([
      'Lost',
      <span key="lost" className={h.lost > 0 ? classes.bad : undefined}>
        {h.lost === 0 ? 'nothing' : `${formatCount(h.lost)} records`}
      </span>,
    ]);
    for (const [what, reasons] of [
      ['refused', h.refused],
      ['dropped', h.dropped],
    ] as const) {
      for (const [reason, n] of Object.entries(reasons)) if (n > 0) facts.push([`${what}: ${reason}`, formatCount(n)]);
    }
    if (h.missing > 0) facts.push(['missing', formatCount(h.missing)]);
  }
  return (
    <Card title="What it ships">
      <Facts facts={facts} />
    </Card>
  );
}

const servicesShown = 12;

function Services({ name }: { name: string }) {
  const { instants, zone } = useTime();
  const query = setFilter('', hostField, name, 'in');
  const scope = { query, start: toUnixNanos(instants.start), end: toUnixNanos(instants.end), by: 'service', top: servicesShown };
  const logs = useCount({ ...scope, signal: 'logs' });
  const spans = useCount({ ...scope, signal: 'spans' });
  const counts = new Map<string, { logs: number; spans: number }>();
  for (const [of, kind] of [
    [logs, 'logs'],
    [spans, 'spans'],
  ] as const) {
    for (const g of of.data?.groups ?? []) {
      const c = counts.get(g.value) ?? { logs: 0, spans: 0 };
      c[kind] = g.count;
      counts.set(g.value, c);
    }
  }
  const all = [...counts].sort(([, a], [, b]) => b.logs + b.spans - a.logs - a.spans).slice(0, servicesShown);
  return (
    <Card title="Services on it in this time">
      {all.length === 0 && <p className={classes.soft}>{logs.isPending || spans.isPending ? '…' : 'None sent logs or spans.'}</p>}
      <ul className={classes.services}>
        {all.map(([service, c]) => (
          <li key={service}>
            <Link href={searchHref(zone, { q: setFilter(query, 'service', service, 'in'), ...(c.spans === 0 ? { signal: 'logs' } : {}) })}>
              <ServiceDot service={service} />
              {service || '(no service)'}
            </Link>
            <span className={classes.soft}>
              {[c.spans && `${formatCount(c.spans)} spans`, c.logs && `${formatCount(c.logs)} logs`].filter(Boolean).join(', ')}
            </span>
          </li>
        ))}
      </ul>
    </Card>
  );
}

// The hosts: who is up, how busy each is, what it ships and what it lost.
import { IconServer } from '@tabler/icons-react';
import { useCallback, useEffect, useMemo, useRef } from 'react';
import { Link, useLocation } from 'wouter';
import { type Host, type HostsAnswer, useHosts } from '@/api/hosts';
import { ErrorNote } from '@/components/ErrorNote';
import { Cell, RowList } from '@/components/RowList';
import { formatBytes, formatCompact, formatCount, formatDuration, formatPercent } from '@/logic/format';
import { alertWeight, type HostAlert } from '@/logic/hosts/alerts';
import { formatAgo, networkOf, nextSort, parseSort, rateOf, type Sort, type SortKey, sortHosts } from '@/logic/hosts/list';
import { useKeys } from '@/state/keys';
import { useTime } from '@/state/time';
import { useUrlState } from '@/state/url';
import { AlertCount } from './HostAlerts';
import { hostHref, systemOf } from './host';
import classes from './hosts.module.css';
import { Sparkline } from './Sparkline';
import { useHostAlerts } from './useHostAlerts';
import { useMoving } from './useMoving';

/** Rows whose small charts are asked for together. */
const sparksTogether = 25;

const statuses = [
  { value: '', label: 'All', count: (a: HostsAnswer) => a.up + a.silent },
  { value: 'up', label: 'Up', count: (a: HostsAnswer) => a.up },
  { value: 'silent', label: 'Silent', count: (a: HostsAnswer) => a.silent },
];

export default function HostsPage() {
  const { get, set } = useUrlState();
  const search = get('find');
  const status = get('status');
  const sort = parseSort(get('sort'));
  const { data, error, refetch } = useHosts(search, status);
  const input = useRef<HTMLInputElement>(null);
  useMoving('');
  useEffect(() => {
    document.title = 'Hosts – clew';
  }, []);
  useKeys({
    '/': () => input.current?.focus(),
    Escape: () => (search === '' ? false : set({ find: undefined }, { replace: true })),
  });
  return (
    <div className={classes.page}>
      <h1 className="sr-only">Hosts</h1>
      <search className={classes.bar}>
        <input
          ref={input}
          className={classes.find}
          type="search"
          placeholder="Find hosts by name, system, region …  ( / )"
          aria-label="Find hosts"
          value={search}
          spellCheck={false}
          onChange={(e) => set({ find: e.currentTarget.value }, { replace: true })}
          onKeyDown={(e) => {
            if (e.key === 'Escape') e.currentTarget.blur();
          }}
        />
        {/* biome-ignore lint/a11y/useSemanticElements: a fieldset is for forms */}
        <div role="group" aria-label="Status" className={classes.statuses}>
          {statuses.map(({ value, label, count }) => (
            <button key={value} type="button" aria-pressed={status === value} onClick={() => set({ status: value })}>
              {label} {data && <span className={classes.number}>{formatCount(count(data))}</span>}
            </button>
          ))}
        </div>
        {data && data.reasons.length > 0 && (
          <span className={classes.partial} title={data.reasons.join('\n')}>
            not everything is told: {data.reasons[0]}
          </span>
        )}
      </search>
      <div className={classes.list}>
        {error && !data ? (
          <ErrorNote error={error} retry={() => void refetch()} />
        ) : !data ? (
          <Waiting />
        ) : data.hosts.length === 0 ? (
          <NoHosts data={data} />
        ) : (
          <HostList
            hosts={data.hosts}
            matched={data.matched}
            sort={sort}
            onSort={(key) => set({ sort: nextSort(sort, key) }, { replace: true })}
          />
        )}
      </div>
    </div>
  );
}

interface Column {
  key: SortKey;
  name: string;
  title?: string;
  width: string;
}
const columns: Column[] = [
  { key: 'name', name: 'Host', width: 'minmax(210px, 1.5fr)' },
  { key: 'alerts', name: 'Alerts', title: 'That fire or are about to, of rules about hosts', width: '78px' },
  { key: 'heard', name: 'Heard', title: 'Last heard of, by heartbeat or telemetry', width: '84px' },
  { key: 'cpu', name: 'CPU', title: 'Of all processors, without waiting for disks', width: 'minmax(124px, 1fr)' },
  { key: 'memory', name: 'Memory', title: 'Used, without caches', width: 'minmax(124px, 1fr)' },
  { key: 'disk', name: 'Disk', title: 'Of the fullest file system', width: 'minmax(124px, 1fr)' },
  { key: 'network', name: 'Network', title: 'In and out, a second', width: 'minmax(148px, 1fr)' },
  { key: 'logs', name: 'Logs/s', title: 'Log records of the last minute, a second', width: '66px' },
  { key: 'spans', name: 'Spans/s', title: 'Spans of the last minute, a second', width: '66px' },
  { key: 'points', name: 'Points/s', title: 'Points of metrics of the last minute, a second', width: '66px' },
  { key: 'lag', name: 'Lag', title: 'Age of the oldest record that waits in its agent', width: '58px' },
  { key: 'lost', name: 'Lost', title: 'Records of its agent that are known to be lost', width: '62px' },
];

interface HostListProps {
  hosts: Host[];
  matched: number;
  sort: Sort | undefined;
  onSort: (key: SortKey) => void;
}

function HostList({ hosts, matched, sort, onSort }: HostListProps) {
  const [, navigate] = useLocation();
  const key = sort?.key;
  const reversed = sort?.reversed ?? false;
  const alerts = useHostAlerts();
  const sorted = useMemo(
    () => sortHosts(hosts, key && { key, reversed }, (h) => alertWeight(alerts.get(h) ?? [])),
    [hosts, key, reversed, alerts],
  );
  // By name: which rows are asked for together must not change with every look.
  const names = useMemo(() => hosts.map((h) => h.host).sort(), [hosts]);
  const groups = useMemo(() => {
    const by = new Map<string, string[]>();
    for (let i = 0; i < names.length; i += sparksTogether) {
      const group = names.slice(i, i + sparksTogether);
      for (const n of group) by.set(n, group);
    }
    return by;
  }, [names]);
  const row = useCallback(
    (i: number) => {
      const h = sorted[i];
      return h ? <HostCells host={h} alerts={alerts.get(h.host)} group={groups.get(h.host) ?? [h.host]} /> : null;
    },
    [sorted, groups, alerts],
  );
  return (
    <RowList
      label="Hosts"
      count={sorted.length}
      rowHeight={36}
      minWidth={1080}
      columns={columns.map((c) => c.width).join(' ')}
      header={columns.map((c) => <SortHeader key={c.key} column={c} sort={sort} onSort={onSort} />)}
      row={row}
      selected={-1}
      onOpen={(i) => {
        const h = sorted[i];
        if (h) navigate(hostHref(h.host, window.location.search));
      }}
      footer={
        matched > sorted.length ? (
          <p className={classes.more}>{formatCount(matched - sorted.length)} more match; find them by name.</p>
        ) : null
      }
    />
  );
}

function SortHeader({ column, sort, onSort }: { column: Column; sort: Sort | undefined; onSort: (key: SortKey) => void }) {
  const on = sort?.key === column.key;
  // Names run upwards, numbers from the largest down.
  const up = on && (column.key === 'name') !== sort.reversed;
  return (
    // biome-ignore lint/a11y/useSemanticElements: a table cannot be virtual
    // biome-ignore lint/a11y/useFocusableInteractive: its button is
    <div role="columnheader" aria-sort={on ? (up ? 'ascending' : 'descending') : 'none'} className={classes.head}>
      <button type="button" title={column.title} onClick={() => onSort(column.key)}>
        {column.name}
        {on && <span aria-hidden="true">{up ? ' ↑' : ' ↓'}</span>}
      </button>
    </div>
  );
}

function HostCells({ host: h, alerts, group }: { host: Host; alerts: HostAlert[] | undefined; group: string[] }) {
  const { load } = h;
  const bytes = networkOf(h);
  const up = h.status === 'up';
  const system = systemOf(h);
  return (
    <>
      <Cell>
        <Link href={hostHref(h.host, window.location.search)} className={classes.host} title={[h.host, system].filter(Boolean).join('\n')}>
          <StatusDot up={up} />
          <span className={classes.name}>{h.host}</span>
          <span className={classes.system}>{system}</span>
        </Link>
      </Cell>
      <Cell>
        <AlertCount host={h.host} alerts={alerts} />
      </Cell>
      <Cell className={up ? classes.soft : classes.silent} title={h.lastHeard}>
        {up ? '' : 'silent '}
        {formatAgo(h.lastHeard, Date.now())}
      </Cell>
      <Cell className={classes.measure}>
        <Sparkline kind="cpu" host={h.host} group={group} max={1} />
        <Share value={load?.cpu} warn={0.9} />
      </Cell>
      <Cell className={classes.measure}>
        <Sparkline kind="memory" host={h.host} group={group} max={1} />
        <Share value={load?.memory} warn={0.9} />
      </Cell>
      <Cell className={classes.measure}>
        <Sparkline kind="disk" host={h.host} group={group} max={1} />
        <Share value={load?.disk} warn={0.9} />
      </Cell>
      <Cell className={classes.measure}>
        <Sparkline kind="network" host={h.host} group={group} />
        <span className={classes.number}>{Number.isNaN(bytes) ? '–' : `${formatBytes(bytes)}/s`}</span>
      </Cell>
      <Cell className={classes.number}>{rateText(rateOf(h, 'logs'))}</Cell>
      <Cell className={classes.number}>{rateText(rateOf(h, 'spans'))}</Cell>
      <Cell className={classes.number}>{rateText(rateOf(h, 'metrics'))}</Cell>
      <Cell className={h.lagSeconds > 60 ? classes.warn : classes.number}>
        {!h.heartbeat || !up ? '–' : h.lagSeconds === 0 ? '0' : formatDuration(h.lagSeconds * 1e9)}
      </Cell>
      <Cell className={h.lost > 0 ? classes.bad : classes.number}>{h.heartbeat ? formatCompact(h.lost) : '–'}</Cell>
    </>
  );
}

export function StatusDot({ up }: { up: boolean }) {
  return <span className={up ? classes.dot : `${classes.dot} ${classes.dotSilent}`} aria-hidden="true" />;
}

function Share({ value, warn }: { value: number | undefined; warn: number }) {
  if (value === undefined || Number.isNaN(value)) return <span className={classes.number}>–</span>;
  return <span className={value >= warn ? classes.warn : classes.number}>{formatPercent(value)}</span>;
}

function rateText(v: number): string {
  if (Number.isNaN(v)) return '–';
  return v < 10 ? String(Number(v.toPrecision(2))) : formatCompact(v);
}

function NoHosts({ data }: { data: HostsAnswer }) {
  const { zone } = useTime();
  const { set } = useUrlState();
  if (data.up + data.silent > 0) {
    return (
      <div className={classes.nothing}>
        <p>None of the {formatCount(data.up + data.silent)} hosts is meant by this.</p>
        <button type="button" className={classes.clear} onClick={() => set({ find: undefined, status: undefined })}>
          Show all
        </button>
      </div>
    );
  }
  return (
    <div className={classes.nothing}>
      <IconServer size={28} aria-hidden="true" />
      <p>No host has been heard of yet.</p>
      <p className={classes.soft}>
        An agent on each host collects its logs and metrics, and keeps them on its disk while clew is away. It needs no configuration:
      </p>
      <pre className={classes.command}>clew agent --collector {window.location.hostname}:4317 --data /var/lib/clew-agent</pre>
      <p className={classes.soft}>
        A host is also known by the attribute host.name of what applications send: see{' '}
        <Link href={zone === 'utc' ? '/start?tz=utc' : '/start'}>Get started</Link>.
      </p>
    </div>
  );
}

function Waiting() {
  return (
    <div className={classes.waiting} aria-hidden="true">
      {Array.from({ length: 10 }, (_, i) => (
        // biome-ignore lint/suspicious/noArrayIndexKey: they are all the same
        <div key={i} className="skeleton" style={{ width: `${94 - ((i * 29) % 30)}%` }} />
      ))}
    </div>
  );
}

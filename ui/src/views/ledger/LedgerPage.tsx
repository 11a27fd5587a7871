// What arrived, and what did not: a row for each host and signal, and one for each service that sends by itself.
import { useEffect } from 'react';
import { type Counts, type HostAccount, type Ledger, type Sender, useLedger } from '@/api/ledger';
import { ErrorNote } from '@/components/ErrorNote';
import { formatCount, formatDuration } from '@/logic/format';
import classes from './LedgerPage.module.css';
import { parts, reasonsText } from './words';

export default function LedgerPage() {
  useEffect(() => {
    document.title = 'Ledger – clew';
  }, []);
  const { data, error, refetch } = useLedger();
  return (
    <div className={classes.page}>
      <h1 className={classes.title}>Ledger</h1>
      <p className={classes.about}>What agents and applications have sent, and what became of it.</p>
      {error && <ErrorNote error={error} retry={() => void refetch()} />}
      {!data && !error && <p className={classes.about}>Asking…</p>}
      {data && <Hosts ledger={data} />}
      {data && data.senders.length > 0 && <Senders senders={data.senders} since={data.since} now={data.now} />}
    </div>
  );
}

function Hosts({ ledger }: { ledger: Ledger }) {
  if (ledger.hosts.length === 0)
    return (
      <p className={classes.empty}>
        No agent has been heard of. Start one on a host: <code>clew agent --collector HOST:4317</code>
      </p>
    );
  return (
    <table className={classes.table}>
      <caption className="sr-only">Hosts with agents</caption>
      <thead>
        <tr>
          <th scope="col">Host</th>
          <th scope="col">Last heard</th>
          <th scope="col">Signal</th>
          <th scope="col">What became of it</th>
          <th scope="col" className={classes.number}>
            Read
          </th>
          <th scope="col" className={classes.number}>
            Stored
          </th>
          <th scope="col" className={classes.number}>
            Replayed
          </th>
          <th scope="col" className={classes.number}>
            Lag
          </th>
          <th scope="col" className={classes.why}>
            Lost, and why
          </th>
        </tr>
      </thead>
      <tbody>
        {ledger.hosts.map((h) => (
          <Host key={h.host} host={h} now={ledger.now} />
        ))}
      </tbody>
    </table>
  );
}

function Host({ host, now }: { host: HostAccount; now: string }) {
  return host.flows.map((f, i) => (
    <tr key={f.signal} className={i === 0 ? classes.first : undefined}>
      <th scope="row">{i === 0 ? host.host : <span className="sr-only">{host.host}</span>}</th>
      <td className={host.silent ? classes.silent : classes.soft}>
        {i === 0 && `${host.silent ? 'silent, ' : ''}${ago(host.lastHeard, now)}`}
      </td>
      <td>{f.signal}</td>
      <td>
        <Bar counts={f.counts} />
      </td>
      <td className={classes.number}>{formatCount(f.counts.read)}</td>
      <td className={classes.number}>{formatCount(f.counts.stored)}</td>
      <td className={classes.number}>{formatCount(f.counts.replayed)}</td>
      <td className={classes.number}>{f.lagSeconds >= 1 ? formatDuration(f.lagSeconds * 1e9) : '–'}</td>
      <td className={classes.why}>{reasonsText(f) || <span className={classes.soft}>nothing</span>}</td>
    </tr>
  ));
}

function Bar({ counts }: { counts: Counts }) {
  const shown = parts(counts);
  return (
    <div
      className={classes.bar}
      role="img"
      aria-label={shown.map((p) => `${formatCount(p.records)} ${p.name}`).join(', ') || 'nothing yet'}
    >
      {shown.map((p) => (
        <span key={p.name} className={classes[p.name]} style={{ flexGrow: p.records }} title={`${formatCount(p.records)} ${p.name}`} />
      ))}
    </div>
  );
}

function Senders({ senders, since, now }: { senders: Sender[]; since: string; now: string }) {
  return (
    <>
      <h2 className={classes.subtitle}>Applications that send by themselves</h2>
      <p className={classes.about}>
        Counted since the server started, {ago(since, now)}. What is refused and sent again is received twice.
      </p>
      <table className={classes.table}>
        <caption className="sr-only">Services without an agent</caption>
        <thead>
          <tr>
            <th scope="col">Service</th>
            <th scope="col">Signal</th>
            <th scope="col">Last heard</th>
            <th scope="col" className={classes.number}>
              Received
            </th>
            <th scope="col" className={classes.number}>
              Stored
            </th>
            <th scope="col" className={classes.why}>
              Refused, and why
            </th>
          </tr>
        </thead>
        <tbody>
          {senders.map((s) => (
            <tr key={`${s.service} ${s.signal}`} className={classes.first}>
              <th scope="row">{s.service || '(no service.name)'}</th>
              <td>{s.signal}</td>
              <td className={classes.soft}>{ago(s.lastHeard, now)}</td>
              <td className={classes.number}>{formatCount(s.received)}</td>
              <td className={classes.number}>{formatCount(s.stored)}</td>
              <td className={classes.why}>
                {Object.entries(s.refused)
                  .map(([reason, n]) => `${formatCount(Number(n))} ${reason}`)
                  .join(', ') || <span className={classes.soft}>nothing</span>}
              </td>
            </tr>
          ))}
        </tbody>
      </table>
    </>
  );
}

/** How long ago, in one unit. */
function ago(then: string, now: string): string {
  const seconds = Math.max(0, Math.round((Date.parse(now) - Date.parse(then)) / 1000));
  if (seconds < 60) return `${seconds} s ago`;
  if (seconds < 3600) return `${Math.round(seconds / 60)} min ago`;
  if (seconds < 86_400 * 2) return `${Math.round(seconds / 3600)} h ago`;
  return `${Math.round(seconds / 86_400)} days ago`;
}

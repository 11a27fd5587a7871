// What is wrong with a host by its alerts: how many, in its row of the list, and which, on its own page.
import { Link } from 'wouter';
import { withZone } from '@/logic/address';
import { formatMoment } from '@/logic/format';
import type { HostAlert } from '@/logic/hosts/alerts';
import { formatAgo } from '@/logic/hosts/list';
import { useTime } from '@/state/time';
import classes from './hostAlerts.module.css';
import { useHostAlerts } from './useHostAlerts';

const namedMax = 12;

export function AlertCount({ host, alerts = [] }: { host: string; alerts?: readonly HostAlert[] | undefined }) {
  const { zone } = useTime();
  if (alerts.length === 0) return <span className={classes.none}>–</span>;
  const firing = alerts.filter((a) => a.state === 'firing').length;
  const named = alerts.slice(0, namedMax).map((a) => `${a.name} ${a.state}${a.summary && `: ${a.summary}`}`);
  if (alerts.length > namedMax) named.push(`and ${alerts.length - namedMax} more`);
  return (
    <Link
      href={withZone('/alerts', zone, { find: host })}
      className={classes.chip}
      data-state={firing > 0 ? 'firing' : 'pending'}
      title={named.join('\n')}
      onClick={(e) => e.stopPropagation()}
    >
      {firing > 0 ? `${firing} firing` : `${alerts.length} pending`}
    </Link>
  );
}

export function HostAlerts({ host }: { host: string }) {
  const { zone } = useTime();
  const alerts = useHostAlerts().get(host) ?? [];
  if (alerts.length === 0) return null;
  return (
    <section className={classes.alerts} aria-label="Alerts of this host">
      <ul>
        {alerts.map((a) => (
          <li key={`${a.name} ${a.about} ${a.severity}`}>
            <span className={classes.chip} data-state={a.state}>
              {a.state}
            </span>
            <Link href={withZone('/alerts', zone, { find: `${a.name} ${host}` })}>{a.name}</Link>
            <span className={classes.summary} title={a.about}>
              {a.summary || a.about}
            </span>
            <span className={classes.since} title={formatMoment(Date.parse(a.since), zone)}>
              for {formatAgo(a.since, Date.now())}
            </span>
          </li>
        ))}
      </ul>
    </section>
  );
}

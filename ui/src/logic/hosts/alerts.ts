// The alerts that are about a host: pending and firing ones that have its name among their labels.
import type { Alert, RuleGroup } from '@/api/alerting';

/** Labels that are a host's name: as PromQL has host.name, and as it is. */
const hostLabels = ['host_name', 'host.name'];

export interface HostAlert {
  name: string;
  state: string; // firing, pending
  severity: string;
  since: string;
  value: string;
  summary: string;
  /** Its further labels, as `name=value`. */
  about: string;
}

/** By host; those that fire first, of these the latest. */
export function alertsByHost(groups: readonly RuleGroup[]): Map<string, HostAlert[]> {
  const by = new Map<string, HostAlert[]>();
  for (const a of groups.flatMap((g) => g.rules.flatMap((r) => r.alerts))) {
    const host = hostLabels.map((name) => a.labels[name]).find(Boolean);
    if (!host) continue;
    const known = by.get(host);
    if (known) known.push(hostAlert(a));
    else by.set(host, [hostAlert(a)]);
  }
  for (const all of by.values()) {
    all.sort((a, b) => Number(b.state === 'firing') - Number(a.state === 'firing') || Date.parse(b.since) - Date.parse(a.since));
  }
  return by;
}

function hostAlert(a: Alert): HostAlert {
  const about = Object.entries(a.labels).filter(([key]) => key !== 'alertname' && key !== 'severity' && !hostLabels.includes(key));
  return {
    name: a.labels.alertname ?? '',
    state: a.state,
    severity: a.labels.severity ?? '',
    since: a.activeAt,
    value: a.value,
    summary: a.annotations.summary ?? a.annotations.description ?? '',
    about: about.map(([key, value]) => `${key}=${value}`).join(' '),
  };
}

/** By what hosts are sorted: those with more that fires first, then with more that may. */
export function alertWeight(alerts: readonly HostAlert[]): number {
  const firing = alerts.filter((a) => a.state === 'firing').length;
  return firing + (alerts.length - firing) / 1_000;
}

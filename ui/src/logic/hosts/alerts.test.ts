import { expect, test } from 'vitest';
import type { Alert, RuleGroup } from '@/api/alerting';
import { alertsByHost, alertWeight } from './alerts';

const alert = (state: string, activeAt: string, labels: Record<string, string>): Alert => ({
  labels,
  annotations: { summary: `${labels.alertname} it is` },
  state,
  activeAt,
  keepFiringSince: '',
  value: '1',
  examples: [],
});
const group = (...alerts: Alert[]) => ({ rules: [{ alerts: alerts.slice(0, 1) }, { alerts: alerts.slice(1) }] }) as unknown as RuleGroup;

test('alerts are a host’s by its name, the worst first', () => {
  const by = alertsByHost([
    group(
      alert('pending', '2026-01-01T03:00:00Z', { alertname: 'Slow', host_name: 'a' }),
      alert('firing', '2026-01-01T01:00:00Z', { alertname: 'Full', host_name: 'a', mountpoint: '/', severity: 'page' }),
      alert('firing', '2026-01-01T02:00:00Z', { alertname: 'Hot', 'host.name': 'a' }),
      alert('firing', '2026-01-01T02:00:00Z', { alertname: 'Other', service: 'a' }),
    ),
    group(alert('pending', '2026-01-01T00:00:00Z', { alertname: 'Slow', host_name: 'b' })),
  ]);
  expect([...by.keys()]).toEqual(['a', 'b']);
  expect(by.get('a')?.map((a) => a.name)).toEqual(['Hot', 'Full', 'Slow']);
  expect(by.get('a')?.[1]).toMatchObject({ about: 'mountpoint=/', severity: 'page', summary: 'Full it is' });
  expect(alertWeight(by.get('a') ?? [])).toBeCloseTo(2.001);
  expect(alertWeight(by.get('b') ?? [])).toBeGreaterThan(alertWeight([]));
});

// Hosts: found, sorted, looked at; one that died; an agent of this very host beside the demo.
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { hostname, tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Browser } from 'playwright-core';
import { afterAll, beforeAll, describe, expect, inject, test } from 'vitest';
import { expectAccessible, launch, leave, visit } from './browser';
import { arrived, type Clew, getJson, startClew, until } from './clew';
import { sendLogs, sendShop } from './otlp';

const everyMs = 15_000;
const minutes = 10;

/** What the hostmetrics receiver says of a host: as busy as given, for some minutes until now. */
async function sendMetrics(clew: Clew, host: string, busy: number) {
  const now = Date.now();
  const count = (minutes * 60_000) / everyMs;
  const nanos = (ms: number) => `${Math.round(ms)}000000`;
  const text = (of: Record<string, string>) => Object.entries(of).map(([key, stringValue]) => ({ key, value: { stringValue } }));
  const points = (attributes: Record<string, string>, value: (i: number) => number) =>
    Array.from({ length: count }, (_, i) => ({
      attributes: text(attributes),
      startTimeUnixNano: nanos(now - 3_600_000),
      timeUnixNano: nanos(now - (count - 1 - i) * everyMs),
      asDouble: value(i),
    }));
  const sum = (name: string, unit: string, dataPoints: unknown[], isMonotonic = true) => ({
    name,
    unit,
    sum: { aggregationTemporality: 2, isMonotonic, dataPoints },
  });
  const passed = (i: number) => (i * everyMs) / 1000;
  const metrics = [
    sum('system.cpu.time', 's', [
      ...points({ cpu: 'cpu0', state: 'user' }, (i) => passed(i) * busy),
      ...points({ cpu: 'cpu0', state: 'idle' }, (i) => passed(i) * (1 - busy)),
    ]),
    sum('system.memory.usage', 'By', [...points({ state: 'used' }, () => 3e9), ...points({ state: 'free' }, () => 1e9)], false),
    sum(
      'system.filesystem.usage',
      'By',
      [
        ...points({ device: 'sda1', mountpoint: '/', type: 'ext4', state: 'used' }, () => 95e9),
        ...points({ device: 'sda1', mountpoint: '/', type: 'ext4', state: 'free' }, () => 5e9),
      ],
      false,
    ),
    sum(
      'system.network.io',
      'By',
      points({ device: 'eth0', direction: 'receive' }, (i) => passed(i) * 2e6),
    ),
    { name: 'system.cpu.load_average.1m', unit: '{thread}', gauge: { dataPoints: points({}, () => 4 * busy) } },
  ];
  const r = await fetch(`${clew.otlpHttp}/v1/metrics`, {
    method: 'POST',
    headers: { 'Content-Type': 'application/json' },
    body: JSON.stringify({
      resourceMetrics: [
        { resource: { attributes: text({ 'host.name': host, 'os.type': 'linux', 'host.arch': 'arm64' }) }, scopeMetrics: [{ metrics }] },
      ],
    }),
  });
  if (!r.ok) throw new Error(`metrics: ${r.status} ${await r.text()}`);
}

const rules = `
groups:
  - name: hosts
    interval: 1s
    rules:
      - alert: HostBusy
        expr: max by (host_name) (system_cpu_load_average_1m) > 2
        annotations: {summary: '{{ $labels.host_name }} has a load of {{ $value }}'}
      - alert: DiskFilling
        expr: max by (host_name, mountpoint) (system_filesystem_usage_bytes{state="used"}) > 90e9
        for: 1h
`;

describe.skipIf(!inject('chromium'))('hosts', () => {
  let clew: Clew;
  let browser: Browser;
  const dir = mkdtempSync(join(tmpdir(), 'clew-e2e-rules-'));

  beforeAll(async () => {
    writeFileSync(join(dir, 'hosts.yml'), rules);
    clew = await startClew(inject('clew'), 'run', ['--rules', join(dir, 'hosts.yml')]);
    browser = await launch(inject('chromium'));
  });
  afterAll(async () => {
    await browser?.close();
    await clew?.stop();
    rmSync(dir, { recursive: true, force: true });
  });

  test('there are none at first, and the page says how to have some', async () => {
    const v = await visit(browser, `${clew.url}/hosts`);
    await v.page.getByText('No host has been heard of yet').waitFor();
    await expectAccessible(v.page);
    await leave(v);
  });

  test('lists those that are up, and those that died', async () => {
    await sendMetrics(clew, 'busy', 0.8);
    await sendMetrics(clew, 'calm', 0.25);
    await sendLogs(clew, Date.now() - 2 * 3_600_000, [{ service: 'old', body: 'the last words', at: 0, host: 'dead' }]);
    await sendShop(clew); // from hosts a, b and c
    await arrived(clew, 'spans', 6);
    await until(
      () => getJson<{ hosts: { host: string }[] }>(`${clew.url}/api/v1/hosts`),
      (a) => ['busy', 'calm', 'dead', 'a'].every((h) => a.hosts.some((x) => x.host === h)),
    );
    const v = await visit(browser, `${clew.url}/hosts`);
    const { page } = v;
    const rows = page.getByRole('grid', { name: 'Hosts' }).getByRole('row');
    await rows.filter({ hasText: 'dead' }).waitFor();
    expect(await rows.nth(1).textContent()).toMatch(/dead.*silent 2h/);
    expect(await rows.filter({ hasText: 'busy' }).textContent()).toMatch(/linux · arm64.*80%.*75%.*95%.*2 MB\/s/);
    await expect.poll(() => rows.filter({ hasText: 'calm' }).locator('svg path').count()).toBe(4);

    await page.getByRole('columnheader', { name: 'CPU' }).getByRole('button').click();
    await expect.poll(() => rows.nth(1).textContent()).toContain('busy');
    await page.getByRole('columnheader', { name: 'CPU' }).getByRole('button').click();
    await expect.poll(() => rows.nth(1).textContent()).toContain('calm');

    // What rules find wrong with a host, by which hosts are sorted too.
    await rows.filter({ hasText: 'busy' }).getByRole('link', { name: '1 firing' }).waitFor();
    await rows.filter({ hasText: 'calm' }).getByRole('link', { name: '1 pending' }).waitFor();
    await page.getByRole('columnheader', { name: 'Alerts' }).getByRole('button').click();
    await expect.poll(() => rows.nth(1).textContent()).toContain('busy');
    await rows.filter({ hasText: 'busy' }).getByRole('link', { name: '1 firing' }).click();
    await page.getByRole('region', { name: 'Group hosts' }).getByText('busy has a load of 3.2').waitFor();
    await page.goBack();
    await page.goto(`${clew.url}/hosts/busy`);
    const wrong = page.getByRole('region', { name: 'Alerts of this host' }).getByRole('listitem');
    await wrong.filter({ hasText: 'busy has a load of 3.2' }).getByText('firing', { exact: true }).waitFor();
    await wrong.filter({ hasText: 'DiskFilling' }).getByText('pending', { exact: true }).waitFor();
    await expectAccessible(page);
    await wrong.getByRole('link', { name: 'HostBusy' }).click();
    await expect
      .poll(() => page.getByRole('region', { name: 'Group hosts' }).getByRole('listitem').filter({ hasText: 'DiskFilling' }).count())
      .toBe(0);
    await page.goto(`${clew.url}/hosts`);
    await rows.filter({ hasText: 'dead' }).waitFor();

    await page.getByRole('button', { name: 'Silent 1' }).click();
    await expect.poll(() => rows.count()).toBe(2);
    await page.getByRole('button', { name: /^All / }).click();
    await page.keyboard.press('/');
    await page.keyboard.type('ARM64 bus');
    await expect.poll(() => rows.count()).toBe(2);
    expect(new URL(page.url()).searchParams.get('find')).toBe('ARM64 bus');
    await page.getByRole('searchbox', { name: 'Find hosts' }).fill('no such host');
    await page.getByText('is meant by this').waitFor();
    await page.getByRole('button', { name: 'Show all' }).click();
    await rows.filter({ hasText: 'busy' }).waitFor();
    await leave(v);
  });

  test('opens a host by keyboard: its charts, its logs, its traces', async () => {
    const v = await visit(browser, `${clew.url}/hosts?sort=cpu`);
    const { page } = v;
    await page.getByRole('grid', { name: 'Hosts' }).getByText('busy').waitFor();
    await page.keyboard.press('j');
    await page.keyboard.press('Enter');
    await page.getByRole('heading', { name: 'busy', exact: true }).waitFor();
    const cpu = page.getByRole('region', { name: 'CPU by mode' });
    await expect.poll(() => cpu.getByRole('listitem').allTextContents()).toEqual(['user 80%']);
    await cpu.locator('canvas').waitFor();
    await expect.poll(() => page.getByRole('region', { name: 'Disk space used' }).textContent()).toContain('/ 95%');
    await page.getByRole('region', { name: 'Processes by CPU' }).getByText('No such metrics').waitFor();

    // Dragging in one chart zooms all of them.
    const box = await cpu.locator('.u-over').boundingBox();
    if (!box) throw new Error('no chart');
    await page.mouse.move(box.x + box.width * 0.6, box.y + 50);
    await page.mouse.down();
    await page.mouse.move(box.x + box.width * 0.9, box.y + 50, { steps: 4 });
    await page.mouse.up();
    await expect.poll(() => new URL(page.url()).searchParams.get('from')).toMatch(/^20/);
    await page.goBack();

    await page.keyboard.press('u');
    await page.getByRole('grid', { name: 'Hosts' }).getByRole('link', { name: /^a/ }).click();
    await page.getByRole('region', { name: 'Services on it in this time' }).getByRole('link', { name: 'frontend' }).waitFor();
    await page.getByRole('link', { name: 'Traces that passed it' }).click();
    await page.getByRole('grid', { name: 'Traces' }).getByText('GET /cart').waitFor();
    await page.goBack();
    await page.getByRole('heading', { name: 'a', exact: true }).waitFor();
    await page.keyboard.press('l');
    await expect.poll(() => new URL(page.url()).searchParams.get('signal')).toBe('logs');
    expect(new URL(page.url()).searchParams.get('q')).toBe('resource.host.name:a');
    await leave(v);
  });

  test('says that there is no such host', async () => {
    const v = await visit(browser, `${clew.url}/hosts/nobody`);
    await v.page.getByText('Nothing that is kept is from a host of this name').waitFor();
    await leave(v);
  });

  test.each(['light', 'dark'] as const)('has nothing serious for axe, %s', async (theme) => {
    const v = await visit(browser, `${clew.url}/hosts`, theme);
    await v.page.getByRole('grid', { name: 'Hosts' }).getByText('busy').waitFor();
    await expectAccessible(v.page);
    await v.page.goto(`${clew.url}/hosts/busy`);
    await v.page.getByRole('region', { name: 'CPU by mode' }).getByText('80%').waitFor();
    await expectAccessible(v.page);
    await leave(v);
  });
});

describe.skipIf(!inject('chromium'))('the demo', () => {
  let clew: Clew;
  let browser: Browser;

  beforeAll(async () => {
    clew = await startClew(inject('clew'), 'demo');
    browser = await launch(inject('chromium'));
  });
  afterAll(async () => {
    await browser?.close();
    await clew?.stop();
  });

  test('has this host on the page within a minute, with its load', { timeout: 90_000 }, async () => {
    const v = await visit(browser, `${clew.url}/hosts`);
    const row = v.page.getByRole('grid', { name: 'Hosts' }).getByRole('row').filter({ hasText: hostname() });
    await row.waitFor({ timeout: 60_000 });
    await expect.poll(() => row.textContent(), { timeout: 60_000 }).toMatch(/CPUs.*\d%/);
    await row.getByRole('link').click();
    await expect.poll(() => v.page.getByRole('region', { name: 'Memory by state' }).textContent(), { timeout: 60_000 }).toMatch(/used.*B/);
    await leave(v);
  });
});

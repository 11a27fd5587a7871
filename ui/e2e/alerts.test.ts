// Alerts: rules on a metric, on log records and on spans fire; what shows why leads to its trace; one is silenced, and no longer is; time axes have
// their marks.
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Browser } from 'playwright-core';
import { afterAll, beforeAll, describe, expect, inject, test } from 'vitest';
import { expectAccessible, launch, leave, visit } from './browser';
import { arrived, type Clew, getJson, startClew, until } from './clew';
import { sendMetrics, sendShop, shopTrace } from './otlp';

const rules = `
groups:
  - name: shop
    interval: 1s
    rules:
      - record: store:temperature
        expr: temperature_celsius
      - alert: TooWarm
        expr: temperature_celsius > 30
        labels: {severity: page}
        annotations:
          summary: 'The store has {{ $value }} degrees'
      - alert: OutOfStock
        lang: logs
        expr: '"out of stock"'
        window: 30m
        by: [service]
      - alert: NeverSo
        expr: temperature_celsius > 1000
      - alert: TwiceTheSame
        expr: temperature_celsius + on () {__name__=~"temperature_celsius|store:temperature"}
`;

describe.skipIf(!inject('chromium'))('alerts', () => {
  let clew: Clew;
  let browser: Browser;
  const dir = mkdtempSync(join(tmpdir(), 'clew-e2e-rules-'));

  beforeAll(async () => {
    writeFileSync(join(dir, 'shop.yml'), rules);
    clew = await startClew(inject('clew'), 'run', ['--rules', join(dir, 'shop.yml')]);
    browser = await launch(inject('chromium'));
    await sendShop(clew);
    await sendMetrics(clew, 'shop', [
      { name: 'temperature', unit: 'Cel', help: 'How warm.', kind: 'gauge', value: (i) => (i < 30 ? 20 : 40) },
    ]);
    await arrived(clew, 'logs', 2);
    await until(
      () => getJson<{ data: { alerts: { state: string }[] } }>(`${clew.url}/prometheus/api/v1/alerts`),
      (a) => a.data.alerts.filter((x) => x.state === 'firing').length === 2,
    );
    await until(
      () => getJson<{ series: unknown[] }>(`${clew.url}/api/v1/metrics/series?match=ALERTS`),
      (a) => a.series.length === 2,
    );
  });
  afterAll(async () => {
    await browser?.close();
    await clew?.stop();
    rmSync(dir, { recursive: true, force: true });
  });

  test('rules are listed with what they found, and the evidence leads to its trace', async () => {
    const v = await visit(browser, `${clew.url}/search`);
    const { page } = v;
    await page.getByRole('navigation', { name: 'Pages' }).getByRole('link', { name: 'Alerts' }).click();
    const group = page.getByRole('region', { name: 'Group shop' });
    await group.getByText('The store has 40 degrees').waitFor();
    await expect.poll(() => group.getByRole('button', { expanded: true }).count()).toBeGreaterThanOrEqual(2);
    await page.getByRole('button', { name: /^Failing 1/ }).click();
    await group.getByRole('alert').getByText('duplicate series').waitFor();
    await page.getByRole('button', { name: /^Inactive/ }).click();
    await expect.poll(() => group.getByRole('button', { name: /NeverSo/ }).count()).toBe(1);
    await expect.poll(() => group.getByRole('button', { name: /TooWarm/ }).count()).toBe(0);
    await page.getByRole('button', { name: /^All/ }).click();
    await page.keyboard.press('/');
    await page.keyboard.type('logs outofstock');
    await expect.poll(() => group.getByRole('listitem').filter({ hasText: 'OutOfStock' }).count()).toBe(1);
    await group.getByRole('list', { name: 'Evidence' }).getByText('umbrella is out of stock').waitFor();
    await group.getByRole('link', { name: /trace aaaaaaaa/ }).click();
    await page.getByRole('heading', { name: 'frontend GET /cart' }).waitFor();
    expect(page.url()).toContain(shopTrace);
    await leave(v);
  });

  test('a rule’s question is asked where it is understood', async () => {
    const v = await visit(browser, `${clew.url}/alerts?find=TooWarm`);
    const { page } = v;
    await page.getByRole('link', { name: 'Ask it' }).click();
    await expect.poll(() => new URL(page.url()).searchParams.get('expr')).toBe('temperature_celsius > 30');
    await page.getByRole('table', { name: 'Series of the graph' }).getByRole('row').nth(1).waitFor();
    await page.goto(`${clew.url}/alerts?find=OutOfStock`);
    await page.getByRole('link', { name: 'Ask it' }).click();
    await page.getByRole('grid', { name: 'Log records' }).getByText('umbrella is out of stock').waitFor();
    await leave(v);
  });

  test('is silenced, seen to be, and no longer', async () => {
    const v = await visit(browser, `${clew.url}/alerts?find=TooWarm`);
    const { page } = v;
    await page.getByRole('button', { name: 'Silence', exact: true }).click();
    const form = page.getByRole('form', { name: 'New silence' });
    await form.getByText('Silences 1 alert of now').waitFor();
    await form.getByLabel('Alerts with').fill('alertname=~"Too.*|Out.*"');
    await form.getByText('Silences 2 alerts of now').waitFor();
    await form.getByLabel('Alerts with').fill('rubbish');
    await form.getByText('want such as').waitFor();
    await form.getByLabel('Alerts with').fill('alertname="TooWarm"');
    await form.getByLabel('Your name').fill('Ann');
    await form.getByLabel('Why').fill('the door is open');
    await form.getByRole('button', { name: 'Silence' }).click();
    const list = page.getByRole('region', { name: 'Silences' });
    await list.getByText('the door is open').waitFor();
    await list.getByText('1 alert now').waitFor();
    await page.getByRole('tab', { name: 'Rules' }).click();
    await page.getByText('silenced', { exact: true }).waitFor();
    await page.keyboard.press('3');
    await list.getByRole('button', { name: 'Expire' }).click();
    await list.getByText('expired').waitFor();
    await list.getByRole('button', { name: 'Again' }).click();
    await expect.poll(() => form.getByLabel('Alerts with').inputValue()).toBe('alertname="TooWarm"');
    await leave(v);
  });

  test('time axes say what fired, and lead to the history', async () => {
    const v = await visit(browser, `${clew.url}/search?from=now-15m`);
    const { page } = v;
    await page.getByRole('link', { name: '2 alerts fired' }).click();
    const history = page.getByRole('region', { name: 'Alerts over time' });
    await history.getByRole('button', { name: /OutOfStock service=cart: from/ }).waitFor();
    expect(new URL(page.url()).searchParams.get('from')).toBe('now-15m');
    await page
      .getByRole('table', { name: 'Firings, the latest first' })
      .getByRole('row', { name: /TooWarm/ })
      .waitFor();
    await history.getByRole('button', { name: /TooWarm/ }).click();
    await expect.poll(() => new URL(page.url()).searchParams.get('from')).toMatch(/^20/);
    await page.goto(`${clew.url}/explore?expr=temperature_celsius`);
    await page.getByRole('link', { name: '2 alerts fired' }).waitFor();
    await page.goto(`${clew.url}/trace/${shopTrace}`);
    await page.getByRole('link', { name: /fired/ }).waitFor();
    await leave(v);
  });

  test.each(['light', 'dark'] as const)('has nothing serious for axe, %s', async (theme) => {
    const v = await visit(browser, `${clew.url}/alerts`, theme);
    await v.page.getByText('The store has 40 degrees').waitFor();
    await expectAccessible(v.page);
    for (const tab of ['history', 'silences']) {
      await v.page.goto(`${clew.url}/alerts?tab=${tab}`);
      await v.page.getByRole(tab === 'history' ? 'table' : 'form').waitFor();
      await expectAccessible(v.page);
    }
    await leave(v);
  });
});

describe.skipIf(!inject('chromium'))('without rules', () => {
  test('the page says how to have some', async () => {
    const clew = await startClew(inject('clew'));
    const browser = await launch(inject('chromium'));
    try {
      const v = await visit(browser, `${clew.url}/alerts`);
      await v.page.getByText('No rules are evaluated').waitFor();
      await expectAccessible(v.page);
      await v.page.goto(`${clew.url}/alerts?tab=history`);
      await v.page.getByText('No alert fired in this time').waitFor();
      await leave(v);
    } finally {
      await browser.close();
      await clew.stop();
    }
  });
});

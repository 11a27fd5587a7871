// Metrics: browsed, asked for, drawn, read as tables, shared by address; and the traces that are behind them.
import type { Browser, Page } from 'playwright-core';
import { afterAll, beforeAll, describe, expect, inject, test } from 'vitest';
import { expectAccessible, launch, leave, visit } from './browser';
import { arrived, type Clew, getJson, startClew, until } from './clew';
import { sendMetrics, sendShop, shopTrace } from './otlp';

describe.skipIf(!inject('chromium'))('metrics', () => {
  let clew: Clew;
  let browser: Browser;

  beforeAll(async () => {
    clew = await startClew(inject('clew'));
    browser = await launch(inject('chromium'));
  });
  afterAll(async () => {
    await browser?.close();
    await clew?.stop();
  });

  const editor = (page: Page, letter = 'A') => page.getByRole('textbox', { name: `PromQL, query ${letter}` });
  const address = (...exprs: string[]) => `${clew.url}/explore?${new URLSearchParams(exprs.map((e) => ['expr', e]))}`;
  const legend = (page: Page) => page.getByRole('table', { name: 'Series of the graph' }).getByRole('rowheader');

  test('there are none at first', async () => {
    const v = await visit(browser, `${clew.url}/explore`);
    await v.page.getByText('No metrics in this time').waitFor();
    await v.page.getByText('Choose a metric').waitFor();
    await expectAccessible(v.page);
    await leave(v);
  });

  test('are found by their words, and asked for as their type wants', async () => {
    await sendShop(clew);
    await sendMetrics(clew, 'shop', [
      {
        name: 'orders',
        unit: '{order}',
        help: 'Orders that were placed.',
        kind: 'counter',
        attributes: { region: 'eu' },
        value: (i) => i * 30,
      },
      {
        name: 'orders',
        unit: '{order}',
        help: 'Orders that were placed.',
        kind: 'counter',
        attributes: { region: 'us' },
        value: (i) => i * 60,
      },
      { name: 'temperature', unit: 'Cel', help: 'How warm the store is.', kind: 'gauge', value: (i) => 20 + Math.sin(i / 5) },
      {
        name: 'checkout.duration',
        unit: 's',
        help: 'How long checkouts take.',
        kind: 'histogram',
        value: (i) => i * 64,
        exemplar: { value: 0.8, trace: shopTrace, span: 1 },
      },
    ]);
    await arrived(clew, 'spans', 6);
    await until(
      () => getJson<{ names: unknown[] }>(`${clew.url}/api/v1/metrics/names?match=orders_total`),
      (a) => a.names.length === 1,
    );
    const v = await visit(browser, `${clew.url}/explore`);
    const { page } = v;
    const names = page.getByRole('complementary', { name: 'Metrics' });
    await names.getByRole('button', { name: 'orders_total', exact: true }).waitFor();
    await page.keyboard.press('Escape');
    await names.getByRole('searchbox').fill('placed counter');
    await expect.poll(() => names.getByRole('button').count()).toBe(2);
    await page.keyboard.press('Enter');
    await expect.poll(() => new URL(page.url()).searchParams.getAll('expr')).toEqual(['rate(orders_total[5m])']);
    await expect.poll(() => legend(page).allTextContents()).toEqual(['{region="us"}', '{region="eu"}']);
    await page.locator('canvas').waitFor();

    await names.getByRole('button', { name: 'Labels of orders_total' }).click();
    await names.getByRole('button', { name: 'region', exact: true }).click();
    await names.getByRole('button', { name: 'eu', exact: true }).click();
    await expect.poll(() => new URL(page.url()).searchParams.getAll('expr')).toEqual(['rate(orders_total{region="eu"}[5m])']);
    await expect.poll(() => legend(page).count()).toBe(1);

    await names.getByRole('searchbox').fill('');
    await names.getByRole('combobox', { name: 'Type' }).selectOption('histogram');
    await names.getByRole('button', { name: 'checkout_duration_seconds', exact: true }).click();
    const quantile = 'histogram_quantile(0.95, sum by (le) (rate(checkout_duration_seconds_bucket[5m])))';
    await expect.poll(() => new URL(page.url()).searchParams.getAll('expr')[1]).toBe(quantile);
    await expect.poll(() => legend(page).count()).toBe(2);
    await leave(v);
  });

  test('a query is completed, run, corrected where it is wrong, and in the address', async () => {
    const v = await visit(browser, `${clew.url}/explore`);
    const { page } = v;
    await editor(page).click();
    await page.keyboard.type('tempe');
    await page.getByRole('option', { name: /temperature_celsius/ }).waitFor();
    await page.keyboard.press('Tab');
    await page.keyboard.press('Enter');
    await expect.poll(() => new URL(page.url()).searchParams.get('expr')).toBe('temperature_celsius');
    await expect.poll(() => legend(page).count()).toBe(1);

    await editor(page).click();
    await page.keyboard.type(' * * 2');
    await page.keyboard.press('Enter');
    await page.getByRole('alert').getByText('unexpected <op:*>').waitFor();
    await expect.poll(() => page.locator('.cm-wrong').textContent()).toBe('*');
    await expectAccessible(page);
    await page.goBack();
    await expect.poll(() => editor(page).textContent()).toBe('temperature_celsius');
    await expect.poll(() => page.getByRole('alert').count()).toBe(0);
    await leave(v);
  });

  test('several queries are drawn, hidden, read as tables, and saved', async () => {
    const v = await visit(browser, address('orders_total', 'temperature_celsius'));
    const { page } = v;
    await expect.poll(() => legend(page).count()).toBe(3);
    await page.getByRole('button', { name: 'Show query A' }).click();
    await expect.poll(() => legend(page).count()).toBe(1);
    expect(new URL(page.url()).searchParams.get('off')).toBe('0');
    await page.getByRole('button', { name: 'Show query A' }).click();
    await page.getByRole('button', { name: 'Values' }).click();
    const values = page.getByRole('region', { name: 'Values' });
    await expect.poll(() => values.getByRole('row').count()).toBe(4);
    await values.getByRole('row', { name: /us.*2340/ }).waitFor();
    await page.getByRole('button', { name: 'Summary' }).click();
    await page.getByRole('region', { name: 'Summary' }).getByRole('row', { name: /"us"/ }).waitFor();
    await page.getByRole('combobox', { name: 'Step' }).selectOption('1m');
    await expect.poll(() => new URL(page.url()).searchParams.get('step')).toBe('1m');
    const [download] = await Promise.all([page.waitForEvent('download'), page.getByRole('button', { name: 'CSV' }).click()]);
    const lines = (await (await download.createReadStream()).toArray()).join('').split('\r\n');
    expect(lines[0]).toContain('temperature_celsius');
    expect(lines.length).toBeGreaterThan(50);
    await page.getByRole('button', { name: 'Query', exact: true }).click();
    await page.keyboard.type('1 + 1');
    await page.keyboard.press('Enter');
    await expect.poll(() => new URL(page.url()).searchParams.getAll('expr')[2]).toBe('1 + 1');
    await page.getByRole('button', { name: 'Remove query C' }).click();
    await page.getByRole('button', { name: 'Remove query A' }).click();
    await expect.poll(() => new URL(page.url()).searchParams.getAll('expr')).toEqual(['temperature_celsius']);
    await leave(v);
  });

  test('a dot opens its trace, by pointer and by keyboard', async () => {
    const v = await visit(browser, address('histogram_quantile(0.95, sum by (le) (rate(checkout_duration_seconds_bucket[5m])))'));
    const { page } = v;
    await page.getByText('1 measurement has its trace').click();
    const link = page.getByRole('link', { name: shopTrace });
    await link.waitFor();
    await page.locator('.u-over').waitFor();
    const plot = await page.locator('.u-over').boundingBox();
    if (!plot) throw new Error('no plot');
    // The measurement is of just now: its dot is at the right edge, as high as its value.
    const { x, y, width, height } = plot;
    const hint = page.getByText('click to open');
    let at = 0;
    for (let up = 0; up < height && (await hint.count()) === 0; up += 6) {
      at = y + up;
      await page.mouse.move(x + width - 3, at);
    }
    await page.mouse.click(x + width - 3, at);
    await page.getByRole('heading', { name: 'frontend GET /cart' }).waitFor();
    await page.goBack();
    await page.getByText('1 measurement has its trace').click();
    await link.click();
    await page.getByRole('heading', { name: 'frontend GET /cart' }).waitFor();
    await leave(v);
  });

  test.each(['light', 'dark'] as const)('has nothing serious for axe, %s', async (theme) => {
    const v = await visit(browser, address('orders_total', 'temperature_celsius'), theme);
    await expect.poll(() => legend(v.page).count()).toBe(3);
    await editor(v.page).waitFor();
    await v.page.getByRole('button', { name: 'Labels of orders_total' }).click();
    await v.page.getByRole('button', { name: 'region', exact: true }).waitFor();
    await expectAccessible(v.page);
    await v.page.getByRole('button', { name: 'Values' }).click();
    await v.page.getByRole('region', { name: 'Values' }).waitFor();
    await expectAccessible(v.page);
    await leave(v);
  });
});

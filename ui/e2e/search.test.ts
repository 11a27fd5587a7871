// The search: words, mistakes, facets, zooming, log records and the trace that they belong to.
import type { Browser } from 'playwright-core';
import { afterAll, beforeAll, describe, expect, inject, test } from 'vitest';
import { expectAccessible, launch, leave, visit } from './browser';
import { arrived, type Clew, startClew } from './clew';
import { sendLogs, sendShop, shopTrace } from './otlp';

describe.skipIf(!inject('chromium'))('the search', () => {
  let clew: Clew;
  let browser: Browser;

  beforeAll(async () => {
    clew = await startClew(inject('clew'));
    await sendShop(clew);
    const lines = Array.from({ length: 300 }, (_, i) => ({
      service: i % 3 === 0 ? 'billing' : 'stock',
      body: `invoice ${i} ${i % 10 === 0 ? 'rejected' : 'printed'}`,
      at: i * 1000,
      severity: i % 10 === 0 ? 17 : 9,
    }));
    await sendLogs(clew, Date.now() - 600_000, lines);
    await arrived(clew, 'spans', 6);
    await arrived(clew, 'logs', 302);
    browser = await launch(inject('chromium'));
  });
  afterAll(async () => {
    await browser?.close();
    await clew?.stop();
  });

  test('finds log records by a word, and marks it', async () => {
    const v = await visit(browser, `${clew.url}/search?signal=logs`);
    const { page } = v;
    await page.getByRole('combobox', { name: 'Query' }).fill('rejected');
    await page.getByRole('combobox', { name: 'Query' }).press('Enter');
    await page.getByText('30 log records match').waitFor();
    const rows = page.getByRole('grid', { name: 'Log records' });
    expect(await rows.getByRole('row').nth(1).textContent()).toMatch(/invoice 290 rejected/);
    expect(await rows.locator('mark').first().textContent()).toBe('rejected');
    expect(new URL(page.url()).searchParams.get('q')).toBe('rejected');
    await leave(v);
  });

  test('says what is wrong with a query, at its place', async () => {
    const v = await visit(browser, `${clew.url}/search`);
    const { page } = v;
    await page.getByRole('combobox', { name: 'Query' }).fill('service:shop (status:error');
    await page.getByRole('combobox', { name: 'Query' }).press('Enter');
    await page.getByRole('alert').waitFor();
    expect(await page.getByRole('combobox', { name: 'Query' }).getAttribute('aria-invalid')).toBe('true');
    await expectAccessible(page);
    await page.getByRole('combobox', { name: 'Query' }).fill('status:error');
    await page.getByRole('combobox', { name: 'Query' }).press('Enter');
    await expect.poll(() => page.getByRole('alert').count()).toBe(0);
    await page.getByRole('grid', { name: 'Traces' }).getByText('GET /cart').waitFor();
    await leave(v);
  });

  test('narrows by facets, in and out', async () => {
    const v = await visit(browser, `${clew.url}/search?signal=logs`);
    const { page } = v;
    const facets = page.getByRole('complementary', { name: 'Facets' });
    await facets.getByRole('button', { name: 'Only billing' }).click();
    await page.getByText('100 log records match').waitFor();
    expect(await page.getByRole('combobox', { name: 'Query' }).inputValue()).toBe('service:billing');
    await facets.getByRole('button', { name: 'Only billing' }).click();
    await page.getByText('302 log records match').waitFor();
    await facets.getByRole('button', { name: 'Without billing' }).click();
    await page.getByText('202 log records match').waitFor();
    await leave(v);
  });

  test('zooms into the times that are dragged over, and back', async () => {
    const v = await visit(browser, `${clew.url}/search?signal=logs&q=invoice`);
    const { page } = v;
    await page.getByText('300 log records match').waitFor();
    const plot = page.getByRole('region', { name: 'Volume over time' }).locator('.u-over');
    await plot.waitFor();
    const box = await plot.boundingBox();
    if (!box) throw new Error('the chart has no place');
    const before = page.url();
    await page.mouse.move(box.x + box.width * 0.1, box.y + box.height / 2);
    await page.mouse.down();
    await page.mouse.move(box.x + box.width * 0.5, box.y + box.height / 2, { steps: 5 });
    await page.mouse.move(box.x + box.width * 0.86, box.y + box.height / 2, { steps: 5 });
    await page.mouse.up();
    await expect.poll(() => new URL(page.url()).searchParams.get('from')).toMatch(/\d{4}-|^\d+$/);
    await page.goBack();
    await expect.poll(() => page.url()).toBe(before);
    await page.getByText('300 log records match').waitFor();
    await leave(v);
  });

  test('leads from a log record to its trace', async () => {
    const v = await visit(browser, `${clew.url}/search?signal=logs&q=umbrella`);
    const { page } = v;
    await page.getByRole('grid', { name: 'Log records' }).getByText('is out of stock').click();
    await page.getByRole('complementary', { name: 'Log record' }).getByRole('link', { name: 'Open the trace' }).click();
    await expect.poll(() => new URL(page.url()).pathname).toBe(`/trace/${shopTrace}`);
    await page.getByRole('complementary', { name: 'Span, detail' }).getByRole('heading', { name: 'cart.Get' }).waitFor();
    await leave(v);
  });

  test('is walked through by keys alone: to a row, into its detail, and back', async () => {
    const v = await visit(browser, `${clew.url}/search?signal=logs&q=umbrella`);
    const { page } = v;
    const grid = page.getByRole('grid', { name: 'Log records' });
    const detail = page.getByRole('complementary', { name: 'Log record' });
    const focused = (what: typeof grid) => expect.poll(() => what.evaluate((e) => e === document.activeElement)).toBe(true);
    await grid.getByText('is out of stock').waitFor();
    await page.getByRole('link', { name: 'Search', exact: true }).focus();
    const before = page.url();
    await page.keyboard.press('j');
    await focused(grid);
    await page.keyboard.press('Enter'); // the row's, not that of the link which had the focus
    await detail.waitFor();
    expect(page.url().startsWith(before)).toBe(true);
    await page.keyboard.press('Tab');
    await focused(detail.getByRole('button', { name: 'Copy as JSON' }));
    await page.keyboard.press('Escape');
    await expect.poll(() => detail.count()).toBe(0);
    await focused(grid);
    await page.keyboard.press('Enter');
    await detail.waitFor();
    await page.keyboard.press('t');
    await page.getByRole('complementary', { name: 'Span, detail' }).getByRole('heading', { name: 'cart.Get' }).waitFor();
    await page.getByRole('button', { name: 'Copy as' }).focus();
    await page.keyboard.press('e');
    await focused(page.getByRole('tree'));
    await page.getByRole('tab', { name: /^Resource/ }).focus();
    await page.keyboard.press('Escape');
    await expect.poll(() => page.getByRole('complementary').count()).toBe(0);
    await focused(page.getByRole('tree'));
    await leave(v);
  });

  test('gives the question to a terminal, which finds the same', async () => {
    const v = await visit(browser, `${clew.url}/search?signal=logs&q=rejected+service:billing`);
    const { page } = v;
    await v.context.grantPermissions(['clipboard-read', 'clipboard-write']);
    await page.getByText('10 log records match').waitFor();
    const copied = () => page.evaluate(() => navigator.clipboard.readText());
    await page.getByRole('button', { name: 'Copy as' }).click();
    await page.getByRole('menuitem', { name: /Copy as CLI/ }).click();
    await expect.poll(copied).toMatch(/^clew grep/);
    const found = (await clew.shell(await copied())).trim().split('\n');
    expect(found).toHaveLength(10);
    for (const line of found) expect(line).toMatch(/invoice \d+ rejected/);
    await page.getByRole('button', { name: 'Copied' }).click();
    await page.getByRole('menuitem', { name: /Copy as curl/ }).click();
    await expect.poll(copied).toMatch(/^curl/);
    expect(JSON.parse(await clew.shell(await copied())).logs).toHaveLength(10);
    await leave(v);
  });

  test('opens a linked record wherever it stands, or says that it is gone', async () => {
    const v = await visit(browser, `${clew.url}/search?signal=logs&q=rejected`);
    const { page } = v;
    await page.getByRole('grid', { name: 'Log records' }).getByText('invoice 0').click();
    const detail = page.getByRole('complementary', { name: 'Log record' });
    await detail.getByText('invoice 0 rejected').waitFor();
    const sel = new URL(page.url()).searchParams.get('sel') ?? '';
    await page.goto(`${clew.url}/search?${new URLSearchParams({ signal: 'logs', q: 'printed', sel })}`);
    await page.getByText('270 log records match').waitFor();
    await detail.getByText('invoice 0 rejected').waitFor();
    await page.goto(`${clew.url}/search?${new URLSearchParams({ signal: 'logs', sel: `1${sel.slice(1, -4)}abcd` })}`);
    await page.getByText('is not there', { exact: false }).waitFor();
    await page.keyboard.press('Escape');
    await expect.poll(() => new URL(page.url()).searchParams.has('sel')).toBe(false);
    await leave(v);
  });

  test('says what may have been meant where nothing matches', async () => {
    const v = await visit(browser, `${clew.url}/search?signal=logs&q=rejectd+service%3Abilling`);
    const { page } = v;
    await page.getByText('Nothing here matches').waitFor();
    await page.getByRole('button', { name: 'rejected service:billing (10)' }).click();
    await page.getByText('10 log records match').waitFor();
    expect(new URL(page.url()).searchParams.get('q')).toBe('rejected service:billing');
    await leave(v);
  });

  test('asks anew when one goes to it by its link', async () => {
    const v = await visit(browser, `${clew.url}/search?signal=logs&q=just-now`);
    const { page } = v;
    await page.getByText('Nothing here matches').waitFor();
    await sendLogs(clew, Date.now(), [{ service: 'late', body: 'came just-now', at: 0 }]);
    await arrived(clew, 'logs', 303);
    await page.getByRole('link', { name: 'Search', exact: true }).click();
    await page.goBack();
    await page.getByRole('grid', { name: 'Log records' }).getByText('came').waitFor();
    await leave(v);
  });

  test('has commands, and a theme that stays', async () => {
    const v = await visit(browser, `${clew.url}/search`);
    const { page } = v;
    const theme = () => page.locator('html').getAttribute('data-mantine-color-scheme');
    expect(await theme()).toBe('light');
    await page.keyboard.press('Control+k');
    await page.getByRole('combobox', { name: 'Command' }).waitFor();
    await expectAccessible(page);
    await page.getByRole('combobox', { name: 'Command' }).fill('dark');
    await page.getByRole('option', { name: 'Dark theme' }).click();
    await expect.poll(theme).toBe('dark');
    await page.reload();
    await expect.poll(theme).toBe('dark');
    await page.keyboard.press('?');
    await page.getByRole('dialog', { name: 'Keys' }).waitFor();
    await expectAccessible(page);
    await page.keyboard.press('Escape');
    await expect.poll(() => page.getByRole('dialog').count()).toBe(0);
    await page.keyboard.press('Control+k');
    await page.getByRole('combobox', { name: 'Command' }).fill(shopTrace);
    await page.keyboard.press('Enter');
    await expect.poll(() => new URL(page.url()).pathname).toBe(`/trace/${shopTrace}`);
    await page.getByRole('button', { name: 'Light theme' }).click();
    await expect.poll(theme).toBe('light');
    await leave(v);
  });

  test.each(['light', 'dark'] as const)('has nothing serious for axe, %s', async (theme) => {
    for (const kind of ['', '?signal=spans', '?signal=logs&q=rejected', '?q=nothing-like-this']) {
      const v = await visit(browser, `${clew.url}/search${kind}`, theme);
      await v.page.getByRole('grid').getByRole('row').nth(1).or(v.page.getByText('Nothing here matches')).waitFor();
      await expectAccessible(v.page);
      await leave(v);
    }
  });
});

// The page of a trace: what it shows of a small trace with everything in it, by mouse, by key and to a screen reader.
import type { Browser } from 'playwright-core';
import { afterAll, beforeAll, describe, expect, inject, test } from 'vitest';
import { expectAccessible, launch, leave, visit } from './browser';
import { arrived, type Clew, startClew } from './clew';
import { sendShop, shopTrace } from './otlp';

describe.skipIf(!inject('chromium'))('the page of a trace', () => {
  let clew: Clew;
  let browser: Browser;
  let url: string;

  beforeAll(async () => {
    clew = await startClew(inject('clew'));
    await sendShop(clew);
    await arrived(clew, 'spans', 6);
    await arrived(clew, 'logs', 2);
    url = `${clew.url}/trace/${shopTrace}`;
    browser = await launch(inject('chromium'));
  });
  afterAll(async () => {
    await browser?.close();
    await clew?.stop();
  });

  test('says what is wrong and leads there: error, missing parent, moved clock', async () => {
    const v = await visit(browser, url);
    const { page } = v;
    await page.getByRole('heading', { name: /GET \/cart/ }).waitFor();
    await page.getByRole('button', { name: /3 errors began in cart/ }).click();
    const detail = page.getByRole('complementary');
    await detail.getByText('no stock', { exact: false }).first().waitFor();
    await detail.getByRole('cell', { name: 'umbrella-42' }).waitFor();
    await expect.poll(() => new URL(page.url()).searchParams.get('span')).toBe('0000000000000003');

    await page.getByRole('button', { name: /1 not received/ }).click();
    await detail.getByText('has not arrived', { exact: false }).waitFor();
    await detail.getByRole('button', { name: /mailer send mail/ }).click();
    await detail.getByRole('heading', { name: 'send mail' }).waitFor();

    await page.getByRole('button', { name: 'clock moved' }).hover();
    await page.getByText(/b: \+3s/).waitFor();
    await page.getByRole('switch', { name: 'Raw clocks' }).click();
    await expect.poll(() => new URL(page.url()).searchParams.get('clock')).toBe('raw');
    await leave(v);
  });

  test('is walked with the keys, and its address is its state', async () => {
    const v = await visit(browser, url);
    const { page } = v;
    const tree = page.getByRole('tree');
    await tree.waitFor();
    const selected = () => tree.getByRole('treeitem', { selected: true });
    for (const key of ['j', 'j']) await page.keyboard.press(key);
    await expect.poll(() => selected().textContent()).toMatch(/^log record INFO at .*cart requested/);
    await page.keyboard.press('f');
    await expect.poll(() => selected().textContent()).toMatch(/^frontend cart.Get, error/);
    await page.keyboard.press('b');
    await expect.poll(() => selected().textContent()).toMatch(/^frontend GET \/cart, error/);
    expect(await selected().getAttribute('aria-setsize')).toBe('9');
    await page.keyboard.press(']');
    await expect.poll(() => selected().getAttribute('aria-setsize')).toBe('2');
    await tree.focus();
    await page.keyboard.press('ArrowRight');
    await expect.poll(() => selected().getAttribute('aria-expanded')).toBe('true');
    await page.keyboard.press('[');
    await page.keyboard.press('e');
    await page.getByRole('complementary').getByRole('heading', { name: 'cart.Get' }).waitFor();
    await page.keyboard.press('+');
    await expect.poll(() => new URL(page.url()).searchParams.has('t')).toBe(true);

    const link = page.url();
    await page.goto('about:blank');
    await page.goto(link);
    await page.getByRole('complementary').getByRole('heading', { name: 'cart.Get' }).waitFor();
    await expect.poll(() => selected().textContent()).toMatch(/^cart cart.Get, error/);
    await page.keyboard.press('Escape');
    await expect.poll(() => page.getByRole('complementary').count()).toBe(0);
    await leave(v);
  });

  test('finds words in names, log records and attributes', async () => {
    const v = await visit(browser, url);
    const { page } = v;
    await page.getByRole('tree').waitFor();
    await page.keyboard.press('/');
    await page.keyboard.type('stock');
    const status = page.getByRole('status').filter({ hasText: /\d/ }).first();
    await expect.poll(() => status.textContent()).toMatch(/3/); // SELECT stock, "no stock" in a detail, and the log record
    await page.keyboard.press('Enter');
    await expect.poll(() => status.textContent()).toMatch(/1 of 3/);
    await page.keyboard.press('Enter');
    await expect.poll(() => status.textContent()).toMatch(/2 of 3/);
    await page.getByLabel('Find in trace').fill('umbrella-42');
    await expect.poll(() => status.textContent()).toBe('1');
    expect(new URL(page.url()).searchParams.get('find')).toBe('umbrella-42');
    await leave(v);
  });

  test('hides services, log records and short spans', async () => {
    const v = await visit(browser, url);
    const { page } = v;
    const tree = page.getByRole('tree');
    await tree.waitFor();
    const rows = async () => Number(await tree.getByRole('treeitem').first().getAttribute('aria-setsize'));
    expect(await rows()).toBe(9);
    await page.getByRole('button', { name: /^mailer/ }).click();
    await expect.poll(rows).toBe(8);
    await page.getByRole('switch', { name: 'Logs' }).click();
    await expect.poll(rows).toBe(6);
    await page.getByLabel('Hide short spans').selectOption('5');
    await expect.poll(rows).toBe(5);
    await page.getByRole('status').filter({ hasText: '2 hidden' }).waitFor();
    await page.goBack();
    await expect.poll(rows).toBe(6);
    await leave(v);
  });

  test('shows a flame graph and statistics', async () => {
    const v = await visit(browser, url);
    const { page } = v;
    await page.getByRole('tab', { name: 'Flame graph' }).click();
    const tree = page.getByRole('tree', { name: /Flame graph/ });
    await tree.focus();
    await page.keyboard.press('ArrowDown');
    await page
      .getByText(/^frontend cart\.Get, .* itself, 1 span, 1 error$/)
      .first()
      .waitFor();
    await page.keyboard.press('Enter');
    await expect.poll(() => new URL(page.url()).searchParams.get('focus')).toBe('0000000000000002');
    await page.getByRole('tab', { name: 'Statistics' }).click();
    await page.getByRole('button', { name: 'Operation' }).click();
    await page.getByRole('row').nth(1).getByText('GET /cart').waitFor();
    await page.getByRole('row').nth(1).getByRole('button').click();
    await expect.poll(() => page.getByLabel('Find in trace').inputValue()).toBe('frontend GET /cart');
    await leave(v);
  });

  test('says what it means when there is no such trace', async () => {
    const v = await visit(browser, `${clew.url}/trace/${'c'.repeat(32)}`);
    await v.page.getByRole('heading', { name: 'No such trace' }).waitFor();
    await expectAccessible(v.page);
    await leave(v);
  });

  test.each(['light', 'dark'] as const)('has nothing serious for axe, %s', async (theme) => {
    for (const state of ['?span=0000000000000003&detail=1', '?span=0000000000000003&detail=1&dock=bottom', '?view=flame', '?view=stats']) {
      const v = await visit(browser, url + state, theme);
      await v.page.getByRole('tab', { name: 'Timeline' }).waitFor();
      await v.page.waitForLoadState('networkidle');
      await expectAccessible(v.page);
      await leave(v);
    }
  });
});

// What is done with the mouse on the page of a trace, and what its detail holds: brush, drag, wheel, splitters, download, tabs, broken traces.
import { readFileSync } from 'node:fs';
import type { Browser, Locator, Page } from 'playwright-core';
import { afterAll, beforeAll, describe, expect, inject, test } from 'vitest';
import { launch, leave, visit } from './browser';
import { arrived, type Clew, startClew } from './clew';
import { brokenTrace, sendBroken, sendShop, sendSpans, shopTrace } from './otlp';

interface Times {
  from: number;
  to: number;
}

async function boxOf(of: Locator) {
  const box = await of.boundingBox();
  if (!box) throw new Error('it has no place');
  return box;
}

/** Drags over a box, from one share of its width to another. */
async function drag(page: Page, over: Locator, from: number, to: number) {
  const box = await boxOf(over);
  const y = box.y + box.height / 2;
  await page.mouse.move(box.x + box.width * from, y);
  await page.mouse.down();
  await page.mouse.move(box.x + box.width * ((from + to) / 2), y, { steps: 4 });
  await page.mouse.move(box.x + box.width * to, y, { steps: 4 });
  await page.mouse.up();
}

/** The times in view as the address has them; undefined when all are. */
function timesOf(page: Page): Times | undefined {
  const [from, to] = new URL(page.url()).searchParams.get('t')?.split('~').map(Number) ?? [];
  return from === undefined || to === undefined ? undefined : { from, to };
}

describe.skipIf(!inject('chromium'))('on the page of a trace', () => {
  let clew: Clew;
  let browser: Browser;
  let url: string;

  beforeAll(async () => {
    clew = await startClew(inject('clew'));
    await sendShop(clew);
    await sendBroken(clew);
    await arrived(clew, 'spans', 12);
    await arrived(clew, 'logs', 3);
    url = `${clew.url}/trace/${shopTrace}`;
    browser = await launch(inject('chromium'));
  });
  afterAll(async () => {
    await browser?.close();
    await clew?.stop();
  });

  test('the minimap is brushed, moved, widened and left again', async () => {
    const v = await visit(browser, url);
    const { page } = v;
    const map = page.getByRole('slider', { name: 'Times in view' });
    await map.waitFor();
    expect(await map.getAttribute('aria-valuetext')).toBe('all');
    await drag(page, map, 0.2, 0.6);
    await expect.poll(() => timesOf(page)).toBeDefined();
    const brushed = timesOf(page) as Times;
    const whole = 145e6; // the trace's nanoseconds
    expect(brushed.from / whole).toBeCloseTo(0.2, 1);
    expect(brushed.to / whole).toBeCloseTo(0.6, 1);

    await drag(page, map, 0.4, 0.6); // inside of the window: moves it
    await expect.poll(() => timesOf(page)?.from).toBeGreaterThan(brushed.from);
    const moved = timesOf(page) as Times;
    expect((moved.to - moved.from) / (brushed.to - brushed.from)).toBeCloseTo(1, 2);

    await drag(page, map, moved.to / whole, 0.95); // its edge
    await expect.poll(() => timesOf(page)?.to).toBeGreaterThan(moved.to);
    expect(timesOf(page)?.from).toBe(moved.from);

    await map.dblclick();
    await expect.poll(() => timesOf(page)).toBeUndefined();
    await map.press('ArrowUp');
    await expect.poll(() => timesOf(page)).toBeDefined();
    await leave(v);
  });

  test('the timeline is zoomed by dragging and by the wheel, and panned', async () => {
    const v = await visit(browser, `${url}?detail=0`);
    const { page } = v;
    const canvas = page.getByRole('tree').locator('canvas');
    await canvas.waitFor();
    await drag(page, canvas, 0.5, 0.75);
    await expect.poll(() => timesOf(page)).toBeDefined();
    const dragged = timesOf(page) as Times;
    const width = dragged.to - dragged.from;
    expect(dragged.from).toBeGreaterThan(0);

    const box = await boxOf(canvas);
    await page.mouse.move(box.x + box.width * 0.7, box.y + 30);
    await page.keyboard.down('Control');
    await page.mouse.wheel(0, -200);
    await page.keyboard.up('Control');
    await expect.poll(() => (timesOf(page)?.to ?? 0) - (timesOf(page)?.from ?? 0)).toBeLessThan(width * 0.8);
    const zoomed = timesOf(page) as Times;
    await page.keyboard.down('Shift');
    await page.mouse.wheel(0, 120);
    await page.keyboard.up('Shift');
    await expect.poll(() => timesOf(page)?.from).toBeGreaterThan(zoomed.from);
    await page.mouse.dblclick(box.x + box.width * 0.7, box.y + box.height - 20);
    await expect.poll(() => timesOf(page)).toBeUndefined();
    await leave(v);
  });

  test('panes are sized by mouse and by key, and stay so', async () => {
    const v = await visit(browser, `${url}?span=0000000000000003`);
    const { page } = v;
    const detail = page.getByRole('complementary', { name: 'Span, detail' });
    await detail.waitFor();
    const width = async () => Math.round((await boxOf(detail)).width);
    const before = await width();
    const line = page.getByRole('separator', { name: 'Size of the detail' });
    const box = await boxOf(line);
    await page.mouse.move(box.x + box.width / 2, box.y + 200);
    await page.mouse.down();
    await page.mouse.move(box.x + box.width / 2 - 120, box.y + 200, { steps: 5 });
    await page.mouse.up();
    await expect.poll(width).toBe(before + 120);
    await line.focus();
    await page.keyboard.press('ArrowLeft');
    await expect.poll(width).toBeGreaterThan(before + 120);
    const wide = await width();
    await page.reload();
    await detail.waitFor();
    await expect.poll(width).toBe(wide);

    const names = page.getByRole('separator', { name: 'Width of the names' });
    const at = (await boxOf(names)).x;
    await names.focus();
    await page.keyboard.press('ArrowRight');
    await expect.poll(async () => (await boxOf(names)).x).toBeGreaterThan(at);
    await leave(v);
  });

  test('the trace is downloaded, and what is copied for a terminal works there', async () => {
    const v = await visit(browser, url);
    const { page } = v;
    await v.context.grantPermissions(['clipboard-read', 'clipboard-write']);
    const coming = page.waitForEvent('download');
    await page.getByRole('link', { name: 'JSON' }).click();
    const download = await coming;
    expect(download.suggestedFilename()).toBe(`trace-${shopTrace}.json`);
    const saved = JSON.parse(readFileSync(await download.path(), 'utf8')) as { traceId: string; spans: unknown[] };
    expect([saved.traceId, saved.spans.length]).toEqual([shopTrace, 6]);

    const copied = () => page.evaluate(() => navigator.clipboard.readText());
    await page.getByRole('button', { name: 'Copy as' }).click();
    await page.getByRole('menuitem', { name: /^clew trace/ }).click();
    await expect.poll(copied).toContain('clew trace');
    expect(await clew.shell(await copied())).toMatch(/3 errors[\s\S]*cart cart\.Get[\s\S]*umbrella is out of stock/);
    await page.getByRole('button', { name: 'Copy as' }).click();
    await page.getByRole('menuitem', { name: /^curl/ }).click();
    await expect.poll(copied).toContain('curl');
    expect(JSON.parse(await clew.shell(await copied())).spans).toHaveLength(6);
    await page.getByRole('button', { name: shopTrace }).click();
    await expect.poll(copied).toBe(shopTrace);
    await leave(v);
  });

  test('a span shows its events and links, and a link leads on in the same zone', async () => {
    const v = await visit(browser, `${clew.url}/trace/${brokenTrace}?span=000000000000000a&tz=utc`);
    const { page } = v;
    const detail = page.getByRole('complementary', { name: 'Span, detail' });
    await detail.getByRole('tab', { name: /^Events/ }).click();
    await detail.getByRole('heading', { name: /cache miss 12ms · \d\d:\d\d:\d\d\.\d{6}789$/ }).waitFor();
    await detail.getByRole('cell', { name: 'order-7' }).waitFor();
    await detail.getByRole('tab', { name: /^Resource/ }).click();
    await detail.getByRole('cell', { name: 'api', exact: true }).waitFor();
    await detail.getByRole('tab', { name: /^Links/ }).click();
    await detail.getByRole('link', { name: new RegExp(`trace ${shopTrace}`) }).click();
    await detail.getByRole('heading', { name: 'cart.Get' }).waitFor();
    const to = new URL(page.url());
    expect([to.pathname, to.searchParams.get('span'), to.searchParams.get('tz')]).toEqual([
      `/trace/${shopTrace}`,
      '0000000000000003',
      'utc',
    ]);
    await page.getByRole('link', { name: 'Search in it' }).click();
    await page.getByText('6 spans match').waitFor();
    expect(new URL(page.url()).searchParams.get('tz')).toBe('utc');
    await leave(v);
  });

  test('a log record shows all of itself and leads to its span', async () => {
    const v = await visit(browser, url);
    const { page } = v;
    await page.getByRole('tree').waitFor();
    for (const key of ['j', 'j', 'Enter']) await page.keyboard.press(key);
    const detail = page.getByRole('complementary', { name: 'Log record, detail' });
    await detail.getByText('cart requested').first().waitFor();
    await detail.getByRole('heading', { name: 'Resource' }).waitFor();
    await detail.getByRole('cell', { name: 'frontend' }).waitFor();
    await detail.getByRole('button', { name: /to its span, frontend GET \/cart/ }).click();
    await page.getByRole('complementary', { name: 'Span, detail' }).getByRole('heading', { name: 'GET /cart' }).waitFor();
    await leave(v);
  });

  test('a broken trace is shown whole, and says what is broken', async () => {
    const v = await visit(browser, `${clew.url}/trace/${brokenTrace}`);
    const { page } = v;
    const tree = page.getByRole('tree');
    await tree.waitFor();
    await page.getByRole('button', { name: '2 not received' }).waitFor();
    const items = new Map<string, string>();
    for (let i = 0; i < 10; i++) {
      await page.keyboard.press('j');
      const item = tree.getByRole('treeitem', { selected: true });
      await expect.poll(() => item.count()).toBe(1);
      items.set((await item.getAttribute('aria-posinset')) ?? '', (await item.textContent()) ?? '');
    }
    const text = [...items.values()].join('\n');
    for (const name of ['POST /orders', 'retry', 'tick', 'tock', 'of a lost parent', 'of another']) expect(text).toContain(name);
    expect(text).toContain('written outside of any span');
    expect(text.split('retry')).toHaveLength(2); // sent twice, shown once
    expect(text).toMatch(/cycle|circle/i);
    await leave(v);
  });

  test('what arrives later is announced, and shown when asked for', async () => {
    const v = await visit(browser, `${url}?tz=utc`);
    const { page } = v;
    await page.getByText('1 not received').waitFor();
    await sendSpans(clew, shopTrace, Date.now() - 5_000, [
      { id: 99, parent: 1, service: 'mailer', name: 'queue mail', at: 125, lasts: 30 },
    ]);
    await page.getByRole('button', { name: '1 new span' }).click();
    await expect.poll(() => page.getByText('1 not received').count()).toBe(0);
    await expect.poll(() => page.getByRole('button', { name: '1 new span' }).count()).toBe(0);
    await leave(v);
  });
});

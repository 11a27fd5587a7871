// A fault planted by the demo: from the search page to the hop that fails in at most four clicks.
import type { Browser } from 'playwright-core';
import { afterAll, beforeAll, describe, expect, inject, test } from 'vitest';
import { launch, leave, visit } from './browser';
import { type Clew, getJson, startClew, until } from './clew';

describe.skipIf(!inject('chromium'))('the demo with a failing payment', () => {
  let clew: Clew;
  let browser: Browser;

  beforeAll(async () => {
    clew = await startClew(inject('clew'));
    clew.demo('--fault', 'payment', '--rate', '5');
    browser = await launch(inject('chromium'));
    await until(
      () => getJson<{ count: number }>(`${clew.url}/api/v1/count?signal=spans&query=service:payment+status:error`),
      (a) => a.count > 2,
      40_000,
    );
  });
  afterAll(async () => {
    await browser?.close();
    await clew?.stop();
  });

  test('leads to the failing hop in at most four clicks', async () => {
    const v = await visit(browser, `${clew.url}/search`);
    const { page } = v;
    let clicks = 0;
    const click = async (what: ReturnType<typeof page.getByRole>) => {
      await what.click();
      clicks++;
    };
    await page.getByRole('grid', { name: 'Traces' }).getByRole('row').nth(1).waitFor();
    await click(page.getByRole('complementary', { name: 'Facets' }).getByRole('button', { name: 'Only error' }));
    await expect.poll(() => page.getByRole('combobox', { name: 'Query' }).inputValue()).toContain('status:error');
    // A checkout that failed for good: an error of its very first span.
    const failed = page
      .getByRole('grid', { name: 'Traces' })
      .getByRole('row')
      .filter({ hasText: 'checkout' })
      .filter({ hasText: 'payment' });
    await click(failed.first().getByRole('link').first());
    await click(page.getByRole('button', { name: /began in payment/ }));
    const detail = page.getByRole('complementary', { name: 'Span, detail' });
    await detail.getByText('certificate has expired', { exact: false }).first().waitFor();
    expect(clicks).toBeLessThanOrEqual(4);
    await leave(v);
  });

  test('has traces of ten services and more within a minute', async () => {
    const a = await until(
      () => getJson<{ groups: { value: string }[] }>(`${clew.url}/api/v1/count?signal=spans&by=service&top=50`),
      (x) => x.groups.length >= 10,
      40_000,
    );
    expect(a.groups.length).toBeGreaterThanOrEqual(10);
  });
});

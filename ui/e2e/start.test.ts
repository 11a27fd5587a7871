// The first visit: nothing is there, the page teaches how to send, and its light turns on when something has come.
import type { Browser } from 'playwright-core';
import { afterAll, beforeAll, describe, expect, inject, test } from 'vitest';
import { expectAccessible, launch, leave, visit } from './browser';
import { type Clew, startClew } from './clew';
import { sendLogs } from './otlp';

describe.skipIf(!inject('chromium'))('the first visit', () => {
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

  test.each(['light', 'dark'] as const)('has nothing serious for axe, %s', async (theme) => {
    const v = await visit(browser, `${clew.url}/start`, theme);
    await v.page.getByRole('tabpanel').waitFor();
    await expectAccessible(v.page);
    await leave(v);
  });

  test('shows how to send to this very clew, and says when it has arrived', async () => {
    const v = await visit(browser, clew.url);
    const { page } = v;
    await page.getByText('Waiting for the first span or log record').waitFor();
    for (const language of ['Go', 'Java', 'Python', 'Node', '.NET', 'curl']) {
      await page.getByRole('tab', { name: language, exact: true }).click();
      await expect.poll(() => page.getByRole('tabpanel').textContent()).toContain(new URL(clew.otlpHttp).port);
    }
    await sendLogs(clew, Date.now(), [{ service: 'hello', body: 'hello from a first log record', at: 0 }]);
    await page.getByText('1 log records in').waitFor();
    await page.getByRole('link', { name: 'See them' }).click();
    await page.getByRole('grid', { name: 'Log records' }).getByText('hello from a first log record').waitFor();
    await leave(v);
  });
});

// The ledger: what an agent says of itself, beside what is stored of it, and what answers say of it.
import type { Browser } from 'playwright-core';
import { afterAll, beforeAll, describe, expect, inject, test } from 'vitest';
import { expectAccessible, launch, leave, visit } from './browser';
import { type Clew, startClew } from './clew';
import { sendLogs } from './otlp';

describe.skipIf(!inject('chromium'))('the ledger', () => {
  let clew: Clew;
  let browser: Browser;

  beforeAll(async () => {
    clew = await startClew(inject('clew'));
    browser = await launch(inject('chromium'));
    await sendLogs(clew, Date.now(), [{ service: 'shop', body: 'an order', at: 0 }]);
    const counts = { read: 120, queued: 115, sent: 110, acked: 100, refused: { invalid: 4 }, dropped: { queue_full_oldest: 11 } };
    const source = { id: 'web1/logs', signal: 'logs', kind: 'file', name: '/var/log/syslog', lagSeconds: 3, lastSeq: 9, ...counts };
    const now = new Date().toISOString();
    const body = {
      agent: 'clew',
      instance: 'web1',
      host: 'web-1',
      version: 'test',
      started: now,
      time: now,
      sources: [source],
      queue: { bytes: 1, bytesMax: 2 },
    };
    const response = await fetch(`${clew.otlpHttp}/api/v1/agents/heartbeat`, { method: 'POST', body: JSON.stringify(body) });
    expect(response.status).toBe(204);
  });
  afterAll(async () => {
    await browser?.close();
    await clew?.stop();
  });

  test.each(['light', 'dark'] as const)('has nothing serious for axe, %s', async (theme) => {
    const v = await visit(browser, `${clew.url}/ledger`, theme);
    await v.page.getByRole('row', { name: /web-1/ }).waitFor();
    await expectAccessible(v.page);
    await leave(v);
  });

  test('names hosts, services, and what was lost', async () => {
    const v = await visit(browser, `${clew.url}/search?signal=logs`);
    const { page } = v;
    await page.getByText('not all has arrived: host web-1: 11 log records dropped (queue_full_oldest)').waitFor();
    await page.getByRole('link', { name: /not all has arrived/ }).click();
    const row = page.getByRole('row', { name: /web-1/ });
    await row.getByText('11 dropped (queue_full_oldest), 4 refused (invalid)').waitFor();
    await page.getByRole('row', { name: /shop/ }).waitFor();
    await page.getByRole('link', { name: 'Get started' }).click();
    await page.getByRole('status').getByRole('link', { name: 'Ledger' }).click();
    await row.waitFor();
    await leave(v);
  });
});

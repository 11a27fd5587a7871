// What is large opens at once and scrolls smoothly, all of it: a trace of 100,000 spans, a list of 100,000 log lines.
import type { Browser, Locator, Page } from 'playwright-core';
import { afterAll, beforeAll, describe, expect, inject, test } from 'vitest';
import { type Frames, launch, leave, traceFrames, visit } from './browser';
import { arrived, type Clew, startClew } from './clew';
import { othersDuring } from './load';
import { type Log, largeTrace, sendLarge, sendLogs } from './otlp';

const spans = 100_000;
const lines = 102_000; // more than a page holds
const opensMs = 1000;
const longFrameMs = 50;
/** Pixels a notch of the wheel: far more than is in sight, so that every frame has to make all its rows. */
const notch = 6_000;
const rounds = 3;
const roundsMax = 9;
/** A round counts when others left this page and its server two thirds of the processors. */
const othersMax = 1 / 3;

const median = (of: number[]) => [...of].sort((a, b) => a - b)[of.length >> 1] ?? Number.NaN;

/** How long the trace takes from the click on. */
function open(page: Page): Promise<number> {
  return page.evaluate(async (path) => {
    const begin = performance.now();
    history.pushState(null, '', path);
    while (!document.querySelector('[role=tree] canvas')) await new Promise(requestAnimationFrame);
    await new Promise(requestAnimationFrame);
    await new Promise(requestAnimationFrame);
    return performance.now() - begin;
  }, `/trace/${largeTrace}`);
}

/** Turns the wheel over a box from its top to its end, of which `whole` says that it is the last one, and tells the frames. */
async function scrollAll(page: Page, box: Locator, whole = async () => true): Promise<Frames & { others: number }> {
  await box.evaluate((e) => e.scrollTo({ top: 0 }));
  const place = await box.boundingBox();
  if (!place) throw new Error('the box has no place');
  await page.mouse.move(place.x + place.width / 2, place.y + place.height / 2);
  const left = () => box.evaluate((e) => e.scrollHeight - e.clientHeight - e.scrollTop);
  const turn = async () => {
    // The wheel's own movement goes on for some frames: turned until it has arrived.
    for (let i = 0; i % 20 !== 0 || (await left()) > 1 || !(await whole()); i++) {
      await page.mouse.wheel(0, notch);
      await page.evaluate(() => new Promise(requestAnimationFrame));
    }
  };
  const { result: frames, others } = await othersDuring(() => traceFrames(page, turn));
  expect(await left()).toBeLessThanOrEqual(1);
  return { ...frames, others };
}

const tell = (what: string, f: Frames) =>
  console.info(`${what}: longest task ${f.longestTask.toFixed(1)} ms (${f.longestWall.toFixed(1)} ms by the clock), of ${f.tasks}`);

/** Frames must be short; where one is not while others took the machine, it says so instead: caches and cores were not the page's. */
function expectShort(skip: (note: string) => void, ...all: (Frames & { others: number })[]) {
  const long = all.find((f) => f.longestTask >= longFrameMs);
  if (long && long.others > othersMax) {
    skip(`SKIPPED: a task of ${long.longestTask.toFixed(1)} ms, while others took ${Math.round(long.others * 100)} % of the processors`);
  }
  expect(Math.max(...all.map((f) => f.longestTask))).toBeLessThan(longFrameMs);
}

describe.skipIf(!inject('chromium'))('what is large', () => {
  let clew: Clew;
  let browser: Browser;

  beforeAll(async () => {
    clew = await startClew(inject('clew'));
    await sendLarge(clew, spans);
    await arrived(clew, 'spans', spans);
    const logs = Array.from(
      { length: lines },
      (_, i): Log => ({ service: `worker-${i % 12}`, body: `job ${i} of batch ${i % 97} done`, at: i / 10 }),
    );
    await sendLogs(clew, Date.now() - 60_000, logs);
    await arrived(clew, 'logs', lines);
    browser = await launch(inject('chromium'));
  });
  afterAll(async () => {
    await browser?.close();
    await clew?.stop();
  });

  test('a trace of 100,000 spans opens within a second', { timeout: 90_000 }, async ({ skip }) => {
    const v = await visit(browser, `${clew.url}/start`);
    const took: number[] = [];
    const disturbed: string[] = [];
    for (let round = 0; round < roundsMax && took.length < rounds; round++) {
      // Where one comes from, with nothing of the trace kept; the application is there.
      await v.page.goto(`${clew.url}/start`);
      await v.page.getByRole('tabpanel').waitFor();
      await v.page.waitForLoadState('networkidle');
      const { result: ms, others } = await othersDuring(() => open(v.page));
      if (others <= othersMax) took.push(ms);
      else disturbed.push(`${Math.round(ms)} ms while others took ${Math.round(others * 100)} %`);
    }
    console.info(
      `opened in ${took.map((t) => Math.round(t)).join(', ')} ms${disturbed.length ? `; not counted: ${disturbed.join(', ')}` : ''}`,
    );
    expect(await v.page.getByText('100,000', { exact: true }).first().isVisible()).toBe(true);
    await leave(v);
    if (took.length < rounds) skip(`SKIPPED: the machine is overloaded by others: ${disturbed.join(', ')} of its processors`);
    expect(median(took)).toBeLessThan(opensMs);
  });

  test('and scrolls from its first span to its last without long frames', { timeout: 120_000 }, async ({ skip }) => {
    const v = await visit(browser, `${clew.url}/trace/${largeTrace}`);
    const tree = v.page.getByRole('tree');
    await tree.locator('canvas').waitFor();
    const frames = await scrollAll(v.page, tree);
    tell('trace', frames);
    expect(frames.tasks).toBeGreaterThan(1_000);
    await leave(v);
    expectShort(skip, frames);
  });

  test('a list of 100,000 log lines loads and scrolls to its last without long frames, and there leads on', {
    timeout: 170_000,
  }, async ({ skip }) => {
    const v = await visit(browser, `${clew.url}/search?signal=logs`);
    const grid = v.page.getByRole('grid', { name: 'Log records' });
    const load = async () => {
      await v.page.getByText('102,000 log records match').waitFor();
      await grid.getByRole('row').nth(1).waitFor();
      const frames = await scrollAll(v.page, grid, () => v.page.getByText('These are the newest 100,200 log records').isVisible());
      tell('list, while its pages come', frames);
      return frames;
    };
    let loading = await load();
    if (loading.longestTask >= longFrameMs) {
      // One of 30,000 tasks: a page that is slow is so again, a processor that somebody else has just taken is not.
      await v.page.reload();
      loading = await load();
    }
    const frames = await scrollAll(v.page, grid);
    tell('list', frames);
    expect(frames.tasks).toBeGreaterThan(1_000);
    expect(await grid.getByRole('row').last().textContent()).toContain('job 1800 of batch 54 done');
    await v.page.getByRole('button', { name: /^On with the older ones/ }).click();
    await grid
      .getByRole('row')
      .nth(1)
      .getByText(/job 180\d of/)
      .waitFor(); // the rest of the last row's millisecond is shown again
    await v.page.goBack();
    await v.page.getByText('102,000 log records match').waitFor();
    await leave(v);
    expectShort(skip, loading, frames);
  });
});

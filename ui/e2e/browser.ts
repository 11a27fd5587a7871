// The browser of the journeys, and what they ask of every page.
import AxeBuilder from '@axe-core/playwright';
import { type Browser, type BrowserContext, type CDPSession, chromium, type Page } from 'playwright-core';
import { expect } from 'vitest';

const flags = [
  '--headless=new',
  '--no-sandbox',
  '--disable-gpu',
  '--disable-quic',
  '--no-first-run',
  '--disable-background-networking',
  '--disable-component-update',
  '--disable-sync',
];

export type Theme = 'light' | 'dark';

export function launch(executablePath: string): Promise<Browser> {
  return chromium.launch({ executablePath, args: flags });
}

export interface Visit {
  page: Page;
  context: BrowserContext;
  /** Requests that left for somewhere else, errors of scripts, words on the console: nothing of it may happen. */
  complaints: string[];
}

export async function visit(browser: Browser, url: string, theme: Theme = 'light'): Promise<Visit> {
  const context = await browser.newContext({ viewport: { width: 1280, height: 800 }, colorScheme: theme, timezoneId: 'UTC' });
  const page = await context.newPage();
  page.setDefaultTimeout(15_000);
  const complaints: string[] = [];
  const home = new URL(url).origin;
  page.on('pageerror', (e) => complaints.push(`error: ${e.message}`));
  page.on('console', (m) => {
    // A refused question is an answer (400 for a query that makes no sense), though the browser writes it down.
    if (m.type() === 'error' && !m.text().startsWith('Failed to load resource')) complaints.push(`console: ${m.text()}`);
  });
  page.on('request', (r) => {
    if (!r.url().startsWith(home) && !r.url().startsWith('data:') && !r.url().startsWith('blob:')) complaints.push(`request: ${r.url()}`);
  });
  await page.goto(url);
  return { page, context, complaints };
}

/** Ends a visit, which must have been without complaints. */
export async function leave(v: Visit) {
  await v.context.close();
  expect(v.complaints).toEqual([]);
}

/** Nothing that axe calls serious or critical. */
export async function expectAccessible(page: Page) {
  // All rules, in one run of the page itself; what passes is not listed, which takes most of the time.
  const { violations } = await new AxeBuilder({ page })
    .setLegacyMode(true)
    .options({ resultTypes: ['violations'] })
    .analyze();
  const serious = violations.filter((v) => v.impact === 'serious' || v.impact === 'critical');
  expect(serious.map((v) => `${v.id}: ${v.help}: ${v.nodes.map((n) => n.html.slice(0, 200)).join(' | ')}`)).toEqual([]);
}

export interface Frames {
  /** The longest task of the page's main thread, in milliseconds of its own processor time: what other processes take is not the page's. */
  longestTask: number;
  /** The same by the wall clock. */
  longestWall: number;
  tasks: number;
}

interface TraceEvent {
  name: string;
  ph: string;
  pid: number;
  tid: number;
  dur?: number;
  tdur?: number;
  args?: { name?: string };
}

/** Records a browser performance trace of what `act` does, and reads the frames' tasks from it. */
export async function traceFrames(page: Page, act: () => Promise<void>): Promise<Frames> {
  const cdp: CDPSession = await page.context().newCDPSession(page);
  const events: TraceEvent[] = [];
  cdp.on('Tracing.dataCollected', (e) => events.push(...(e.value as unknown as TraceEvent[])));
  const done = new Promise<void>((resolve) => cdp.once('Tracing.tracingComplete', () => resolve()));
  await cdp.send('Tracing.start', { transferMode: 'ReportEvents', traceConfig: { includedCategories: ['toplevel', '__metadata'] } });
  await act();
  await cdp.send('Tracing.end');
  await done;
  await cdp.detach();
  const main = new Set(events.filter((e) => e.name === 'thread_name' && e.args?.name === 'CrRendererMain').map((e) => `${e.pid} ${e.tid}`));
  const tasks = events.filter((e) => e.ph === 'X' && e.dur !== undefined && main.has(`${e.pid} ${e.tid}`));
  return {
    longestTask: Math.max(0, ...tasks.map((e) => (e.tdur ?? e.dur ?? 0) / 1000)),
    longestWall: Math.max(0, ...tasks.map((e) => (e.dur ?? 0) / 1000)),
    tasks: tasks.length,
  };
}

/** Turns the mouse wheel over a point, a notch a frame. */
export async function scrollBy(page: Page, x: number, y: number, notches: number, dy = 600) {
  await page.mouse.move(x, y);
  for (let i = 0; i < notches; i++) {
    await page.mouse.wheel(0, dy);
    await page.evaluate(() => new Promise(requestAnimationFrame));
  }
}

// Who is asked who he is: the login by a token and at a provider, what a role is shown, and what becomes of work when a session ends in the middle of it.
import { type ChildProcess, execFileSync, spawn } from 'node:child_process';
import { createHash } from 'node:crypto';
import { existsSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import type { Browser, Page } from 'playwright-core';
import { afterAll, beforeAll, describe, expect, inject, test } from 'vitest';
import { expectAccessible, launch, leave, type Theme, type Visit, visit } from './browser';
import { type Clew, startClew, until } from './clew';

const providerDir = resolve(import.meta.dirname, '../../internal/access/login/testdata/provider');
const hasProvider = existsSync(join(providerDir, 'node_modules', 'oidc-provider'));

interface Token {
  token: string;
  hash: string;
}

function newToken(): Token {
  const token = execFileSync(inject('clew'), ['token', 'new'], { encoding: 'utf8', stdio: ['ignore', 'pipe', 'ignore'] }).trim();
  return { token, hash: `sha256:${createHash('sha256').update(token).digest('hex')}` };
}

async function freePort(): Promise<number> {
  const s = createServer();
  await new Promise<void>((done) => s.listen(0, '127.0.0.1', done));
  const { port } = s.address() as { port: number };
  await new Promise((done) => s.close(done));
  return port;
}

/** Starts a real OpenID Connect provider, which sends people back to `url`. */
async function startProvider(url: string): Promise<{ process: ChildProcess; issuer: string }> {
  const port = await freePort();
  const process = spawn('node', ['provider.mjs', String(port), `${url}/auth/callback`], {
    cwd: providerDir,
    stdio: ['ignore', 'pipe', 'ignore'],
  });
  await new Promise<void>((ready, failed) => {
    process.stdout?.once('data', () => ready());
    process.once('exit', () => failed(new Error('the provider ended')));
  });
  return { process, issuer: `http://127.0.0.1:${port}` };
}

/** A picture for whoever asks for them: SHOTS names a directory. */
async function shot(page: Page, name: string) {
  if (process.env.SHOTS) await page.screenshot({ path: join(process.env.SHOTS, `${name}.png`) });
}

async function logIn(page: Page, token: string) {
  await page.getByLabel('Token').fill(token);
  await page.getByRole('button', { name: 'Log in with a token' }).click();
}

describe.skipIf(!inject('chromium'))('the login', () => {
  let clew: Clew;
  let browser: Browser;
  let dir: string;
  let provider: { process: ChildProcess; issuer: string } | undefined;
  let tokens: Record<'reader' | 'watcher' | 'root' | 'sender', Token>;

  beforeAll(async () => {
    dir = mkdtempSync(join(tmpdir(), 'clew-e2e-login-'));
    const secret = join(dir, 'secret');
    writeFileSync(secret, 'provider-secret-0123456789abcdef\n');
    tokens = { reader: newToken(), watcher: newToken(), root: newToken(), sender: newToken() };
    clew = await startClew(inject('clew'), 'run', [], async (url) => {
      provider = hasProvider ? await startProvider(url) : undefined;
      const listed = (name: string, t: Token, role: string, tenant: string) =>
        `    - {name: ${name}, hash: "${t.hash}", role: ${role}, tenants: ["${tenant}"]}`;
      const lines = [
        'access:',
        `  public_url: ${url}`,
        '  tokens:',
        listed('reader', tokens.reader, 'read', 'shop'),
        listed('root', tokens.root, 'admin', '*'),
        listed('watcher', tokens.watcher, 'read', '*'),
        listed('sender', tokens.sender, 'write', 'shop'),
      ];
      if (provider) {
        lines.push(
          '  oidc:',
          `    issuer: ${provider.issuer}`,
          '    client_id: clew',
          `    client_secret_file: ${secret}`,
          '    scopes: [openid, email, groups]',
        );
        lines.push('    grants: [{claim: groups, value: sre, role: read, tenants: [shop, stock]}]');
      }
      return `${lines.join('\n')}\n`;
    });
    browser = await launch(inject('chromium'));
    const now = `${Date.now()}000000`;
    const record = { timeUnixNano: now, severityNumber: 17, body: { stringValue: 'card declined' } };
    const resource = { attributes: [{ key: 'service.name', value: { stringValue: 'payment' } }] };
    await until(
      () =>
        fetch(`${clew.otlpHttp}/v1/logs`, {
          method: 'POST',
          headers: { 'Content-Type': 'application/json', Authorization: `Bearer ${tokens.sender.token}` },
          body: JSON.stringify({ resourceLogs: [{ resource, scopeLogs: [{ logRecords: [record] }] }] }),
        }).then((r) => r.ok),
      (ok) => ok,
    );
  });
  afterAll(async () => {
    await browser?.close();
    await clew?.stop();
    provider?.process.kill();
    if (dir) rmSync(dir, { recursive: true, force: true });
  });

  /** A visit that may leave for the provider. */
  async function guest(path: string, theme: Theme = 'light'): Promise<Visit> {
    return visit(browser, clew.url + path, theme);
  }
  /** What the provider's own pages ask for is not clew's. They would fetch letters from elsewhere. */
  async function leaveBoth(v: Visit) {
    const foreign = [`request: ${provider?.issuer}`, 'request: https://fonts.googleapis.com/'];
    const ours = v.complaints.filter((c) => !foreign.some((f) => c.startsWith(f)));
    v.complaints.splice(0, v.complaints.length, ...ours);
    await leave(v);
  }

  test.each(['light', 'dark'] as const)('asks who it is, says what is wrong and leads on, %s', async (theme) => {
    const v = await guest('/search?signal=logs&q=card', theme);
    const { page } = v;
    await page.getByRole('heading', { name: 'Log in to clew' }).waitFor();
    await expectAccessible(page);
    await shot(page, `login-${theme}`);
    await logIn(page, `${tokens.reader.token}x`);
    await page.getByRole('alert').getByText('the token is not known here').waitFor();
    await expectAccessible(page);
    await shot(page, `login-wrong-${theme}`);
    expect(await page.content()).not.toContain(tokens.reader.token);
    await logIn(page, tokens.reader.token);
    await page.waitForURL((u) => u.pathname === '/search' && u.searchParams.get('q') === 'card');
    await page.getByRole('button', { name: 'Logged in as reader, tenant shop' }).waitFor();
    await page.getByRole('grid', { name: 'Log records' }).getByText('card declined').waitFor();
    await shot(page, `logged-in-${theme}`);
    await leave(v);
  });

  test('shows a reader what he may not do, and why', async () => {
    const v = await guest('/alerts?tab=silences');
    const { page } = v;
    await logIn(page, tokens.watcher.token);
    await page.getByRole('tab', { name: 'Silences' }).click();
    const button = page.getByRole('form', { name: 'New silence' }).getByRole('button', { name: 'Silence' });
    await button.waitFor();
    await page.getByRole('form', { name: 'New silence' }).getByRole('textbox').first().fill('alertname="Hot"');
    expect(await button.isDisabled()).toBe(true);
    expect(await button.getAttribute('title')).toContain('role admin');
    await shot(page, 'reader-silences');
    const refused = await page.evaluate(() =>
      fetch('/api/v1/admin/seal', { method: 'POST', headers: { 'X-Clew-Request': '1' } }).then((r) => r.status),
    );
    expect(refused).toBe(403);
    await leave(v);
  });

  test('tells who may only send that there is nothing to read for him', async () => {
    const v = await guest('/search');
    const { page } = v;
    await logIn(page, tokens.sender.token);
    await page.getByRole('heading', { name: 'Nothing to read here' }).waitFor();
    await page.getByText('sender has write at shop').waitFor();
    await expectAccessible(page);
    await shot(page, 'sender');
    await leave(v);
  });

  test('a tenant that is not his is refused, and the page goes back to his own', async () => {
    const v = await guest('/search?signal=logs');
    const { page } = v;
    await logIn(page, tokens.reader.token);
    await page.getByRole('button', { name: 'Logged in as reader, tenant shop' }).waitFor();
    const refused = await page.evaluate(() =>
      fetch('/api/v1/search', { headers: { 'X-Scope-OrgID': 'stock' } }).then(async (r) => `${r.status} ${await r.text()}`),
    );
    expect(refused).toContain('403');
    expect(refused).toContain('has nothing to do with tenant stock');
    await page.evaluate(() => sessionStorage.setItem('clew.tenant', 'stock'));
    await page.reload();
    await page.getByRole('button', { name: 'Logged in as reader, tenant shop' }).waitFor();
    await page.getByRole('grid', { name: 'Log records' }).getByText('card declined').waitFor();
    await leave(v);
  });

  test('a session that ends in the middle of work leads back to it', async () => {
    const v = await guest('/search?signal=logs&q=declined');
    const { page, context } = v;
    await logIn(page, tokens.reader.token);
    const grid = page.getByRole('grid', { name: 'Log records' });
    await grid.getByText('card declined').waitFor();
    // It is ended elsewhere: the same session, in another program.
    const [session] = (await context.cookies()).filter((c) => c.name === 'clew_session');
    const out = await fetch(`${clew.url}/auth/logout`, {
      method: 'POST',
      redirect: 'manual',
      headers: { Origin: clew.url, Cookie: `clew_session=${session?.value}` },
    });
    expect(out.status).toBe(303);
    const where = page.url();
    await shot(page, 'before-over');
    await page.evaluate(() => (document.activeElement as HTMLElement | null)?.blur());
    await page.keyboard.press('r'); // asks again
    await page.getByText('Your session is over').waitFor();
    await expectAccessible(page);
    await shot(page, 'session-over');
    await logIn(page, tokens.reader.token);
    await grid.getByText('card declined').waitFor();
    expect(page.url()).toBe(where);
    await leave(v);
  });

  test('logs out, for good', async () => {
    const v = await guest('/search');
    const { page, context } = v;
    await logIn(page, tokens.root.token);
    await page.getByRole('button', { name: /Logged in as root/ }).click();
    const kept = await context.cookies();
    await shot(page, 'menu-root');
    await page.getByRole('menuitem', { name: 'Log out' }).click();
    await page.getByText('You have been logged out').waitFor();
    await shot(page, 'logged-out');
    await page.goto(`${clew.url}/search`);
    await page.getByRole('heading', { name: 'Log in to clew' }).waitFor();
    await context.addCookies(kept);
    await page.goto(`${clew.url}/search`);
    await page.getByRole('heading', { name: 'Log in to clew' }).waitFor();
    await leave(v);
  });

  test('says when others reach this clew without being asked', async () => {
    const v = await guest('/search');
    const { page } = v;
    // The answer is the server's but for the ports: a test opens none to the network.
    await page.route('**/api/v1/whoami', async (route) => {
      const answer = await route.fetch();
      await route.fulfill({ response: answer, json: { ...(await answer.json()), open: ['OTLP over HTTP at 0.0.0.0:4318'] } });
    });
    await logIn(page, tokens.reader.token);
    await page.getByRole('alert').getByText('Anyone who reaches this clew can use it: OTLP over HTTP at 0.0.0.0:4318').waitFor();
    await expectAccessible(page);
    await shot(page, 'open-banner');
    await leave(v);
  });

  describe.skipIf(!hasProvider)('at a provider', () => {
    /** Through the provider's own pages, as a person. */
    async function atProvider(page: Page, person: string) {
      await page.route('https://fonts.googleapis.com/**', (route) => route.abort());
      await page.getByRole('link', { name: 'Log in with single sign-on' }).click();
      await page.locator('input[name=login]').fill(person);
      await page.locator('input[name=password]').fill('any');
      await page.locator('button[type=submit]').click();
      await page
        .getByText(/authorize|consent|continue/i)
        .first()
        .waitFor();
      await page.locator('button[type=submit]').click();
    }

    test('takes who the provider knows and a rule names, to where he wanted to go', async () => {
      const v = await guest('/search?signal=logs&q=card');
      const { page } = v;
      await atProvider(page, 'ada');
      await page.waitForURL((u) => u.pathname === '/search' && u.searchParams.get('q') === 'card');
      const menu = page.getByRole('button', { name: /Logged in as ada@example.com, tenant shop/ });
      await menu.click();
      await page.getByText('read at shop, stock').waitFor();
      await shot(page, 'menu-oidc');
      await page.getByRole('menuitem', { name: 'stock' }).click();
      await page.getByRole('button', { name: /Logged in as ada@example.com, tenant stock/ }).waitFor();
      await leaveBoth(v);
    });

    test('refuses who no rule names, and says so', async () => {
      const v = await guest('/search', 'dark');
      const { page } = v;
      await atProvider(page, 'bob');
      await page.getByRole('alert').getByText('no rule of access.oidc.grants').waitFor();
      await expectAccessible(page);
      await shot(page, 'login-no-grant-dark');
      await leaveBoth(v);
    });
  });
});

// A clew of one's own: `clew run` on free ports of loopback, with an empty directory, and the demo that sends to it.
import { type ChildProcess, execFile, spawn } from 'node:child_process';
import { existsSync, mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { promisify } from 'node:util';

export interface Clew {
  url: string;
  otlpHttp: string;
  otlpGrpc: string;
  /** Starts the demo, sending here. */
  demo(...flags: string[]): void;
  /** Runs what was copied for a terminal, with this clew as `clew`, and gives what it printed. */
  shell(command: string): Promise<string>;
  stop(): Promise<void>;
}

const startMs = 30_000;

async function freePorts(count: number): Promise<number[]> {
  const servers = await Promise.all(
    Array.from({ length: count }, async () => {
      const s = createServer();
      await new Promise<void>((done) => s.listen(0, '127.0.0.1', done));
      return s;
    }),
  );
  const ports = servers.map((s) => (s.address() as { port: number }).port);
  await Promise.all(servers.map((s) => new Promise((done) => s.close(done))));
  return ports;
}

async function end(p: ChildProcess): Promise<void> {
  if (p.exitCode !== null || p.signalCode !== null) return;
  const gone = new Promise((done) => p.once('exit', done));
  p.kill('SIGTERM');
  const late = setTimeout(() => p.kill('SIGKILL'), 5_000);
  await gone;
  clearTimeout(late);
}

/**
 * `flags`: more of `clew run`'s. `how`: clew alone, or `clew demo --run`, which starts the shop and an agent beside it. `config` makes its clew.yaml of the address that
 * browsers will reach it at.
 */
export async function startClew(
  binary: string,
  how: 'run' | 'demo' = 'run',
  flags: string[] = [],
  config?: (url: string) => string | Promise<string>,
): Promise<Clew> {
  const dir = mkdtempSync(join(tmpdir(), 'clew-e2e-data-'));
  const [http, grpc, otlp] = (await freePorts(3)).map((p) => `127.0.0.1:${p}`) as [string, string, string];
  const run = (args: string[]) => {
    const p = spawn(binary, args, { stdio: ['ignore', 'ignore', 'pipe'] });
    let said = '';
    p.stderr?.on('data', (d) => {
      said = (said + d).slice(-4000);
    });
    return { p, said: () => said };
  };
  const command = how === 'demo' ? ['demo', '--run', '--fault', 'none', '--rate', '2'] : ['run'];
  const url = `http://${http}`;
  const file = join(dir, 'clew.yaml');
  if (config) writeFileSync(file, await config(url));
  const configured = config ? ['--config', file] : [];
  const main = run([
    ...command,
    '--data',
    join(dir, 'data'),
    '--http',
    http,
    '--otlp-grpc',
    grpc,
    '--otlp-http',
    otlp,
    ...configured,
    ...flags,
  ]);
  const others: ChildProcess[] = [];
  for (const until = Date.now() + startMs; ; ) {
    const ready = await fetch(`${url}/readyz`).then(
      (r) => r.ok,
      () => false,
    );
    if (ready) break;
    if (main.p.exitCode !== null || Date.now() > until) throw new Error(`clew did not start: ${main.said()}`);
    await sleep(50);
  }
  return {
    url,
    otlpHttp: `http://${otlp}`,
    otlpGrpc: grpc,
    demo: (...flags) => others.push(run(['demo', '--otlp', grpc, ...flags]).p),
    shell: async (command) => {
      const bin = join(dir, 'bin');
      mkdirSync(bin, { recursive: true });
      if (!existsSync(join(bin, 'clew'))) symlinkSync(binary, join(bin, 'clew'));
      const env = { ...process.env, PATH: `${bin}:${process.env.PATH}` };
      return (await promisify(execFile)('sh', ['-c', command], { env, timeout: 20_000, maxBuffer: 64 << 20 })).stdout;
    },
    stop: async () => {
      await Promise.all(others.map(end));
      await end(main.p);
      rmSync(dir, { recursive: true, force: true });
    },
  };
}

/** Asks the API until an answer satisfies. */
export async function until<T>(ask: () => Promise<T>, good: (answer: T) => boolean, ms = 20_000): Promise<T> {
  for (const end = Date.now() + ms; ; await sleep(100)) {
    const answer = await ask();
    if (good(answer)) return answer;
    if (Date.now() > end) throw new Error(`not within ${ms} ms; the last answer was ${JSON.stringify(answer).slice(0, 500)}`);
  }
}

export async function getJson<T>(url: string): Promise<T> {
  const r = await fetch(url);
  if (!r.ok) throw new Error(`${url}: ${r.status} ${await r.text()}`);
  return (await r.json()) as T;
}

/** Waits until so many records of a kind are searchable. */
export async function arrived(clew: Clew, signal: 'spans' | 'logs', count: number): Promise<void> {
  await until(
    () => getJson<{ count: number }>(`${clew.url}/api/v1/count?signal=${signal}`),
    (a) => a.count >= count,
  );
}

// The snippets of the first page, run word for word as a newcomer would paste them: each must bring a span and a log record of it to a real clew.
// Go's modules and Node's packages come from their registries; where these are out of reach, the test says that it is skipped.
import { spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, inject, test } from 'vitest';
import { type Snippet, snippets } from '../src/logic/snippets';
import { type Clew, getJson, startClew, until } from './clew';

interface Found {
  spans?: { name: string; traceId: string; spanId: string }[];
  logs?: { body: string; traceId: string; spanId: string }[];
}

/** All steps as one terminal sees them: shell as it is, files written where one stands by then. */
function script(s: Snippet): string {
  const steps = s.steps.map(({ title, code, language }) =>
    language === 'sh' ? code : `cat > ${title} <<'END OF FILE'\n${code}\nEND OF FILE`,
  );
  return ['set -e', ...steps].join('\n');
}

const runs: Record<string, { needs: string[]; said: string }> = {
  curl: { needs: ['curl', '--version'], said: 'hello from curl' },
  go: { needs: ['go', 'list', '-m', 'go.opentelemetry.io/otel/sdk@latest'], said: 'hello from Go' },
  node: { needs: ['npm', 'view', '@opentelemetry/auto-instrumentations-node', 'version'], said: 'hello from Node' },
};

let clew: Clew | undefined;
let dir = '';

beforeAll(async () => {
  if (inject('clew')) clew = await startClew(inject('clew'));
  dir = mkdtempSync(join(tmpdir(), 'clew-snippets-'));
});
afterAll(async () => {
  await clew?.stop();
  rmSync(dir, { recursive: true, force: true });
});

test.skipIf(!inject('clew')).for(Object.keys(runs))(
  'the snippet for %s sends a span and a log record of it',
  { timeout: 180_000 },
  async (id, { skip }) => {
    const { needs, said } = runs[id] as { needs: [string, ...string[]]; said: string };
    if (!clew) throw new Error('clew did not start');
    const { status } = spawnSync(needs[0], needs.slice(1), { cwd: dir, timeout: 20_000, env: environment() });
    if (status !== 0) skip(`SKIPPED: this does not work here: ${needs.join(' ')}`);
    const snippet = snippets({ http: clew.otlpHttp, grpc: `http://${clew.otlpGrpc}` }).find((s) => s.id === id) as Snippet;
    const at = mkdtempSync(join(dir, `${id}-`));
    const ran = spawnSync('sh', ['-c', script(snippet)], { cwd: at, timeout: 150_000, encoding: 'utf8', env: environment() });
    // Node's snippet ends itself with SIGTERM, as its comment says: what counts is what arrived.
    const output = `${ran.stdout}\n${ran.stderr}`;
    const search = (signal: string) => `${clew?.url}/api/v1/search?signal=${signal}&query=service:hello-${id}`;
    const { spans } = await until(
      () => getJson<Found>(search('spans')),
      (a) => (a.spans ?? []).some((s) => s.name === 'say hello'),
      10_000,
    ).catch(() => {
      throw new Error(`no span came; the terminal said:\n${output}`);
    });
    const { logs } = await until(
      () => getJson<Found>(search('logs')),
      (a) => (a.logs ?? []).some((l) => l.body === said),
      10_000,
    ).catch(() => {
      throw new Error(`no log record came; the terminal said:\n${output}`);
    });
    const span = spans?.find((s) => s.name === 'say hello');
    const log = logs?.find((l) => l.body === said);
    expect([log?.traceId, log?.spanId]).toEqual([span?.traceId, span?.spanId]);
  },
);

/** A newcomer's terminal: nothing of the test runner's own, and modules of no workspace. */
function environment(): NodeJS.ProcessEnv {
  const { NODE_OPTIONS: _, NODE_ENV: __, ...rest } = process.env;
  return { ...rest, GOFLAGS: '-mod=mod', GOWORK: 'off' };
}

// Once before all journeys: the browser is found, and clew is built with the application in it. CLEW_BIN names one that is built already.
import { spawnSync } from 'node:child_process';
import { existsSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import type { TestProject } from 'vitest/node';

const ui = resolve(import.meta.dirname, '..');

declare module 'vitest' {
  export interface ProvidedContext {
    chromium: string;
    clew: string;
  }
}

function findChromium(): string {
  const named = process.env.CHROMIUM;
  const known = named !== undefined ? [named] : ['/usr/bin/chromium', '/usr/bin/chromium-browser', '/usr/bin/google-chrome'];
  return known.find((p) => existsSync(p)) ?? '';
}

export default function setup(project: TestProject) {
  const chromium = findChromium();
  project.provide('chromium', chromium);
  project.provide('clew', '');
  if (!chromium) {
    const where = process.env.CHROMIUM ? ` at CHROMIUM=${process.env.CHROMIUM}` : '';
    console.warn(
      `\nThe journeys are SKIPPED: there is no Chromium${where}. Install it (apt-get install chromium) or name one in CHROMIUM.\n`,
    );
    return;
  }
  const given = process.env.CLEW_BIN;
  if (given) {
    project.provide('clew', resolve(given));
    return;
  }
  const dir = mkdtempSync(join(tmpdir(), 'clew-e2e-'));
  const run = (command: string, args: string[], cwd: string) => {
    const env = { ...process.env, NODE_ENV: 'production' }; // not the tests' own: React would be built for development
    const { status, stdout, stderr } = spawnSync(command, args, { cwd, env, encoding: 'utf8' });
    if (status !== 0) throw new Error(`${command} ${args.join(' ')} failed:\n${stdout}\n${stderr}`);
  };
  run('npm', ['run', '--silent', 'build'], ui);
  run('go', ['build', '-tags', 'ui', '-o', join(dir, 'clew'), './cmd/clew'], resolve(ui, '..'));
  project.provide('clew', join(dir, 'clew'));
  return () => rmSync(dir, { recursive: true, force: true });
}

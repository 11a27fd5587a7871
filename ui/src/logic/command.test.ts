import { execFileSync } from 'node:child_process';
import { expect, test } from 'vitest';
import { curlCommand, grepCommand, shellQuote, traceCommand } from './command';

const origin = 'http://127.0.0.1:7400';
const range = { from: 'now-1h', to: 'now' };

test('a shell gives back what was quoted', () => {
  for (const text of ['a b', "it's", '$HOME `x` "y" \\', 'ü;&|*?', '-x', "''"]) {
    expect(execFileSync('sh', ['-c', `printf %s ${shellQuote(text)}`], { encoding: 'utf8' })).toBe(text);
  }
});

test('commands', () => {
  expect(grepCommand({ signal: 'logs', query: ' service:a "b c" ', range, origin })).toBe(
    `clew grep --where 'service:a "b c"' --since 1h ''`,
  );
  expect(
    grepCommand({
      signal: 'spans',
      query: '',
      range: { from: '2026-11-21T09:00:00.000Z', to: '2026-11-21T10:00:00.000Z' },
      origin: 'http://h:1',
    }),
  ).toBe("clew grep --server http://h:1 --signal spans --since 2026-11-21T09:00:00.000Z --until 2026-11-21T10:00:00.000Z ''");
  expect(traceCommand('abc', origin)).toBe('clew trace abc');
  expect(curlCommand('/api/v1/search', { signal: 'spans', query: "it's", range, origin })).toBe(
    "curl -s 'http://127.0.0.1:7400/api/v1/search?signal=spans&query=it%27s&start=now-1h'",
  );
});

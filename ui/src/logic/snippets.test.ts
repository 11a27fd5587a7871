import { spawn } from 'node:child_process';
import { createServer } from 'node:http';
import { expect, test } from 'vitest';
import { endpointsOf, snippets } from './snippets';

test.each([
  ['127.0.0.1:4318', 'http://127.0.0.1:4318'],
  ['0.0.0.0:4318', 'http://page.example:4318'],
  [':4318', 'http://page.example:4318'],
  ['[::]:4318', 'http://page.example:4318'],
  ['[fd00::1]:4318', 'http://[fd00::1]:4318'],
  ['localhost:1', 'http://localhost:1'],
])('%s is reached at %s', (address, want) =>
  expect(endpointsOf({ otlpHttp: address, otlpGrpc: address }, 'page.example')).toEqual({ http: want, grpc: want }),
);

test('every language says where to send', () => {
  const all = snippets({ http: 'http://10.1.2.3:9', grpc: 'http://10.1.2.3:8' });
  expect(all.map((s) => s.id)).toEqual(['curl', 'go', 'java', 'python', 'node', 'dotnet']);
  for (const s of all)
    expect(
      s.steps.some((step) => step.code.includes('http://10.1.2.3:9')),
      s.id,
    ).toBe(true);
});

test('the shell snippet sends a span and its log record as valid OTLP JSON', async () => {
  const bodies: Record<string, unknown> = {};
  const server = createServer((request, response) => {
    let text = '';
    request.on('data', (chunk) => {
      text += chunk;
    });
    request.on('end', () => {
      bodies[request.url ?? ''] = JSON.parse(text);
      response.end('{}');
    });
  });
  await new Promise<void>((done) => server.listen(0, '127.0.0.1', done));
  const address = server.address();
  const port = typeof address === 'object' ? address?.port : 0;
  const code = snippets({ http: `http://127.0.0.1:${port}`, grpc: '' })[0]?.steps[0]?.code ?? '';
  const status = await new Promise((done) => spawn('sh', ['-c', code]).on('close', done));
  server.close();
  expect(status).toBe(0);
  const span = JSON.stringify(bodies['/v1/traces']);
  const log = JSON.stringify(bodies['/v1/logs']);
  const id = /"traceId":"([0-9a-f]{32})"/;
  expect(id.exec(span)?.[1]).toBeDefined();
  expect(id.exec(log)?.[1]).toBe(id.exec(span)?.[1]);
  expect(/"startTimeUnixNano":"(\d+)"/.exec(span)?.[1]).toHaveLength(19);
});

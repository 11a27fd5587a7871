import { expect, test } from 'vitest';
import { possibleCallers } from './callers';
import { traceOfText } from './testtrace';

test('calls that nobody answered and that cover a missing span, the tightest first', () => {
  const t = traceOfText(`
web "GET /" server @0 +120ms
  web "wide" client @0 +119ms
  web "tight" client @9ms +32ms
  web "too late" client @11ms +90ms
  web "too early" client @0 +39ms
  web "no call" internal @0 +120ms
  web "answered" client @0 +100ms
    db "query" server @10ms +40ms
  web "sent" producer @5ms +50ms
? tax "caller of tax" client @10ms +30ms
  tax "GET /taxes" server @10ms +30ms
`);
  const missing = [...t.flags].findIndex((f) => f & 2);
  expect(possibleCallers(t, missing).map((n) => t.names[t.name[n] as number])).toEqual(['tight', 'sent', 'wide']);
});

test('none where nothing calls', () => {
  const t = traceOfText('? tax "caller of tax" @0 +1ms\n  tax "GET /taxes" server @0 +1ms');
  expect(possibleCallers(t, 0)).toEqual([]);
});

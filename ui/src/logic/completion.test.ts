import { expect, test } from 'vitest';
import { accept, fieldCompletions, valueCompletions } from './completion';
import { typingAt } from './language';

const fields = [
  { name: 'resource.service.name', type: 'string', level: 'resource', count: 10 },
  { name: 'severity', type: 'int', level: 'field', count: 10 },
  { name: 'duration', type: 'int', level: 'field', count: 10 },
  { name: 'my key', type: 'string', level: 'record', count: 1 },
  { name: 'rpc.service', type: 'string', level: 'record', count: 9 },
  { name: 'events', type: 'json', level: 'field', count: 9 },
];

test('fields that begin so, then fields with it', () => {
  expect(fieldCompletions(typingAt('ser', 3), fields).map((c) => c.text)).toEqual(['service:', 'rpc.service:']);
  expect(fieldCompletions(typingAt('se', 2), fields).map((c) => c.text)).toEqual(['service:', 'severity>=', 'rpc.service:']);
  expect(fieldCompletions(typingAt('-my', 3), fields).map((c) => c.text)).toEqual(['"my key":']);
  expect(fieldCompletions(typingAt('', 0), fields).map((c) => c.label)).toContain('/time.?out/');
  expect(fieldCompletions(typingAt('zz', 2), fields)).toEqual([]);
});

test('values, quoted where they must be', () => {
  const values = [
    { value: '/cart', count: 3 },
    { value: 'Cart', count: 1200 },
    { value: '', count: 9 },
  ];
  expect(valueCompletions(typingAt('a:', 2), values).map((c) => [c.text, c.detail])).toEqual([
    ['"/cart" ', '3'],
    ['Cart ', '1.2k'],
  ]);
  expect(valueCompletions(typingAt('a:ca', 4), values).map((c) => c.text)).toEqual(['Cart ']);
  expect(
    valueCompletions(typingAt('severity>=w', 11), [
      { value: '13', count: 2 },
      { value: '14', count: 3 },
    ]),
  ).toEqual([{ text: 'warn ', label: 'warn', detail: '5' }]);
  expect(valueCompletions(typingAt('duration>1', 10), []).map((c) => c.label)).toEqual(['10ms', '100ms', '1s']);
});

test('accepting replaces what was typed and keeps the rest', () => {
  const q = 'a -ser:x b';
  const typing = typingAt(q, 5);
  expect(accept(q, typing, { text: 'service:', label: '', detail: '' })).toEqual({ query: 'a -service:x b', caret: 11 });
  const v = 'service:ch b';
  expect(accept(v, typingAt(v, 10), { text: 'checkout ', label: '', detail: '' })).toEqual({ query: 'service:checkout b', caret: 16 });
});

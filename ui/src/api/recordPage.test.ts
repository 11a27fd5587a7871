import { expect, test } from 'vitest';
import { RecordPage, Records } from './recordPage';

const stats = {
  tookMs: 1,
  parts: 1,
  heads: 1,
  rowGroups: 1,
  prunedTime: 0,
  prunedVocab: 0,
  prunedFilter: 0,
  rowsMatched: 1,
  rowsRebuilt: 0,
  bytesRead: 0,
  partial: false,
};
const log = (id: string) => ({ id, timeUnixNano: '1763728201000000001', body: `body of ${id}`, service: 'shop', attributes: { id } });
const span = (id: string, durationNano: number) => ({
  id,
  traceId: '1',
  spanId: '2',
  name: id,
  kind: 'server',
  status: 'ok',
  startUnixNano: '1763728201000000001',
  durationNano,
});
const page = (...ids: string[]) => new RecordPage(JSON.stringify({ logs: ids.map(log), cursor: ids.at(-1) ?? '', stats }));

test('many pages are one list, whichever of them was looked at last', () => {
  const pages = Array.from({ length: 20 }, (_, p) => page(`id-${p}-0`, `id-${p}-1`, `id-${p}-2`));
  const records = new Records([page(), ...pages]);
  expect(records.count).toBe(60);
  for (const i of [0, 59, 31, 30, 29, 2, 3]) expect(records.at(i)?.id).toBe(`id-${Math.floor(i / 3)}-${i % 3}`);
  expect(records.at(-1)).toBeUndefined();
  expect(records.at(60)).toBeUndefined();
});

test('a record is found by its id, and by nothing else', () => {
  const records = new Records([page('aa', 'ab'), page('ba', 'bb')]);
  expect(records.indexOf('bb')).toBe(3);
  expect(records.indexOf('b')).toBe(-1);
  expect(records.indexOf('')).toBe(-1);
  expect(new Records([]).indexOf('aa')).toBe(-1);
});

test('spans tell the longest of them', () => {
  const of = (...durations: number[]) => new RecordPage(JSON.stringify({ spans: durations.map((d) => span(`s${d}`, d)), stats }));
  expect(new Records([of(5, 70), of(30)]).longest).toBe(70);
  expect(new Records([page('aa')]).longest).toBe(0);
});

test.each(['<html>', '{}', '{"logs":[{"id":1}]}'])('%s is no answer', (text) => expect(() => new RecordPage(text)).toThrow());

import { expect, test } from 'vitest';
import { parseTraceId, traceHref } from './traceid';

const id = '4bf92f3577b34da6a3ce929d0e0e4736';

test.each([
  [id, id],
  [` ${id.toUpperCase()}\n`, id],
  [`00-${id}-00f067aa0ba902b7-01`, id],
  ['4bf92f35-77b3-4da6-a3ce-929d0e0e4736', id],
  ['0x1f', '1f'],
  ['timeout', ''],
  ['', ''],
  ['0000', ''],
  [`${id}0`, ''],
])('%s', (text, want) => expect(parseTraceId(text)).toBe(want));

test('the address of a trace keeps the choice of UTC', () => {
  expect(traceHref('ab12', 'local')).toBe('/trace/ab12');
  expect(traceHref('ab12', 'utc')).toBe('/trace/ab12?tz=utc');
  expect(traceHref('ab12', 'utc', '0123456789abcdef')).toBe('/trace/ab12?span=0123456789abcdef&tz=utc');
});

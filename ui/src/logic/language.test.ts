import { describe, expect, test } from 'vitest';
import { filterOf, indexOfByte, setBounds, setFilter, termOf, terms, typingAt } from './language';

test.each([
  ['a b', ['a', 'b']],
  ['service:"a b" -x', ['service:"a b"', '-x']],
  ['/time .?out/ b', ['/time .?out/', 'b']],
  ['-body:/a b/i', ['-body:/a b/i']],
  ['url.path:/api/v1 x', ['url.path:/api/v1', 'x']],
  ['path:/a b', ['path:/a', 'b']],
  ['"a \\" b" c', ['"a \\" b"', 'c']],
  ['f:(a OR b)', ['f:', '(', 'a', 'OR', 'b', ')']],
  ['odd\\ key:x y', ['odd\\ key:x', 'y']],
  ['"unclosed and', ['"unclosed and']],
  ['a\\', ['a\\']],
  ['', []],
])('%s is cut into terms', (query, want) => expect(terms(query).map((t) => t.text)).toEqual(want));

describe('the caret', () => {
  const at = (marked: string) => typingAt(marked.replace('|', ''), marked.indexOf('|'));
  test('in a field', () => {
    expect(at('|')).toEqual({ kind: 'field', field: '', prefix: '', from: 0, to: 0 });
    expect(at('ser|')).toEqual({ kind: 'field', field: '', prefix: 'ser', from: 0, to: 3 });
    expect(at('a -ser|')).toEqual({ kind: 'field', field: '', prefix: 'ser', from: 3, to: 6 });
    expect(at('(ser|')).toEqual({ kind: 'field', field: '', prefix: 'ser', from: 1, to: 4 });
    expect(at('ser|vice:x')).toEqual({ kind: 'field', field: '', prefix: 'ser', from: 0, to: 8 });
    expect(at('a |')).toEqual({ kind: 'field', field: '', prefix: '', from: 2, to: 2 });
  });
  test('in a value', () => {
    expect(at('service:|')).toEqual({ kind: 'value', field: 'service', prefix: '', from: 8, to: 8 });
    expect(at('service:che|ck b')).toEqual({ kind: 'value', field: 'service', prefix: 'che', from: 8, to: 13 });
    expect(at('service:"two w|')).toEqual({ kind: 'value', field: 'service', prefix: 'two w', from: 8, to: 14 });
    expect(at('x "my key"!=v|')).toEqual({ kind: 'value', field: 'my key', prefix: 'v', from: 12, to: 13 });
    expect(at('severity>=w|')).toMatchObject({ kind: 'value', field: 'severity', prefix: 'w' });
  });
});

test('terms are quoted only where they must be', () => {
  expect(termOf('service', 'checkout')).toBe('service:checkout');
  expect(termOf('http.route', '/cart/{id}')).toBe('http.route:"/cart/{id}"');
  expect(termOf('name', 'GET "x"')).toBe('name="GET \\"x\\""');
  expect(termOf('my key', 'OR')).toBe('"my key":"OR"');
  expect(termOf('a', 'x*')).toBe('a:"x*"');
  expect(termOf('a', '')).toBe('a:""');
});

describe('filters', () => {
  test('in, out and away again', () => {
    let q = setFilter('timeout', 'service', 'a b', 'in');
    expect(q).toBe('timeout service:"a b"');
    expect(filterOf(q, 'service', 'a b')).toBe('in');
    q = setFilter(q, 'service', 'a b', 'out');
    expect(q).toBe('timeout -service:"a b"');
    expect(filterOf(q, 'service', 'a b')).toBe('out');
    expect(setFilter(q, 'service', 'a b', 'none')).toBe('timeout');
  });
  test('an OR keeps its sense', () => {
    const q = setFilter('a OR b', 'service', 'x', 'in');
    expect(q).toBe('(a OR b) service:x');
    expect(filterOf('(service:x OR b)', 'service', 'x')).toBe('none');
    expect(setFilter(q, 'service', 'x', 'none')).toBe('(a OR b)');
    expect(setFilter('service:x OR b', 'service', 'x', 'none')).toBe('service:x OR b');
  });
  test('bounds replace bounds', () => {
    expect(setBounds('a duration>5ms b duration<=2s', 'duration', ['duration>=1ms', 'duration<3ms'])).toBe(
      'a b duration>=1ms duration<3ms',
    );
  });
});

test('bytes to indexes', () => {
  const text = 'aé漢😀b';
  expect([0, 1, 3, 6, 10, 11, 99].map((b) => text.slice(indexOfByte(text, b)))).toEqual(['aé漢😀b', 'é漢😀b', '漢😀b', '😀b', 'b', '', '']);
});

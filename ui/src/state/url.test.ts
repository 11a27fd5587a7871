import { expect, test } from 'vitest';
import { patchSearch } from './url';

test('a patch sets, replaces and removes, and leaves the rest in place', () => {
  expect(patchSearch('?q=a&from=now-1h', { from: 'now-5m' })).toBe('q=a&from=now-5m');
  expect(patchSearch('q=a&from=now-1h', { q: undefined, from: '' })).toBe('');
  expect(patchSearch('', { q: 'a b:"c" & d' })).toBe('q=a+b%3A%22c%22+%26+d');
  expect(new URLSearchParams(patchSearch('', { q: '+%/?#&=é' })).get('q')).toBe('+%/?#&=é');
});

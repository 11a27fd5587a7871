import { expect, test } from 'vitest';
import { suggestAnswer } from './answers';

test('suggestions are taken as the server gives them, and none is no error', () => {
  const one = { kind: 'word', text: 'rejectd', replacement: 'rejected', pos: 0, end: 7, query: 'rejected', count: 10 };
  expect(suggestAnswer({ count: 0, suggestions: [one], stats: {} }, '').suggestions[0]).toMatchObject({ query: 'rejected', count: 10 });
  expect(suggestAnswer({ count: 3, suggestions: [] }, '')).toEqual({ count: 3, suggestions: [] });
  expect(() => suggestAnswer({ count: 0, suggestions: [{ ...one, query: 1 }] }, '')).toThrow('suggestions[0].query is not text');
});

import { expect, test } from 'vitest';
import { list, num, object, open, or, str } from './validate';

const shape = object<{ name: string; counts: number[]; tags: Record<string, unknown> }>({
  name: str,
  counts: list(num),
  tags: or(open, {}),
});

test('takes what fits and leaves the unknown out', () => {
  expect(shape({ name: 'a', counts: [1, 2], more: 1 }, '')).toEqual({ name: 'a', counts: [1, 2], tags: {} });
});

test.each([
  [null, 'an object'],
  [[], 'an object'],
  [{ counts: [] }, 'name is not text'],
  [{ name: 'a', counts: {} }, 'counts is not a list'],
  [{ name: 'a', counts: [1, 'x'] }, 'counts[1] is not a number'],
  [{ name: 'a', counts: [], tags: [1] }, 'tags is not an object'],
])('names what does not fit in %j', (v, message) => expect(() => shape(v, '')).toThrow(message as string));

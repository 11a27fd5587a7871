import { expect, test } from 'vitest';
import { matchersOf, matcherText, parseMatchers, silences } from './silences';

const labels = { alertname: 'Slow', service: 'cart "a"', severity: 'page' };

test('an alert is matched by its own matchers, and they survive being written', () => {
  const { matchers, problem } = parseMatchers(matchersOf(labels));
  expect(problem).toBe('');
  expect(matchers.map(matcherText).join('\n')).toBe(matchersOf(labels));
  expect(silences(matchers, labels)).toBe(true);
  expect(silences(matchers, { ...labels, service: 'x' })).toBe(false);
});

test('matchers are equal, unequal, or expressions for the whole value', () => {
  const match = (text: string) => silences(parseMatchers(text).matchers, labels);
  expect([match('alertname=Slow'), match('severity != page'), match('severity!=ticket\nalertname=Slow')]).toEqual([true, false, true]);
  expect([
    match('alertname=~"Sl.*|x"'),
    match('alertname=~Sl'),
    match('alertname!~Sl\nseverity=page'),
    match('region=""\nseverity=page'),
  ]).toEqual([true, false, true, true]);
});

test('mistakes are named with their lines', () => {
  expect(parseMatchers('').problem).toBe('at least one is wanted');
  expect(parseMatchers('a=b\nrubbish').problem).toContain('line 2: want');
  expect(parseMatchers('a="b').problem).toBe('the quotes are not closed');
  expect(parseMatchers('a=~"("').problem).toBe('not a regular expression');
  expect(parseMatchers('a!=b').problem).toContain('every alert');
});

import { expect, test } from 'vitest';
import { rulesAnswer } from '@/api/alerting';
import { keptRules, questionHref, stateOf } from './rules';

const rule = (name: string, more: Record<string, unknown> = {}) => ({
  name,
  type: 'alerting',
  state: 'inactive',
  query: 'up == 0',
  lang: 'promql',
  health: 'ok',
  lastEvaluation: '2026-01-01T00:00:00Z',
  ...more,
});
const { groups } = rulesAnswer(
  {
    loaded_at: '2026-01-01T00:00:00Z',
    problems: [],
    groups: [
      {
        name: 'g',
        file: 'a.yml',
        interval: 60,
        lastEvaluation: '2026-01-01T00:00:00Z',
        rules: [
          rule('Calm', { line: 1 }),
          rule('Loud', { line: 2, state: 'firing', lang: 'logs', query: 'timeout' }),
          rule('Broken', { line: 3, state: 'firing', health: 'err', lastError: 'no' }),
          rule('a:record', { line: 4, type: 'recording', state: undefined }),
        ],
      },
    ],
  },
  '',
);

test('those first that have something to say', () => {
  expect(keptRules(groups, '', 'all')[0]?.rules.map((r) => [r.name, stateOf(r)])).toEqual([
    ['Loud', 'firing'],
    ['Broken', 'failing'],
    ['Calm', 'inactive'],
    ['a:record', 'recording'],
  ]);
});

test('rules are found by any of their words', () => {
  expect(keptRules(groups, 'A.YML timeout', 'all')[0]?.rules.map((r) => r.name)).toEqual(['Loud']);
  expect(keptRules(groups, '', 'failing')[0]?.rules.map((r) => r.name)).toEqual(['Broken']);
  expect(keptRules(groups, 'nothing', 'all')).toEqual([]);
});

test('a question is asked where it is understood', () => {
  expect(questionHref({ lang: 'promql', query: 'up == 0' }, 'utc')).toBe('/explore?expr=up+%3D%3D+0&tz=utc');
  expect(questionHref({ lang: 'logs', query: 'timeout' }, 'local')).toBe('/search?signal=logs&q=timeout');
});

import { expect, test } from 'vitest';
import { instantAnswer } from '@/api/promql';
import { notesOf } from './notes';

test('infos are told from warnings, and neither says twice what it is', () => {
  expect(
    notesOf(['PromQL info: down-sampled: some points are windows of 5m0s', 'PromQL warning: bucket label', 'a part is damaged']),
  ).toEqual({
    warnings: ['bucket label', 'a part is damaged'],
    infos: ['down-sampled: some points are windows of 5m0s'],
  });
});

test("an instant's answer has both", () => {
  const data = { resultType: 'vector', result: [{ metric: { a: 'b' }, value: [1, '2'] }] };
  const samples = [{ labels: { a: 'b' }, value: '2' }];
  expect(instantAnswer({ status: 'success', data }, 'answer')).toEqual({ samples, notes: [] });
  expect(instantAnswer({ status: 'success', data, warnings: ['w'], infos: ['PromQL info: i'] }, 'answer')).toEqual({
    samples,
    notes: ['w', 'PromQL info: i'],
  });
});

import { expect, test } from 'vitest';
import type { Flow } from '@/api/ledger';
import { parts, reasonsText } from './words';

const flow: Flow = {
  signal: 'logs',
  ratePerSecond: 0,
  lagSeconds: 0,
  missingNumbers: 2,
  counts: {
    read: 30,
    stored: 10,
    replayed: 9,
    elsewhere: 0,
    missing: 1,
    inFlight: 4,
    refused: { invalid: 7 },
    dropped: { queue_full: 5, sampled: 3 },
  },
};

test('the parts add up to what was read', () => {
  expect(parts(flow.counts).reduce((n, p) => n + p.records, 0)).toBe(flow.counts.read);
  expect(parts(flow.counts).map((p) => p.name)).toEqual(['stored', 'waiting', 'refused', 'dropped', 'missing']);
});

test('what was lost is named with its reason', () => {
  expect(reasonsText(flow)).toBe(
    '5 dropped (queue_full), 3 dropped (sampled), 7 refused (invalid), 1 acknowledged and not stored, 2 batches never came',
  );
  expect(reasonsText({ ...flow, missingNumbers: 0, counts: { ...flow.counts, missing: 0, refused: {}, dropped: {} } })).toBe('');
});

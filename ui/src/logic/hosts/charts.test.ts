import { expect, test } from 'vitest';
import { anyOf, formatUnit, hostCharts, linesOf, processesOf, quoted, rateSpan, stackedOf, windowOf } from './charts';

const minute = 60_000;
const hour = 60 * minute;

test('names of hosts are texts, whatever is in them', () => {
  expect(quoted('a"b\\c\nd')).toBe('"a\\"b\\\\c\\nd"');
  expect(anyOf(['web.1', 'a|b', 'c\\d'])).toBe('"web\\\\.1|a\\\\|b|c\\\\\\\\d"');
  for (const spec of hostCharts) expect(spec.query('x"} or up{a="', '90s', '45s')).toContain('host_name="x\\"} or up{a=\\""');
});

test('steps are round, at multiples of themselves, and few enough', () => {
  const end = Date.UTC(2026, 10, 21, 12, 7, 13);
  expect(windowOf({ start: end - hour, end }, 240)).toEqual({
    start: Date.UTC(2026, 10, 21, 11, 7, 0),
    end: Date.UTC(2026, 10, 21, 12, 7, 0),
    step: 15_000,
  });
  for (const length of [minute, hour, 24 * hour, 30 * 24 * hour, 900 * 24 * hour]) {
    const w = windowOf({ start: end - length, end }, 240);
    expect((w.end - w.start) / w.step).toBeLessThanOrEqual(241);
    expect(w.start % w.step).toBe(0);
  }
});

test('rates have two points at least', () => {
  expect(rateSpan(15_000, true)).toBe('90s');
  expect(rateSpan(15_000, false)).toBe('150s');
  expect(rateSpan(600_000, true)).toBe('1200s');
});

const series = (name: string, ...values: (number | null)[]) => ({ labels: { state: name }, values });
const byState = { name: (l: Record<string, string>) => l.state ?? '', stacked: false };

test('the largest lines are drawn, in the order of the chart', () => {
  const all = [series('user', 3, 4), series('wait', 0, 1), series('odd', 2, 2), series('system', 5, 1), series('none', null, null)];
  const { lines, more } = linesOf({ ...byState, order: ['user', 'system', 'wait'] }, all, 3);
  expect(lines.map((l) => l.name)).toEqual(['user', 'system', 'odd']);
  expect(more).toBe(1);
  expect(linesOf(byState, all, 9).lines.map((l) => l.name)).toEqual(['system', 'user', 'odd', 'wait']);
});

test('in a stack there is nothing that is nothing throughout', () => {
  const { lines } = linesOf({ ...byState, stacked: true }, [series('user', 1, 2), series('steal', 0, 0)], 9);
  expect(lines.map((l) => l.name)).toEqual(['user']);
});

test('each line of a stack stands upon those before it, and gaps stay gaps', () => {
  const { lines } = linesOf(byState, [series('a', 9, 9, null, null), series('b', 1, null, null, 2)], 9);
  expect(stackedOf(lines)).toEqual([
    [9, 9, null, null],
    [10, 9, null, 2],
  ]);
});

test('processes are those of the last values, the busiest first', () => {
  const p = (pid: string, name: string, ...values: (number | null)[]) => ({
    labels: { process_pid: pid, process_executable_name: name },
    values,
  });
  const cpu = [p('1', 'init', 0.1), p('7', 'java', 1.5, null), p('9', 'gone', null)];
  const memory = [p('7', 'java', 900), p('8', 'cache', 5000)];
  expect(processesOf(cpu, memory, 9)).toEqual([
    { pid: '7', name: 'java', cpu: 1.5, memory: 900 },
    { pid: '1', name: 'init', cpu: 0.1, memory: Number.NaN },
    { pid: '8', name: 'cache', cpu: Number.NaN, memory: 5000 },
  ]);
  expect(processesOf(cpu, memory, 1)).toHaveLength(1);
});

test('values have their unit', () => {
  expect(formatUnit(0.425, 'share')).toBe('43%');
  expect(formatUnit(1.5e6, 'bytes/s')).toBe('1.5 MB/s');
  expect(formatUnit(0.0123, 'number')).toBe('0.012');
  expect(formatUnit(1234, 'number')).toBe('1.23k');
  expect(formatUnit(Number.NaN, 'bytes')).toBe('–');
});

import { expect, test } from 'vitest';
import { colorCount, serviceColor, serviceIndex, severityClass, type Theme } from './color';

function luminance(hex: string): number {
  const [r, g, b] = [1, 3, 5].map((i) => {
    const c = Number.parseInt(hex.slice(i, i + 2), 16) / 255;
    return c <= 0.04045 ? c / 12.92 : ((c + 0.055) / 1.055) ** 2.4;
  }) as [number, number, number];
  return 0.2126 * r + 0.7152 * g + 0.0722 * b;
}

function contrast(a: string, b: string): number {
  const [high, low] = [luminance(a), luminance(b)].sort((x, y) => y - x) as [number, number];
  return (high + 0.05) / (low + 0.05);
}

const names = Array.from({ length: 2000 }, (_, i) => `service-${i}`);

test.each<[Theme, string]>([
  ['light', '#ffffff'],
  ['dark', '#161b22'],
])('every colour stands out in %s', (theme, background) => {
  const colors = new Set(names.map((name) => serviceColor(name, theme)));
  expect(colors.size).toBe(colorCount);
  for (const color of [...colors, serviceColor('', theme)]) expect(contrast(color, background), color).toBeGreaterThanOrEqual(3);
});

test('names spread over all colours', () => {
  const counts = new Array<number>(colorCount).fill(0);
  for (const name of names) counts[serviceIndex(name)] = (counts[serviceIndex(name)] ?? 0) + 1;
  expect(Math.min(...counts)).toBeGreaterThan(names.length / colorCount / 2);
});

test('the services of the demo all differ', () => {
  const demo = 'broker cart catalog checkout mailer payment postgres recommendations search shipping tax tax-gateway web'.split(' ');
  expect(new Set(demo.map(serviceIndex)).size).toBe(demo.length);
});

test('severities', () => {
  expect([0, 1, 4, 5, 9, 13, 17, 21, 24, 25, Number.NaN].map(severityClass)).toEqual([
    'unset',
    'trace',
    'trace',
    'debug',
    'info',
    'warn',
    'error',
    'fatal',
    'fatal',
    'unset',
    'unset',
  ]);
});

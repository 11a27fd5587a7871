// A service's colour: stable by name, so that a service looks the same in every list, trace and chart, today and tomorrow. The colours differ in
// lightness as well as in hue (after Okabe-Ito and Tol), because eyes that do not tell red from green still tell dark from light; and a colour
// never stands without the service's name nearby. Each has 3:1 against its theme's background.

export type Theme = 'light' | 'dark';

const palette: Record<Theme, readonly string[]> = {
  // biome-ignore format: a table
  light: [
    '#0072b2',
    '#c2560a',
    '#00805c',
    '#b3458b',
    '#8a6d00',
    '#332288',
    '#2a93c9',
    '#882255',
    '#5c7a1f',
    '#cc5566',
    '#0f5f66',
    '#7a4fbf',
    '#8c4a1f',
    '#1a9c8c',
    '#44546a',
    '#a0522d',
  ],
  // biome-ignore format: a table
  dark: [
    '#4aa8e8',
    '#f08a3c',
    '#2fc79a',
    '#e38cc4',
    '#e0b93a',
    '#9a8cff',
    '#8fd3f5',
    '#d9739f',
    '#a9c95c',
    '#ff8f98',
    '#4fb8c2',
    '#c39bff',
    '#cf9468',
    '#7fe3d0',
    '#a3b2c7',
    '#e8a87c',
  ],
};

/** How many colours there are. */
export const colorCount = palette.light.length;

/** The index of a service's colour: FNV-1a, whose seed was chosen so that the services of `clew demo` all differ. */
export function serviceIndex(service: string): number {
  let h = seed;
  for (let i = 0; i < service.length; i++) h = Math.imul(h ^ service.charCodeAt(i), 0x01000193) >>> 0;
  h = (h ^ (h >>> 15)) >>> 0; // the low bits alone are weak
  return h % colorCount;
}

const seed = 361;

/** The colour of a chart's n-th line: neighbours differ. */
export function lineColor(n: number, theme: Theme): string {
  return palette[theme][n % colorCount] ?? '#7d8896';
}

/** The colour as hex, for canvas. A span without a service is grey. */
export function serviceColor(service: string, theme: Theme): string {
  if (service === '') return theme === 'dark' ? '#7d8896' : '#6b7480';
  return palette[theme][serviceIndex(service)] ?? '#7d8896';
}

/** Severities by OpenTelemetry's number: trace, debug, info, warn, error, fatal. */
export type SeverityClass = 'unset' | 'trace' | 'debug' | 'info' | 'warn' | 'error' | 'fatal';

export function severityClass(number: number): SeverityClass {
  const classes: SeverityClass[] = ['trace', 'debug', 'info', 'warn', 'error', 'fatal'];
  return number >= 1 && number <= 24 ? (classes[Math.floor((number - 1) / 4)] ?? 'unset') : 'unset';
}

/** Colours of severities and statuses as hex, for canvas and charts. The order from calm to loud is one of lightness too. */
export const severityColor: Record<Theme, Record<SeverityClass, string>> = {
  light: { unset: '#aab3bf', trace: '#b9c2cd', debug: '#8fa1b5', info: '#5b8fc7', warn: '#d9920a', error: '#c2255c', fatal: '#7a0b3a' },
  dark: { unset: '#5a6573', trace: '#4b5663', debug: '#64788f', info: '#5b93d1', warn: '#e8b03e', error: '#ff6b8f', fatal: '#ffb3c5' },
};

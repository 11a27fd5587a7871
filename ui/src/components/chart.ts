// uPlot as this house uses it: quiet axes, no legend, and a drag selects.
import uPlot from 'uplot';
import 'uplot/dist/uPlot.min.css';
import type { Theme } from '@/logic/color';
import type { Zone } from '@/logic/format';
import { formatClock, formatDate } from '@/logic/format';

export const gutter = 52; // the y axis, in pixels
const inks: Record<Theme, { text: string; grid: string }> = {
  light: { text: '#57606c', grid: '#e8ecf0' },
  dark: { text: '#98a4b3', grid: '#222a34' },
};

export function axisInk(theme: Theme) {
  return inks[theme];
}

/** Half of a label's width and a little, in pixels. */
const labelHalf = 12;

const font = '11px system-ui, sans-serif';

/** The time axis: clock times, with the date where a day begins. */
export function timeAxis(theme: Theme, zone: Zone): uPlot.Axis {
  const ink = inks[theme];
  return {
    stroke: ink.text,
    font,
    size: 24,
    gap: 4,
    space: 80,
    grid: { show: false },
    ticks: { stroke: ink.grid, size: 4 },
    values: (u, splits, _axis, _space, step) => {
      const { min = 0, max = 1 } = u.scales.x ?? {};
      const perSecond = (u.width - gutter) / Math.max(1e-9, (max ?? 1) - (min ?? 0));
      return splits.map((t) => {
        if (((max ?? 1) - t) * perSecond < labelHalf) return ''; // it would be cut off at the edge
        const ms = t * 1000;
        const clock = formatClock(ms, zone);
        if (clock === '00:00:00') return formatDate(ms, zone).slice(5);
        if (step >= 60) return clock.slice(0, 5);
        return step >= 1 ? clock : `${clock}.${String(Math.round(ms % 1000)).padStart(3, '0')}`;
      });
    },
  };
}

export function valueAxis(theme: Theme, values: (splits: number[]) => string[]): uPlot.Axis {
  const ink = inks[theme];
  return {
    stroke: ink.text,
    font,
    size: gutter,
    gap: 6,
    space: 28,
    grid: { stroke: ink.grid, width: 1 },
    ticks: { show: false },
    values: (_, splits) => values(splits),
  };
}

export function zoneDate(zone: Zone): (t: number) => Date {
  return zone === 'utc' ? (t) => uPlot.tzDate(new Date(t * 1000), 'Etc/UTC') : (t) => new Date(t * 1000);
}

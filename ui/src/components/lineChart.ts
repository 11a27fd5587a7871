// Lines over time, alone or stacked: the options of every chart of metrics. The views give what is drawn, and what a drag or a pointer does.
import type uPlot from 'uplot';
import type { Theme } from '@/logic/color';
import type { Zone } from '@/logic/format';
import { timeAxis, valueAxis, zoneDate } from './chart';

export interface LineChartFacts {
  /** Of the lines, in their order. In a stack the last one, which covers those before it, is the ground. */
  colors: readonly string[];
  stacked: boolean;
  range: [number, number]; // seconds
  theme: Theme;
  zone: Zone;
  /** The value axis' ends, given those of the values. */
  bounds: (min: number, max: number) => [number, number];
  label: (value: number) => string;
  axisWidth: number;
  /** Charts with the same key move their cursors together. */
  sync?: string;
  zoom: (from: number, to: number) => void; // seconds
  setHover: (i: number | undefined) => void;
  plugins?: uPlot.Plugin[];
}

export function lineChart(f: LineChartFacts): Omit<uPlot.Options, 'width' | 'height'> {
  const ground = f.theme === 'dark' ? '#11151b' : '#ffffff';
  return {
    padding: [8, 10, 0, 4],
    legend: { show: false },
    tzDate: zoneDate(f.zone),
    plugins: f.plugins ?? [],
    cursor: {
      y: false,
      ...(f.sync ? { sync: { key: f.sync } } : {}),
      points: { show: false },
      drag: { x: true, y: false, setScale: false, dist: 4 },
    },
    scales: {
      x: { time: true, range: () => f.range },
      y: { range: (_u, min, max) => f.bounds(min ?? 0, max ?? 0) },
    },
    axes: [timeAxis(f.theme, f.zone), { ...valueAxis(f.theme, (splits) => splits.map(f.label)), size: f.axisWidth }],
    series: [
      {},
      ...f.colors.map<uPlot.Series>((color) =>
        // In a stack each area covers those that reach above it; without the ground below it they would shine through.
        f.stacked
          ? { stroke: ground, width: 1, fill: color, points: { show: false } }
          : { stroke: color, width: 1.5, points: { size: 4, fill: color } },
      ),
    ],
    hooks: {
      setSelect: [
        (u) => {
          if (u.select.width < 2) return;
          f.zoom(u.posToVal(u.select.left, 'x'), u.posToVal(u.select.left + u.select.width, 'x'));
          u.setSelect({ left: 0, top: 0, width: 0, height: 0 }, false);
        },
      ],
      setCursor: [(u) => f.setHover(u.cursor.idx ?? undefined)],
    },
  };
}

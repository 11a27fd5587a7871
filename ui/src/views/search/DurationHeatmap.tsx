// Spans by time and duration. Dragging a rectangle asks for the spans in it.
import { useMemo, useRef, useState } from 'react';
import type uPlot from 'uplot';
import { mistakeIn } from '@/api/client';
import { useHeatmap } from '@/api/queries';
import { timeAxis, valueAxis, zoneDate } from '@/components/chart';
import { ErrorNote } from '@/components/ErrorNote';
import { useAlertMarks } from '@/components/useAlertMarks';
import { useChart } from '@/components/useChart';
import { formatCount, formatDuration, formatMoment, type Zone } from '@/logic/format';
import { cellsOf, durationBounds, type HeatCell, heatColor, logTicks, rowsUsed } from '@/logic/heat';
import { setBounds } from '@/logic/language';
import { rangeOf, stepFor } from '@/logic/timerange';
import { useTheme } from '@/state/theme';
import { useTime } from '@/state/time';
import { useUrlState } from '@/state/url';
import classes from './charts.module.css';
import type { SearchState } from './state';

const columnsMax = 90;

interface Picture {
  cells: HeatCell[];
  bounds: number[];
  start: number; // seconds
  width: number; // of a column, in seconds
  countMax: number;
  low: number; // the axis, in nanoseconds
  high: number;
}

export function DurationHeatmap({ state }: { state: SearchState }) {
  const { instants, zone } = useTime();
  const { set } = useUrlState();
  const theme = useTheme();
  const host = useRef<HTMLDivElement>(null);
  const step = stepFor(instants, columnsMax);
  const { data: answer, error, refetch } = useHeatmap(state.scope, step, true);
  const [hover, setHover] = useState<HeatCell>();
  const { plugin: marks } = useAlertMarks(instants);

  const picture = useMemo<Picture | undefined>(() => {
    if (!answer) return undefined;
    const cells = cellsOf(answer);
    const used = rowsUsed(cells) ?? { first: 0, last: 0 };
    const { bounds } = answer;
    return {
      cells,
      bounds,
      start: Date.parse(answer.start) / 1000,
      width: answer.stepMs / 1000,
      countMax: Math.max(1, ...cells.map((c) => c.count)),
      low: lowerBound(bounds, used.first),
      high: upperBound(bounds, used.last),
    };
  }, [answer]);

  const { start, end } = instants;
  const options = useMemo(() => {
    if (!picture) return undefined;
    const select = (x: [number, number], y: [number | undefined, number | undefined]) => {
      const range = rangeOf(x[0] * 1000, x[1] * 1000);
      set({ ...range, q: setBounds(state.query, 'duration', durationBounds(y[0], y[1])), live: undefined, sel: undefined });
    };
    return { ...heatOptions(picture, [start / 1000, end / 1000], theme, zone, select, setHover), plugins: [marks] };
  }, [picture, start, end, theme, zone, state.query, set, marks]);
  const data = useMemo<uPlot.AlignedData>(
    () => [
      [start / 1000, end / 1000],
      [null, null],
    ],
    [start, end],
  );
  useChart(host, options, data);

  if (mistakeIn(error)) return null;
  if (error && !answer) return <ErrorNote error={error} retry={() => void refetch()} />;
  return (
    <section className={classes.chart} aria-label="Durations over time">
      <div className={classes.head}>
        <h2 className={classes.title}>Durations</h2>
        <div className={classes.legend}>
          <span className={classes.entry}>
            <span className={classes.ramp} style={{ background: rampCss(theme, 0) }} aria-hidden="true" />
            spans
          </span>
          <span className={classes.entry}>
            <span className={classes.ramp} style={{ background: rampCss(theme, 1) }} aria-hidden="true" />
            with errors
          </span>
        </div>
        <span className={classes.when}>{hover && picture && describe(hover, picture, zone)}</span>
      </div>
      <div ref={host} className={classes.plot} aria-hidden="true">
        {!answer && <div className={`skeleton ${classes.waiting}`} />}
      </div>
    </section>
  );
}

function rampCss(theme: 'light' | 'dark', errors: number): string {
  return `linear-gradient(90deg, ${[1, 32, 1000].map((n) => heatColor(n, errors * n, 1000, theme)).join(', ')})`;
}

function describe(cell: HeatCell, p: Picture, zone: Zone): string {
  const spans = `${formatCount(cell.count)} ${cell.count === 1 ? 'span' : 'spans'}${cell.errors ? `, ${formatCount(cell.errors)} failed` : ''}`;
  const at = formatMoment((p.start + cell.column * p.width) * 1000, zone).slice(11);
  return `${at} · ${formatDuration(lowerBound(p.bounds, cell.row))}–${formatDuration(upperBound(p.bounds, cell.row))} · ${spans}`;
}

/** A class reaches from the bound below it to its own. The first one has no bound below, the last may have none above: both get a class's width. */
function lowerBound(bounds: number[], row: number): number {
  if (row > 0) return bounds[row - 1] ?? 1;
  const [a, b] = bounds;
  return a !== undefined && b !== undefined && b > a ? (a * a) / b : (a ?? 2) / 2;
}

function upperBound(bounds: number[], row: number): number {
  const own = bounds[row];
  if (own !== undefined && Number.isFinite(own)) return own;
  const last = bounds[bounds.length - 1] ?? 2;
  return (last * last) / (bounds[bounds.length - 2] ?? last / 2);
}

function heatOptions(
  p: Picture,
  range: [number, number],
  theme: 'light' | 'dark',
  zone: Zone,
  select: (x: [number, number], y: [number | undefined, number | undefined]) => void,
  setHover: (cell: HeatCell | undefined) => void,
): Omit<uPlot.Options, 'width' | 'height'> {
  const byPlace = new Map(p.cells.map((c) => [`${c.column} ${c.row}`, c]));
  const durations: uPlot.Axis = {
    ...valueAxis(theme, (splits) => splits.map((n) => formatDuration(n))),
    splits: (_u, _i, low, high) => (p.cells.length > 0 ? logTicks(low, high) : []), // without spans there are no durations to tell
    filter: (_u, splits) => splits,
  };
  return {
    padding: [8, 8, 0, 0],
    legend: { show: false },
    tzDate: zoneDate(zone),
    cursor: { points: { show: false }, drag: { x: true, y: true, uni: 12, setScale: false, dist: 4 } },
    scales: { x: { time: true, range: () => range }, y: { distr: 3, range: () => [p.low, Math.max(p.high, p.low * 1.01)] } },
    axes: [timeAxis(theme, zone), durations],
    series: [{}, { show: true, points: { show: false } }],
    hooks: {
      draw: [(u) => drawCells(u, p, theme)],
      setSelect: [
        (u) => {
          const { left, top, width, height } = u.select;
          if (width < 2 && height < 2) return;
          const full = height >= u.over.clientHeight - 2 || height < 2;
          const wide = width < 2;
          const x: [number, number] = wide ? range : [u.posToVal(left, 'x'), u.posToVal(left + width, 'x')];
          select(x, full ? [undefined, undefined] : [u.posToVal(top + height, 'y'), u.posToVal(top, 'y')]);
          u.setSelect({ left: 0, top: 0, width: 0, height: 0 }, false);
        },
      ],
      setCursor: [
        (u) => {
          const { left = -1, top = -1 } = u.cursor;
          if (left < 0 || top < 0) return setHover(undefined);
          const column = Math.floor((u.posToVal(left, 'x') - p.start) / p.width);
          const ns = u.posToVal(top, 'y');
          const row = p.bounds.findIndex((b) => ns <= b);
          setHover(byPlace.get(`${column} ${row < 0 ? p.bounds.length : row}`));
        },
      ],
    },
  };
}

function drawCells(u: uPlot, p: Picture, theme: 'light' | 'dark'): void {
  const { ctx } = u;
  const { left, top, width, height } = u.bbox;
  ctx.save();
  ctx.beginPath();
  ctx.rect(left, top, width, height);
  ctx.clip();
  for (const c of p.cells) {
    const x0 = u.valToPos(p.start + c.column * p.width, 'x', true);
    const x1 = u.valToPos(p.start + (c.column + 1) * p.width, 'x', true);
    const y0 = u.valToPos(upperBound(p.bounds, c.row), 'y', true);
    const y1 = u.valToPos(lowerBound(p.bounds, c.row), 'y', true);
    ctx.fillStyle = heatColor(c.count, c.errors, p.countMax, theme);
    ctx.fillRect(
      Math.round(x0),
      Math.round(y0),
      Math.max(1, Math.round(x1) - Math.round(x0)),
      Math.max(1, Math.round(y1) - Math.round(y0)),
    );
  }
  ctx.restore();
}

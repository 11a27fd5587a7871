// How many records there are over time, stacked by a field. Dragging zooms in; a name in the legend filters.
import { Menu } from '@mantine/core';
import { IconChevronDown } from '@tabler/icons-react';
import { useMemo, useRef, useState } from 'react';
import uPlot from 'uplot';
import { mistakeIn } from '@/api/client';
import { useHistogram } from '@/api/queries';
import { AlertNote } from '@/components/AlertNote';
import { timeAxis, valueAxis, zoneDate } from '@/components/chart';
import { ErrorNote } from '@/components/ErrorNote';
import { useAlertMarks } from '@/components/useAlertMarks';
import { useChart } from '@/components/useChart';
import { formatCompact, formatCount, formatMoment } from '@/logic/format';
import { filterOf, setFilter } from '@/logic/language';
import { rangeOf, stepFor } from '@/logic/timerange';
import { type Layer, layersOf, stacked } from '@/logic/volume';
import { useTheme } from '@/state/theme';
import { useTime } from '@/state/time';
import classes from './charts.module.css';
import type { SearchState } from './state';

const bucketsMax = 90;
const choices: Record<string, string[]> = { logs: ['severity', 'service'], spans: ['service', 'status', 'kind', 'name'] };

export function VolumeChart({ state }: { state: SearchState }) {
  const { instants, zone, setRange } = useTime();
  const theme = useTheme();
  const host = useRef<HTMLDivElement>(null);
  const step = stepFor(instants, bucketsMax);
  const { data: answer, error, refetch } = useHistogram(state.scope, state.by, step);
  const [hover, setHover] = useState<number>();
  const { firings, plugin: marks } = useAlertMarks(instants);

  const shown = useMemo(() => {
    const buckets = Math.max(0, ...(answer?.series.map((s) => s.counts.length) ?? []));
    const layers = layersOf(answer?.series ?? [], state.by, buckets, theme);
    const start = Date.parse(answer?.start ?? '') / 1000;
    const width = (answer?.stepMs ?? 1) / 1000;
    const times = Array.from({ length: buckets }, (_, i) => start + i * width);
    // Later series are painted over earlier ones: the tallest first.
    return { layers, times, width, data: [times, ...stacked(layers).reverse()] as uPlot.AlignedData };
  }, [answer, state.by, theme]);

  const { start, end } = instants;
  const colors = shown.layers.map((l) => l.color).join();
  const options = useMemo(() => {
    const zoom = (a: number, b: number) => setRange(rangeOf(a * 1000, b * 1000));
    return chartOptions({
      colors: colors ? colors.split(',').reverse() : [],
      range: [start / 1000, end / 1000],
      width: shown.width,
      theme,
      zone,
      zoom,
      setHover,
      marks,
    });
  }, [colors, start, end, shown.width, theme, zone, setRange, marks]);
  useChart(host, answer ? options : undefined, shown.data);

  if (mistakeIn(error)) return null;
  if (error && !answer) return <ErrorNote error={error} retry={() => void refetch()} />;
  const from = hover === undefined ? undefined : shown.times[hover];
  return (
    <section className={classes.chart} aria-label="Volume over time">
      <div className={classes.head}>
        <h2 className={classes.title}>
          {state.scope.signal === 'logs' ? 'Log records' : 'Spans'} by
          <ByMenu state={state} />
        </h2>
        <Legend layers={shown.layers} state={state} at={hover} />
        <AlertNote firings={firings} />
        <span className={classes.when}>{from !== undefined && formatMoment(from * 1000, zone)}</span>
      </div>
      <div ref={host} className={classes.plot} aria-hidden="true">
        {!answer && <div className={`skeleton ${classes.waiting}`} />}
      </div>
    </section>
  );
}

function ByMenu({ state }: { state: SearchState }) {
  return (
    <Menu position="bottom-start" shadow="md">
      <Menu.Target>
        <button type="button" className={classes.by}>
          {state.by}
          <IconChevronDown size={12} aria-hidden="true" />
        </button>
      </Menu.Target>
      <Menu.Dropdown>
        {choices[state.scope.signal]?.map((field) => (
          <Menu.Item key={field} onClick={() => state.setBy(field)}>
            {field}
          </Menu.Item>
        ))}
      </Menu.Dropdown>
    </Menu>
  );
}

function Legend({ layers, state, at }: { layers: Layer[]; state: SearchState; at: number | undefined }) {
  return (
    <div className={classes.legend}>
      {layers.map((l) => {
        const { value } = l;
        const count = at === undefined ? l.total : (l.counts[at] ?? 0);
        const content = (
          <>
            <span className={classes.swatch} style={{ background: l.color }} aria-hidden="true" />
            {l.label} <span className={classes.count}>{formatCompact(count)}</span>
          </>
        );
        if (value === undefined) {
          return (
            <span key={l.label} className={classes.entry}>
              {content}
            </span>
          );
        }
        const on = filterOf(state.query, state.by, value) === 'in';
        return (
          <button
            key={l.label}
            type="button"
            className={classes.entry}
            aria-pressed={on}
            title={`${formatCount(count)} ${on ? '– click to show all' : '– click to show only these'}`}
            onClick={() => state.setQuery(setFilter(state.query, state.by, value, on ? 'none' : 'in'))}
          >
            {content}
          </button>
        );
      })}
    </div>
  );
}

interface ChartFacts {
  colors: string[];
  range: [number, number];
  width: number;
  theme: 'light' | 'dark';
  zone: 'local' | 'utc';
  zoom: (from: number, to: number) => void;
  setHover: (i: number | undefined) => void;
  marks: uPlot.Plugin;
}

function chartOptions({ colors, range, width, theme, zone, zoom, setHover, marks }: ChartFacts): Omit<uPlot.Options, 'width' | 'height'> {
  const bars = uPlot.paths.bars?.({ size: [0.86, 40], align: 1 });
  return {
    padding: [8, 8, 0, 0],
    plugins: [marks],
    legend: { show: false },
    tzDate: zoneDate(zone),
    cursor: { y: false, points: { show: false }, drag: { x: true, y: false, setScale: false, dist: 4 } },
    scales: {
      x: { time: true, range: () => range },
      y: { range: (_u, _min, max) => [0, Math.max(max * 1.05, 1)] },
    },
    axes: [timeAxis(theme, zone), valueAxis(theme, (splits) => splits.map((n) => (Number.isInteger(n) ? formatCompact(n) : '')))],
    series: [
      {},
      ...colors.map<uPlot.Series>((color) => ({ fill: color, width: 0, points: { show: false }, ...(bars ? { paths: bars } : {}) })),
    ],
    hooks: {
      setSelect: [
        (u) => {
          if (u.select.width < 2) return;
          zoom(u.posToVal(u.select.left, 'x'), u.posToVal(u.select.left + u.select.width, 'x'));
          u.setSelect({ left: 0, top: 0, width: 0, height: 0 }, false);
        },
      ],
      setCursor: [
        (u) => {
          const left = u.cursor.left ?? -1;
          const first = u.data[0][0];
          if (left < 0 || first === undefined) return setHover(undefined);
          const i = Math.floor((u.posToVal(left, 'x') - first) / width);
          setHover(i >= 0 && i < u.data[0].length ? i : undefined);
        },
      ],
    },
  };
}

// A chart of a host's metrics. All charts of the page share their cursor, and dragging in one zooms them all.
import { useMemo, useRef, useState } from 'react';
import type uPlot from 'uplot';
import { useSequences } from '@/api/hosts';
import { gutter, timeAxis, valueAxis, zoneDate } from '@/components/chart';
import { ErrorNote } from '@/components/ErrorNote';
import { useChart } from '@/components/useChart';
import { lineColor, type Theme } from '@/logic/color';
import { formatMoment, type Zone } from '@/logic/format';
import { formatUnit, type HostChartSpec, type Line, latelyOf, leastOf, linesOf, rateSpan, stackedOf, windowOf } from '@/logic/hosts/charts';
import { rangeOf } from '@/logic/timerange';
import { useTheme } from '@/state/theme';
import { useTime } from '@/state/time';
import classes from './hosts.module.css';

const pointsMax = 240;
const linesMax = 8;
/** Charts with this key move their cursors together. */
const syncKey = 'host';

export default function HostChart({ spec, host, agent }: { spec: HostChartSpec; host: string; agent: boolean }) {
  const { instants, zone, setRange } = useTime();
  const theme = useTheme();
  const element = useRef<HTMLDivElement>(null);
  const window = windowOf(instants, pointsMax);
  const { data: answer, error, refetch } = useSequences(spec.query(host, rateSpan(window.step, agent), latelyOf(agent)), window);
  const [hover, setHover] = useState<number>();

  const shown = useMemo(() => {
    const { lines, more } = linesOf(spec, answer?.series ?? [], linesMax);
    const times = Array.from({ length: answer?.points ?? 0 }, (_, i) => ((answer?.start ?? 0) + i * (answer?.step ?? 1)) / 1000);
    const values = spec.stacked ? stackedOf(lines) : lines.map((l) => l.values);
    // The sum of all is painted first, what lies below it over it.
    return { lines, more, times, data: [times, ...(spec.stacked ? values.toReversed() : values)] as uPlot.AlignedData };
  }, [spec, answer]);

  const { start, end } = instants;
  const count = shown.lines.length;
  const options = useMemo(() => {
    const zoom = (a: number, b: number) => setRange(rangeOf(a * 1000, b * 1000));
    return chartOptions({ spec, count, range: [start / 1000, end / 1000], theme, zone, zoom, setHover });
  }, [spec, count, start, end, theme, zone, setRange]);
  useChart(element, count > 0 ? options : undefined, shown.data);

  const at = hover === undefined ? undefined : shown.times[hover];
  return (
    <section className={classes.chart} aria-label={spec.title}>
      <div className={classes.chartHead}>
        <h2>{spec.title}</h2>
        <span className={classes.when}>{at !== undefined && formatMoment(at * 1000, zone)}</span>
      </div>
      {error && !answer ? (
        <ErrorNote error={error} retry={() => void refetch()} />
      ) : (
        <div ref={element} className={classes.plot} aria-hidden="true">
          {!answer && <div className={`skeleton ${classes.plotWaiting}`} />}
          {answer && count === 0 && <p className={classes.none}>No such metrics in this time</p>}
        </div>
      )}
      <Legend spec={spec} lines={shown.lines} more={shown.more} at={hover} theme={theme} />
    </section>
  );
}

interface LegendProps {
  spec: HostChartSpec;
  lines: Line[];
  more: number;
  at: number | undefined;
  theme: Theme;
}

/** The lines' names, with their values under the cursor or else their last ones. */
function Legend({ spec, lines, more, at, theme }: LegendProps) {
  return (
    <ul className={classes.legend}>
      {lines.map((l, i) => {
        const value = at === undefined ? l.values.findLast((v) => v !== null) : l.values[at];
        return (
          <li key={l.name}>
            <span className={classes.swatch} style={{ background: lineColor(i, theme) }} aria-hidden="true" />
            <span className={classes.lineName} title={l.name}>
              {l.name}
            </span>{' '}
            <span className={classes.number}>{formatUnit(value ?? Number.NaN, spec.unit)}</span>
          </li>
        );
      })}
      {more > 0 && <li className={classes.soft}>and {more} smaller</li>}
    </ul>
  );
}

interface ChartFacts {
  spec: HostChartSpec;
  count: number;
  range: [number, number];
  theme: Theme;
  zone: Zone;
  zoom: (from: number, to: number) => void;
  setHover: (i: number | undefined) => void;
}

function chartOptions({ spec, count, range, theme, zone, zoom, setHover }: ChartFacts): Omit<uPlot.Options, 'width' | 'height'> {
  const colors = Array.from({ length: count }, (_, i) => lineColor(i, theme));
  if (spec.stacked) colors.reverse();
  const ground = theme === 'dark' ? '#11151b' : '#ffffff';
  const whole = spec.unit === 'share';
  return {
    padding: [8, 10, 0, gutter > 0 ? 4 : 0],
    legend: { show: false },
    tzDate: zoneDate(zone),
    cursor: { y: false, sync: { key: syncKey }, points: { show: false }, drag: { x: true, y: false, setScale: false, dist: 4 } },
    scales: {
      x: { time: true, range: () => range },
      y: { range: (_u, _min, max) => [0, whole ? 1 : Math.max((max ?? 0) * 1.05, leastOf[spec.unit])] },
    },
    axes: [
      timeAxis(theme, zone),
      { ...valueAxis(theme, (splits) => splits.map((n) => formatUnit(n, spec.unit).replace('/s', ''))), size: 58 },
    ],
    series: [
      {},
      ...colors.map<uPlot.Series>((color) =>
        // In a stack each area covers those that reach above it; without the ground below it they would shine through.
        spec.stacked
          ? { stroke: ground, width: 1, fill: color, points: { show: false } }
          : { stroke: color, width: 1.5, points: { size: 4, fill: color } },
      ),
    ],
    hooks: {
      setSelect: [
        (u) => {
          if (u.select.width < 2) return;
          zoom(u.posToVal(u.select.left, 'x'), u.posToVal(u.select.left + u.select.width, 'x'));
          u.setSelect({ left: 0, top: 0, width: 0, height: 0 }, false);
        },
      ],
      setCursor: [(u) => setHover(u.cursor.idx ?? undefined)],
    },
  };
}

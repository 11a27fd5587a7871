// A chart of a host's metrics. All charts of the page share their cursor, and dragging in one zooms them all.
import { useMemo, useRef, useState } from 'react';
import type uPlot from 'uplot';
import { useSequences } from '@/api/hosts';
import { ErrorNote } from '@/components/ErrorNote';
import { lineChart } from '@/components/lineChart';
import { useAlertMarks } from '@/components/useAlertMarks';
import { useChart } from '@/components/useChart';
import { lineColor, type Theme } from '@/logic/color';
import { formatMoment } from '@/logic/format';
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
  const { plugin: marks } = useAlertMarks(instants, { host_name: host });
  const options = useMemo(() => {
    const colors = Array.from({ length: count }, (_, i) => lineColor(i, theme));
    return lineChart({
      colors: spec.stacked ? colors.reverse() : colors,
      stacked: spec.stacked,
      range: [start / 1000, end / 1000],
      theme,
      zone,
      bounds: (_min, max) => [0, spec.unit === 'share' ? 1 : Math.max(max * 1.05, leastOf[spec.unit])],
      label: (n) => formatUnit(n, spec.unit).replace('/s', ''),
      axisWidth: 58,
      sync: syncKey,
      zoom: (a, b) => setRange(rangeOf(a * 1000, b * 1000)),
      setHover,
      plugins: [marks],
    });
  }, [spec, count, start, end, theme, zone, setRange, marks]);
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

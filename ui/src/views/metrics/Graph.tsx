// The graph of all queries: lines, the alerts of the time, and the measurements that have a trace. It is loaded after the page, with uPlot.
import { useMemo, useRef, useState } from 'react';
import type uPlot from 'uplot';
import { useLocation } from 'wouter';
import type { Exemplar } from '@/api/promql';
import { AlertNote } from '@/components/AlertNote';
import { lineChart } from '@/components/lineChart';
import { useAlertMarks } from '@/components/useAlertMarks';
import { useChart } from '@/components/useChart';
import { lineColor } from '@/logic/color';
import { formatMoment } from '@/logic/format';
import { stackedOf } from '@/logic/hosts/charts';
import { formatValue } from '@/logic/metrics/series';
import { rangeOf } from '@/logic/timerange';
import { traceHref } from '@/logic/traceid';
import { useTheme } from '@/state/theme';
import { useTime } from '@/state/time';
import { exemplarDots } from './exemplarDots';
import type { Lines } from './lines';
import classes from './metrics.module.css';

interface Props {
  shown: Lines;
  stacked: boolean;
  /** The keys of lines that the legend leaves out. */
  only: ReadonlySet<string>;
  exemplars: readonly Exemplar[];
  onHover: (i: number | undefined) => void;
}

const axisWidth = 62;

export default function Graph({ shown, stacked, only, exemplars, onHover }: Props) {
  const { instants, zone, setRange } = useTime();
  const theme = useTheme();
  const [, navigate] = useLocation();
  const element = useRef<HTMLDivElement>(null);
  const [hover, setHover] = useState<number>();
  const [dot, setDot] = useState<Exemplar>();
  const { firings, plugin: marks } = useAlertMarks(instants);

  const { start, step, points } = shown;
  const drawn = useMemo(
    () => shown.lines.map((line, i) => ({ line, i })).filter(({ line }) => only.size === 0 || only.has(line.key)),
    [shown, only],
  );
  const data = useMemo(() => {
    const times = Array.from({ length: points }, (_, i) => (start + i * step) / 1000);
    const values = stacked ? stackedOf(drawn.map(({ line }) => line)) : drawn.map(({ line }) => line.values);
    return [times, ...(stacked ? values.toReversed() : values)] as uPlot.AlignedData;
  }, [drawn, stacked, start, step, points]);

  const colors = drawn.map(({ i }) => lineColor(i, theme)).join();
  const unit = drawn.every(({ line }) => line.unit === drawn[0]?.line.unit) ? (drawn[0]?.line.unit ?? 'none') : 'none';
  const options = useMemo(() => {
    const own = colors.split(',').filter(Boolean);
    const open = (e: Exemplar) => navigate(traceHref(e.traceId, zone, e.spanId));
    return lineChart({
      colors: stacked ? own.toReversed() : own,
      stacked,
      range: [instants.start / 1000, instants.end / 1000],
      theme,
      zone,
      bounds: boundsOf,
      label: (v) => formatValue(v, unit),
      axisWidth,
      zoom: (a, b) => setRange(rangeOf(a * 1000, b * 1000)),
      setHover: (i) => {
        setHover(i);
        onHover(i);
      },
      plugins: [marks, exemplarDots(exemplars, theme, open, setDot)],
    });
  }, [colors, stacked, instants, theme, zone, unit, setRange, onHover, marks, exemplars, navigate]);
  useChart(element, options, data);

  return (
    <section className={classes.graph} aria-label="Graph">
      <div className={classes.graphHead}>
        <AlertNote firings={firings} />
        <span className={classes.when}>
          {dot
            ? `trace ${dot.traceId.slice(0, 8)}… · ${formatValue(dot.value, unit)} · ${formatMoment(dot.at, zone)} – click to open`
            : hover !== undefined && formatMoment(start + hover * step, zone)}
        </span>
      </div>
      <div ref={element} className={classes.plot} aria-hidden="true" />
    </section>
  );
}

/** Values near nothing are shown from nothing on; others fill the height. */
function boundsOf(min: number, max: number): [number, number] {
  if (min === max) return min === 0 ? [0, 1] : min > 0 ? [0, max * 1.2] : [min * 1.2, 0];
  const room = (max - min) * 0.05;
  if (min >= 0 && min < max * 0.8) return [0, max + room];
  return [min - room, max + room];
}

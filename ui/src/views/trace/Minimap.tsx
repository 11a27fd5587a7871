// The whole trace in a strip, with the window that the timeline shows. Drag over it for another window, drag the window to move it, drag its
// edges to widen it, double-click for all.
import { type PointerEvent, useEffect, useMemo, useRef } from 'react';
import { useSize } from '@/components/useSize';
import { firingText } from '@/logic/alerts/firings';
import type { Theme } from '@/logic/color';
import { formatDuration } from '@/logic/format';
import { minimapPixels } from '@/logic/trace/minimap';
import { clampWindow, isWhole, ticks, toTime, toX, type Window } from '@/logic/trace/scale';
import { fitCanvas } from './canvas';
import { inks, pixelOf } from './inks';
import classes from './trace.module.css';
import type { Actions } from './useActions';
import { useTraceFirings } from './useTraceFirings';
import type { TraceView } from './useTraceView';

interface Props {
  view: TraceView;
  raw: boolean;
  actions: Actions;
  theme: Theme;
}

type Grip = { kind: 'new' | 'move' | 'from' | 'to'; at: number; window: Window };

const edge = 5; // pixels around an edge that grip it

export function Minimap({ view, raw, actions, theme }: Props) {
  const box = useRef<HTMLDivElement>(null);
  const canvas = useRef<HTMLCanvasElement>(null);
  const grip = useRef<Grip | null>(null);
  const { width, height } = useSize(box);
  const { trace, whole, window: shown, colors } = view;
  const { firings, start } = useTraceFirings(trace);

  const pixels = useMemo(() => {
    const ratio = window.devicePixelRatio || 1;
    const w = Math.round(width * ratio);
    const h = Math.round(height * ratio);
    if (w === 0 || h === 0) return null;
    const data = minimapPixels(trace, whole, w, h, raw, {
      service: Uint32Array.from(colors, (c) => pixelOf(c)),
      error: pixelOf(inks[theme].error),
    });
    return new ImageData(new Uint8ClampedArray(data.buffer as ArrayBuffer), w, h);
  }, [trace, whole, raw, width, height, colors, theme]);

  useEffect(() => {
    if (!canvas.current || !pixels) return;
    fitCanvas(canvas.current, width, height)?.putImageData(pixels, 0, 0);
  }, [pixels, width, height]);

  const x0 = toX(whole, width, shown.from);
  const x1 = toX(whole, width, shown.to);
  const everything = isWhole(shown, whole);

  const gripAt = (x: number): Grip['kind'] => {
    if (everything) return 'new';
    if (Math.abs(x - x0) <= edge) return 'from';
    if (Math.abs(x - x1) <= edge) return 'to';
    return x > x0 && x < x1 ? 'move' : 'new';
  };
  const xOf = (e: PointerEvent) => Math.min(width, Math.max(0, e.clientX - e.currentTarget.getBoundingClientRect().left));
  const onMove = (e: PointerEvent<HTMLDivElement>) => {
    const x = xOf(e);
    const g = grip.current;
    if (!g) {
      e.currentTarget.style.cursor = { new: 'crosshair', move: 'grab', from: 'ew-resize', to: 'ew-resize' }[gripAt(x)];
      return;
    }
    const by = toTime(whole, width, x) - toTime(whole, width, g.at);
    const time = toTime(whole, width, x);
    if (g.kind === 'move') return actions.show(clampWindow({ from: g.window.from + by, to: g.window.to + by }, whole));
    const fixed = g.kind === 'from' ? g.window.to : g.kind === 'to' ? g.window.from : toTime(whole, width, g.at);
    if (g.kind === 'new' && Math.abs(x - g.at) < 4) return;
    actions.show({ from: Math.min(fixed, time), to: Math.max(fixed, time) });
  };

  const labels = useMemo(() => ticks(whole, 6).filter((t) => t > whole.from), [whole]);

  return (
    <div
      ref={box}
      className={classes.minimap}
      role="slider"
      aria-label="Times in view"
      aria-valuemin={0}
      aria-valuemax={100}
      aria-valuenow={Math.round(((shown.from - whole.from) / (whole.to - whole.from)) * 100)}
      aria-valuetext={everything ? 'all' : `${formatDuration(shown.from)} to ${formatDuration(shown.to)}`}
      tabIndex={0}
      onPointerDown={(e) => {
        if (e.button !== 0) return;
        e.currentTarget.setPointerCapture(e.pointerId);
        grip.current = { kind: gripAt(xOf(e)), at: xOf(e), window: shown };
      }}
      onPointerMove={onMove}
      onPointerUp={() => {
        grip.current = null;
      }}
      onDoubleClick={() => actions.show(whole)}
      onKeyDown={(e) => {
        if (e.key === 'ArrowLeft') actions.pan(e.shiftKey ? -0.5 : -0.1);
        else if (e.key === 'ArrowRight') actions.pan(e.shiftKey ? 0.5 : 0.1);
        else if (e.key === 'ArrowUp') actions.zoom(0.5);
        else if (e.key === 'ArrowDown') actions.zoom(2);
        else return;
        e.preventDefault();
      }}
    >
      <canvas ref={canvas} />
      {labels.map((t) => (
        <span key={t} className={classes.minimapTick} style={{ left: toX(whole, width, t) }} aria-hidden="true">
          {toX(whole, width, t) < width - 50 ? formatDuration(t) : ''}
        </span>
      ))}
      {firings.map((f) => {
        const from = f.before ? whole.from : (f.from - start) * 1e6;
        const to = f.to === undefined ? whole.to : (f.to - start) * 1e6;
        const [left, right] = [Math.max(0, toX(whole, width, from)), Math.min(width, toX(whole, width, to))];
        if (right <= 0 || left >= width) return null;
        return (
          <div
            key={`${firingText(f)} ${f.from}`}
            className={classes.minimapAlert}
            style={{ left, width: Math.max(2, right - left) }}
            title={firingText(f)}
          />
        );
      })}
      {!everything && (
        <>
          <div className={classes.outside} style={{ left: 0, width: Math.max(0, x0) }} />
          <div className={classes.outside} style={{ left: x1, right: 0 }} />
          <div className={classes.edge} style={{ left: x0 - 1 }} />
          <div className={classes.edge} style={{ left: x1 - 1 }} />
        </>
      )}
    </div>
  );
}

// The timeline: a canvas that stays in view inside of a scrolled box, and draws the rows that are there. Beside the canvas stands what a screen
// reader reads: the rows around the selected one as items of a tree.
import { type PointerEvent, type RefObject, useEffect, useLayoutEffect, useMemo, useRef, useState } from 'react';
import { useSize } from '@/components/useSize';
import type { Theme } from '@/logic/color';
import { hitTest, layOut, rowHeight, rowsInView } from '@/logic/trace/bars';
import type { TraceState } from '@/logic/trace/location';
import { ticks, toTime } from '@/logic/trace/scale';
import { Axis } from './Axis';
import { fitCanvas } from './canvas';
import { paintWaterfall } from './paintWaterfall';
import { RowItems, rowItemId } from './RowItems';
import { RowTip } from './RowTip';
import { Splitter, useSplit } from './Splitter';
import classes from './trace.module.css';
import type { Actions } from './useActions';
import type { TraceView } from './useTraceView';

interface Props {
  view: TraceView;
  state: TraceState;
  actions: Actions;
  theme: Theme;
  scroller: RefObject<HTMLDivElement | null>;
}

interface Drag {
  from: number;
  to: number;
}

const dragMin = 4; // pixels; less is a click
const ticksEvery = 130; // pixels

export function Waterfall({ view, state, actions, theme, scroller }: Props) {
  const { trace, rows } = view;
  const canvas = useRef<HTMLCanvasElement>(null);
  const size = useSize(scroller);
  const split = useSplit('clew.trace.labels', 0.34);
  const labelWidth = Math.round(Math.min(Math.max(split.share * size.width, 160), Math.max(160, size.width - 240)));
  const timeWidth = Math.max(1, size.width - labelWidth);
  const [hovered, setHovered] = useState<{ row: number; x: number; y: number } | null>(null);
  const [drag, setDrag] = useState<Drag | null>(null);
  const dragFrom = useRef<number | null>(null);
  const at = useMemo(() => ticks(view.window, Math.max(2, Math.floor(timeWidth / ticksEvery))), [view.window, timeWidth]);

  const barsNow = () => {
    const top = scroller.current?.scrollTop ?? 0;
    const { first, last } = rowsInView(rows.count, top, size.height);
    return layOut(trace, rows, first, last, view.window, timeWidth, state.raw);
  };

  const paint = () => {
    if (!canvas.current || !scroller.current || size.width === 0) return;
    const ctx = fitCanvas(canvas.current, size.width, size.height);
    if (!ctx) return;
    paintWaterfall(ctx, {
      ...view,
      bars: barsNow(),
      ticks: at,
      raw: state.raw,
      logs: state.logs,
      hovered: hovered?.row ?? -1,
      drag,
      scrollTop: scroller.current.scrollTop,
      ...size,
      labelWidth,
      theme,
    });
  };
  const latestPaint = useRef(paint);
  useLayoutEffect(() => {
    latestPaint.current = paint;
    paint();
  });

  useEffect(() => {
    const box = scroller.current;
    if (!box) return;
    let frame = 0;
    const onScroll = () => {
      if (frame) return;
      frame = requestAnimationFrame(() => {
        frame = 0;
        latestPaint.current();
      });
    };
    box.addEventListener('scroll', onScroll, { passive: true });
    return () => {
      box.removeEventListener('scroll', onScroll);
      cancelAnimationFrame(frame);
    };
  }, [scroller]);

  useWheelZoom(scroller, actions, view, labelWidth, timeWidth);
  useSelectedInView(scroller, view.selected, size.height);

  const point = (e: PointerEvent) => {
    const box = e.currentTarget.getBoundingClientRect();
    return { x: e.clientX - box.left, y: e.clientY - box.top };
  };
  const hitOf = (e: PointerEvent) =>
    hitTest(trace, rows, { ...point(e), scrollTop: scroller.current?.scrollTop ?? 0, labelWidth, bars: barsNow() });

  const onMove = (e: PointerEvent) => {
    const { x, y } = point(e);
    if (dragFrom.current !== null) {
      const to = Math.min(Math.max(0, x - labelWidth), timeWidth);
      if (drag || Math.abs(to - dragFrom.current) >= dragMin) setDrag({ from: dragFrom.current, to });
      return;
    }
    const hit = hitOf(e);
    setHovered(hit ? { row: hit.row, x, y } : null);
  };
  const onDown = (e: PointerEvent) => {
    if (e.button !== 0) return;
    const { x } = point(e);
    if (x >= labelWidth) {
      dragFrom.current = x - labelWidth;
      e.currentTarget.setPointerCapture(e.pointerId);
    }
  };
  const onUp = (e: PointerEvent) => {
    dragFrom.current = null;
    if (drag) {
      const [from, to] = [Math.min(drag.from, drag.to), Math.max(drag.from, drag.to)];
      setDrag(null);
      return actions.show({ from: toTime(view.window, timeWidth, from), to: toTime(view.window, timeWidth, to) });
    }
    const hit = e.button === 0 ? hitOf(e) : null;
    if (hit?.part === 'fold') actions.toggle(hit.row);
    else if (hit) actions.select(hit.row, true);
  };

  return (
    <div className={classes.waterfall}>
      <Axis window={view.window} whole={view.whole} ticks={at} labelWidth={labelWidth} timeWidth={timeWidth} />
      <Splitter split={split} at={labelWidth} width={size.width} label="Width of the names" />
      <div
        ref={scroller}
        className={classes.scroller}
        role="tree"
        tabIndex={0}
        aria-label="Spans and log records of the trace"
        aria-activedescendant={rows.count > 0 ? rowItemId(Math.max(0, view.selected)) : undefined}
      >
        <div className={classes.tall} style={{ height: Math.max(rows.count * rowHeight, size.height) }}>
          <canvas
            ref={canvas}
            className={classes.sticky}
            onPointerMove={onMove}
            onPointerDown={onDown}
            onPointerUp={onUp}
            onPointerLeave={() => setHovered(null)}
            onDoubleClick={(e) => e.nativeEvent.offsetX >= labelWidth && actions.show(view.whole)}
          />
          <RowItems view={view} logs={state.logs} raw={state.raw} />
        </div>
      </div>
      {hovered && !drag && <RowTip view={view} row={hovered.row} x={hovered.x} y={hovered.y} within={size} raw={state.raw} />}
    </div>
  );
}

/** ctrl or cmd and the wheel zoom around the pointer; shift and the wheel pan. React's own wheel listeners cannot hold the page still. */
function useWheelZoom(
  scroller: RefObject<HTMLDivElement | null>,
  actions: Actions,
  view: TraceView,
  labelWidth: number,
  timeWidth: number,
) {
  const latest = useRef({ actions, view, labelWidth, timeWidth });
  useEffect(() => {
    latest.current = { actions, view, labelWidth, timeWidth };
  });
  useEffect(() => {
    const box = scroller.current;
    if (!box) return;
    const onWheel = (e: WheelEvent) => {
      const l = latest.current;
      if (e.ctrlKey || e.metaKey) {
        e.preventDefault();
        const x = e.clientX - box.getBoundingClientRect().left - l.labelWidth;
        l.actions.zoom(1.002 ** Math.max(-300, Math.min(300, e.deltaY)), toTime(l.view.window, l.timeWidth, Math.max(0, x)));
      } else if (e.shiftKey || Math.abs(e.deltaX) > Math.abs(e.deltaY)) {
        e.preventDefault();
        l.actions.pan((e.deltaX || e.deltaY) / l.timeWidth);
      }
    };
    box.addEventListener('wheel', onWheel, { passive: false });
    return () => box.removeEventListener('wheel', onWheel);
  }, [scroller]);
}

/** Scrolls so that the selected row is seen, when another one is selected, and when the box loses the height in which it was seen. */
function useSelectedInView(scroller: RefObject<HTMLDivElement | null>, selected: number, height: number) {
  const ready = height > 0;
  useLayoutEffect(() => {
    const box = scroller.current;
    if (!box || selected < 0 || !ready) return;
    const top = selected * rowHeight;
    if (top >= box.scrollTop && top + rowHeight <= box.scrollTop + box.clientHeight) return;
    const far = Math.abs(top - box.scrollTop) > 2 * box.clientHeight;
    if (far) box.scrollTop = top - box.clientHeight / 2;
    else box.scrollTop = top < box.scrollTop ? top - rowHeight : top + 2 * rowHeight - box.clientHeight;
  }, [scroller, selected, ready]);
  const before = useRef(height);
  // biome-ignore lint/correctness/useExhaustiveDependencies: a change of the height is meant, not one of the row
  useLayoutEffect(() => {
    const box = scroller.current;
    const seen = before.current;
    before.current = height;
    if (!box || selected < 0 || height >= seen) return;
    const bottom = (selected + 1) * rowHeight - box.scrollTop;
    if (bottom > height && bottom <= seen) box.scrollTop += bottom + rowHeight - height;
  }, [height]);
}

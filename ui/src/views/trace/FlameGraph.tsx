// The flame graph: where the time went, whenever it went there. A click fills the width with a box; its first span is one key away.
import { type PointerEvent, useEffect, useLayoutEffect, useMemo, useRef, useState } from 'react';
import { useSize } from '@/components/useSize';
import type { Theme } from '@/logic/color';
import { boxAt, type Flame, flameOf } from '@/logic/trace/flame';
import type { TraceState } from '@/logic/trace/location';
import { nodeOf, spanIdOf } from '@/logic/trace/model';
import { fitCanvas } from './canvas';
import { boxInWords, flameRow, flameWindow, paintFlame } from './paintFlame';
import classes from './trace.module.css';
import type { Update } from './useTraceState';
import type { TraceView } from './useTraceView';

interface Props {
  view: TraceView;
  state: TraceState;
  update: Update;
  theme: Theme;
}

export function FlameGraph({ view, state, update, theme }: Props) {
  const { trace, colors } = view;
  const flame = useMemo(() => flameOf(trace), [trace]);
  const box = useRef<HTMLDivElement>(null);
  const canvas = useRef<HTMLCanvasElement>(null);
  const size = useSize(box);
  const [hovered, setHovered] = useState(-1);
  const [selected, setSelected] = useState(0);
  const focus = useMemo(() => (state.focus ? flame.node.indexOf(nodeOf(trace, state.focus)) : -1), [flame, trace, state.focus]);
  const setFocus = (b: number) =>
    update({ focus: b < 0 || (flame.parent[b] as number) < 0 ? '' : spanIdOf(trace, flame.node[b] as number) }, 'push');
  const paint = () => {
    const ctx = canvas.current && size.width > 0 ? fitCanvas(canvas.current, size.width, size.height) : null;
    if (!ctx) return;
    paintFlame(ctx, { trace, flame, focus, selected, hovered, scrollTop: box.current?.scrollTop ?? 0, ...size, colors, theme });
  };
  const latest = useRef(paint);
  useLayoutEffect(() => {
    latest.current = paint;
    paint();
  });
  useEffect(() => {
    const element = box.current;
    const onScroll = () => requestAnimationFrame(() => latest.current());
    element?.addEventListener('scroll', onScroll, { passive: true });
    return () => element?.removeEventListener('scroll', onScroll);
  }, []);

  const at = (e: PointerEvent) => {
    const r = e.currentTarget.getBoundingClientRect();
    const w = flameWindow(flame, focus);
    const depth = Math.floor((e.clientY - r.top + (box.current?.scrollTop ?? 0)) / flameRow);
    return boxAt(flame, depth, w.from + ((e.clientX - r.left) / size.width) * w.size);
  };
  const shown = hovered >= 0 ? hovered : selected;

  if (flame.count === 0) return <p className={classes.empty}>There are no spans.</p>;
  return (
    <div className={classes.flame}>
      <div className={classes.flameBar}>
        <span className={classes.flameWords}>{boxInWords(trace, flame, shown)}</span>
        <button
          type="button"
          className={classes.textButton}
          onClick={() => update({ view: 'timeline', ...spanOf(trace, flame, selected) }, 'push')}
        >
          show in the timeline
        </button>
        <button type="button" className={classes.textButton} disabled={focus < 0} onClick={() => setFocus(-1)}>
          show all
        </button>
      </div>
      <div
        ref={box}
        className={classes.scroller}
        role="tree"
        tabIndex={0}
        aria-label="Flame graph: boxes are as wide as the time that spans and what they call took themselves"
        aria-activedescendant="trace-flame-box"
        onKeyDown={(e) => {
          if (e.key === 'Enter') setFocus(selected);
          else if (e.key === 'Escape' && focus >= 0) setFocus(-1);
          else {
            const next = neighbour(flame, selected, e.key);
            if (next < 0) return;
            setSelected(next);
          }
          e.preventDefault();
          e.stopPropagation();
        }}
      >
        <div className={classes.tall} style={{ height: Math.max((flame.maxDepth + 1) * flameRow, size.height) }}>
          <canvas
            ref={canvas}
            className={classes.sticky}
            onPointerMove={(e) => setHovered(at(e))}
            onPointerLeave={() => setHovered(-1)}
            onClick={(e) => {
              const b = at(e as unknown as PointerEvent);
              if (b < 0) return;
              setSelected(b);
              setFocus(b);
            }}
          />
          <div className={classes.unseen}>
            <div id="trace-flame-box" role="treeitem" tabIndex={-1} aria-level={(flame.depth[selected] as number) + 1} aria-selected="true">
              {boxInWords(trace, flame, selected)}
            </div>
          </div>
        </div>
      </div>
    </div>
  );
}

function spanOf(trace: TraceView['trace'], f: Flame, box: number) {
  return { span: spanIdOf(trace, f.node[box] as number), log: '', detail: true };
}

/** The box that an arrow key leads to; -1 if there is none. */
function neighbour(f: Flame, box: number, key: string): number {
  if (key === 'ArrowUp') return f.parent[box] as number;
  if (key === 'ArrowDown') return f.parent.indexOf(box);
  if (key === 'ArrowRight') return f.parent.indexOf(f.parent[box] as number, box + 1);
  if (key === 'ArrowLeft' && box > 0) return f.parent.lastIndexOf(f.parent[box] as number, box - 1);
  return -1;
}

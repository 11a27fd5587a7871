// Dots of a graph that open traces. A dot stands at its value, and where that is outside of the axis (a query may ask for something else than what
// was measured) at the edge.
import type uPlot from 'uplot';
import type { Exemplar } from '@/api/promql';
import type { Theme } from '@/logic/color';

const dotsMax = 150;
const radius = 4; // pixels
const reach = 9; // a pointer so near is on it
const ink: Record<Theme, { fill: string; line: string }> = {
  light: { fill: '#f5b700', line: '#5f4700' },
  dark: { fill: '#ffd24d', line: '#11151b' },
};

interface Dot {
  x: number; // pixels of the plot
  y: number;
  of: Exemplar;
}

/** Of too many those with the greatest values: it is the slow that one looks for. */
export function chosenDots(all: readonly Exemplar[], most = dotsMax): Exemplar[] {
  return all.length <= most ? [...all] : all.toSorted((a, b) => b.value - a.value).slice(0, most);
}

export function exemplarDots(
  all: readonly Exemplar[],
  theme: Theme,
  open: (e: Exemplar) => void,
  setHover: (e: Exemplar | undefined) => void,
): uPlot.Plugin {
  const chosen = chosenDots(all);
  let dots: Dot[] = [];
  let on: Dot | undefined;
  const at = (u: uPlot): Dot | undefined => {
    const { left = -1, top = -1 } = u.cursor;
    if (left < 0 || top < 0) return undefined;
    let near: Dot | undefined;
    let least = reach * reach;
    for (const d of dots) {
      const distance = (d.x - left) ** 2 + (d.y - top) ** 2;
      if (distance < least) [near, least] = [d, distance];
    }
    return near;
  };
  return {
    hooks: {
      ready: (u) => {
        u.over.addEventListener('click', () => {
          const dot = at(u);
          if (dot) open(dot.of);
        });
      },
      draw: (u) => {
        const ratio = window.devicePixelRatio || 1;
        const { ctx, bbox } = u;
        const height = bbox.height / ratio;
        dots = [];
        for (const e of chosen) {
          const x = u.valToPos(e.at / 1000, 'x');
          if (x < 0 || x > bbox.width / ratio) continue;
          dots.push({ x, y: Math.min(height - radius, Math.max(radius, u.valToPos(e.value, 'y'))), of: e });
        }
        ctx.save();
        ctx.fillStyle = ink[theme].fill;
        ctx.strokeStyle = ink[theme].line;
        ctx.lineWidth = ratio;
        for (const d of dots) {
          ctx.beginPath();
          ctx.arc(bbox.left + d.x * ratio, bbox.top + d.y * ratio, radius * ratio, 0, 2 * Math.PI);
          ctx.fill();
          ctx.stroke();
        }
        ctx.restore();
      },
      setCursor: (u) => {
        const dot = at(u);
        if (dot?.of === on?.of) return;
        on = dot;
        u.over.style.cursor = dot ? 'pointer' : '';
        setHover(dot?.of);
      },
    },
  };
}

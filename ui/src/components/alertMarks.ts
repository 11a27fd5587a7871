// Alerts on a time axis: a line where one fired, and a band along the top for as long as it did. Where many fired the lines are short, or they would
// hide what they are about.
import type uPlot from 'uplot';
import type { Theme } from '@/logic/color';

/** When an alert fired, in seconds; without an end it still does. */
export interface AlertMark {
  from: number;
  to: number | undefined;
  /** It fired before the axis begins. */
  before: boolean;
}

export const alertInk: Record<Theme, string> = { light: '#b4184e', dark: '#ff7a9c' };
const bandHeight = 3; // pixels
const longLinesMax = 6;
const shortLine = 10;

export function alertMarks(marks: readonly AlertMark[], theme: Theme): uPlot.Plugin {
  return {
    hooks: {
      draw: (u) => {
        if (marks.length === 0) return;
        const { ctx, bbox } = u;
        const ratio = window.devicePixelRatio || 1;
        ctx.save();
        ctx.beginPath();
        ctx.rect(bbox.left, bbox.top, bbox.width, bbox.height);
        ctx.clip();
        ctx.fillStyle = alertInk[theme];
        ctx.strokeStyle = alertInk[theme];
        ctx.lineWidth = ratio;
        ctx.setLineDash([3 * ratio, 3 * ratio]);
        const down = marks.filter((m) => !m.before).length > longLinesMax ? shortLine * ratio : bbox.height;
        for (const m of marks) {
          const x0 = m.before ? bbox.left : u.valToPos(m.from, 'x', true);
          const x1 = m.to === undefined ? bbox.left + bbox.width : u.valToPos(m.to, 'x', true);
          ctx.fillRect(x0, bbox.top, Math.max(2 * ratio, x1 - x0), bandHeight * ratio);
          if (m.before) continue;
          ctx.beginPath();
          ctx.moveTo(Math.round(x0) + 0.5, bbox.top);
          ctx.lineTo(Math.round(x0) + 0.5, bbox.top + down);
          ctx.stroke();
        }
        ctx.restore();
      },
    },
  };
}

// Draws the flame graph: what fits, and only what can be seen.
import type { Theme } from '@/logic/color';
import { formatDuration, formatPercent } from '@/logic/format';
import type { Flame } from '@/logic/trace/flame';
import type { Trace } from '@/logic/trace/model';
import { inkOn, inks } from './inks';

export const flameRow = 22;

export interface FlamePicture {
  trace: Trace;
  flame: Flame;
  /** The box that fills the width; -1: everything does. */
  focus: number;
  selected: number;
  hovered: number;
  scrollTop: number;
  width: number;
  height: number;
  colors: readonly string[];
  theme: Theme;
}

/** The times that fill the width: those of the focused box, or all. */
export function flameWindow(f: Flame, focus: number): { from: number; size: number } {
  const all = { from: 0, size: Math.max(1, f.width) };
  return focus < 0 ? all : { from: f.x[focus] as number, size: Math.max(1, f.total[focus] as number) };
}

export function paintFlame(ctx: CanvasRenderingContext2D, p: FlamePicture) {
  const { flame: f, trace: t } = p;
  const ink = inks[p.theme];
  const w = flameWindow(f, p.focus);
  const scale = p.width / w.size;
  ctx.textBaseline = 'middle';
  for (let b = 0; b < f.count; b++) {
    const y = (f.depth[b] as number) * flameRow - p.scrollTop;
    if (y + flameRow < 0 || y > p.height) continue;
    const x0 = ((f.x[b] as number) - w.from) * scale;
    const x1 = x0 + (f.total[b] as number) * scale;
    if (x1 - x0 < 0.4 || x1 <= 0 || x0 >= p.width) continue;
    const left = Math.max(0, x0);
    const right = Math.min(p.width, x1);
    const color = f.missing[b] === 1 ? ink.faint : (p.colors[f.service[b] as number] as string);
    // What is wider than the focus leads to it: context, not content.
    ctx.globalAlpha = x0 < -1 || x1 > p.width + 1 ? 0.5 : 1;
    ctx.fillStyle = color;
    ctx.fillRect(left, y + 1, Math.max(0.6, right - left - 1), flameRow - 2);
    if ((f.errors[b] as number) > 0) {
      ctx.fillStyle = ink.error;
      ctx.fillRect(left, y + flameRow - 5, Math.max(0.6, right - left - 1), 3);
      ctx.fillStyle = ink.barEdge;
      ctx.fillRect(left, y + flameRow - 6, Math.max(0.6, right - left - 1), 1);
    }
    ctx.globalAlpha = 1;
    if (b === p.selected || b === p.hovered) {
      ctx.strokeStyle = ink.critical;
      ctx.lineWidth = b === p.selected ? 2 : 1;
      ctx.strokeRect(left + 1, y + 2, Math.max(1, right - left - 3), flameRow - 4);
    }
    if (right - left > 28) paintName(ctx, flameLabel(t, f, b, right - left), left, right, y, inkOn(color));
  }
}

function flameLabel(t: Trace, f: Flame, box: number, room: number): string {
  const service = t.services[f.service[box] as number] ?? '';
  const name = t.names[f.name[box] as number] ?? '';
  if (room < 200) return name;
  return `${service} ${name}`.trim();
}

function paintName(ctx: CanvasRenderingContext2D, text: string, left: number, right: number, y: number, color: string) {
  ctx.save();
  ctx.beginPath();
  ctx.rect(left, y, right - left - 4, flameRow);
  ctx.clip();
  ctx.font = '11px system-ui, -apple-system, "Segoe UI", Roboto, "Noto Sans", sans-serif';
  ctx.fillStyle = color;
  ctx.fillText(text, left + 5, y + flameRow / 2);
  ctx.restore();
}

/** A box in words. */
export function boxInWords(t: Trace, f: Flame, box: number): string {
  const total = f.total[box] as number;
  const spans = f.spans[box] as number;
  const errors = f.errors[box] as number;
  const parts = [
    `${t.services[f.service[box] as number] ?? ''} ${t.names[f.name[box] as number] ?? ''}`.trim(),
    `${formatDuration(total)} in all (${formatPercent(total / Math.max(1, f.width))})`,
    `${formatDuration(f.self[box] as number)} itself`,
    `${spans} ${spans === 1 ? 'span' : 'spans'}`,
  ];
  if (errors > 0) parts.push(`${errors} ${errors === 1 ? 'error' : 'errors'}`);
  if (f.missing[box] === 1) parts.push('not received');
  return parts.join(', ');
}

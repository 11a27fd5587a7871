// Draws the rows in view. What is where was decided in logic/trace; this only puts ink there.
import { severityClass, severityColor, type Theme } from '@/logic/color';
import { formatDuration } from '@/logic/format';
import { type Bars, criticalPieces, indentOf, remark, rowHeight } from '@/logic/trace/bars';
import { type Found, isFound } from '@/logic/trace/find';
import { FlagDuplicate, FlagError, FlagEvents, FlagMissing, type Trace } from '@/logic/trace/model';
import { Context, hasBelow, isLog, logOf } from '@/logic/trace/rows';
import { toX, type Window } from '@/logic/trace/scale';
import { type Inks, inks } from './inks';
import { severityOf } from './words';

export interface Picture {
  trace: Trace;
  bars: Bars;
  folded: Uint8Array;
  filter: Uint8Array | null;
  found: Found | null;
  window: Window;
  ticks: readonly number[];
  raw: boolean;
  logs: boolean;
  selected: number;
  hovered: number;
  /** A time range being dragged, in pixels of the time area. */
  drag: { from: number; to: number } | null;
  scrollTop: number;
  width: number;
  height: number;
  labelWidth: number;
  colors: readonly string[];
  theme: Theme;
}

const font = 'system-ui, -apple-system, "Segoe UI", Roboto, "Noto Sans", sans-serif';
const mono = 'ui-monospace, SFMono-Regular, Menlo, Consolas, "Liberation Mono", monospace';
const barHeight = 12;

/** The text, or as much of it as there is room for. */
function fitText(ctx: CanvasRenderingContext2D, text: string, room: number): string {
  const width = ctx.measureText(text).width;
  if (width <= room) return text;
  const keep = Math.floor((text.length * (room - 10)) / width);
  return keep > 0 ? `${text.slice(0, keep)}…` : '';
}

export function paintWaterfall(ctx: CanvasRenderingContext2D, p: Picture) {
  const ink = inks[p.theme];
  ctx.textBaseline = 'middle';
  for (let k = 0; k < p.bars.count; k++) paintGround(ctx, p, ink, k);
  paintGrid(ctx, p, ink);

  ctx.save();
  ctx.beginPath();
  ctx.rect(0, 0, p.labelWidth - 6, p.height);
  ctx.clip();
  for (let k = 0; k < p.bars.count; k++) paintLabel(ctx, p, ink, k);
  ctx.restore();

  ctx.save();
  ctx.beginPath();
  ctx.rect(p.labelWidth, 0, p.width - p.labelWidth, p.height);
  ctx.clip();
  ctx.translate(p.labelWidth, 0);
  for (let k = 0; k < p.bars.count; k++) paintBar(ctx, p, ink, k);
  if (p.drag) {
    ctx.fillStyle = `${ink.selectedEdge}33`;
    ctx.fillRect(Math.min(p.drag.from, p.drag.to), 0, Math.abs(p.drag.to - p.drag.from), p.height);
  }
  ctx.restore();
}

const topOf = (p: Picture, k: number) => (p.bars.first + k) * rowHeight - p.scrollTop;

function paintGround(ctx: CanvasRenderingContext2D, p: Picture, ink: Inks, k: number) {
  const row = p.bars.row[k] as number;
  const at = p.bars.first + k;
  const found = p.found !== null && isFound(p.found, row);
  const fill = at === p.selected ? ink.selected : found ? ink.found : at === p.hovered ? ink.hover : null;
  const y = topOf(p, k);
  if (fill) {
    ctx.fillStyle = fill;
    ctx.fillRect(0, y, p.width, rowHeight);
  }
  if (at === p.selected || found) {
    ctx.fillStyle = at === p.selected ? ink.selectedEdge : ink.foundEdge;
    ctx.fillRect(0, y, 3, rowHeight);
  }
}

function paintGrid(ctx: CanvasRenderingContext2D, p: Picture, ink: Inks) {
  const height = Math.min(p.height, topOf(p, p.bars.count));
  ctx.fillStyle = ink.line;
  for (const t of p.ticks) {
    const x = Math.round(p.labelWidth + toX(p.window, p.width - p.labelWidth, t));
    if (x > p.labelWidth) ctx.fillRect(x, 0, 1, height);
  }
  ctx.fillRect(p.labelWidth - 1, 0, 1, p.height);
}

function paintLabel(ctx: CanvasRenderingContext2D, p: Picture, ink: Inks, k: number) {
  const row = p.bars.row[k] as number;
  const y = topOf(p, k);
  if (isLog(row)) return paintLogLabel(ctx, p, ink, logOf(row), y);
  const t = p.trace;
  const flags = t.flags[row] as number;
  const depth = t.depth[row] as number;
  const middle = y + rowHeight / 2;
  const x = indentOf(depth, t.maxDepth, p.labelWidth);
  paintGuides(ctx, p, ink, depth, y);
  ctx.globalAlpha = p.filter?.[row] === Context ? 0.45 : 1;
  if (hasBelow(t, row, p.logs)) paintChevron(ctx, ink, x + 11, middle, p.folded[row] === 1);
  const color = p.colors[t.service[row] as number] as string;
  let left = x + 22;
  if (flags & FlagMissing) {
    ctx.strokeStyle = ink.hatch;
    ctx.setLineDash([2, 2]);
    ctx.strokeRect(left + 0.5, middle - 5.5, 3, 11);
    ctx.setLineDash([]);
  } else {
    ctx.fillStyle = color;
    ctx.fillRect(left, middle - 6, 4, 12);
  }
  left += 10;
  if (flags & FlagError) left = paintErrorSign(ctx, ink, left, middle);
  const service = t.services[t.service[row] as number] as string;
  const style = flags & FlagMissing ? 'italic ' : '';
  if (service !== '' && !(flags & FlagMissing && (t.names[t.name[row] as number] ?? '').includes(service))) {
    ctx.font = `${style}600 12px ${font}`;
    ctx.fillStyle = flags & FlagMissing ? ink.soft : ink.text;
    ctx.fillText(service, left, middle);
    left += ctx.measureText(service).width + 6;
  }
  ctx.font = `${style}12px ${font}`;
  ctx.fillStyle = ink.soft;
  const name = fitText(ctx, t.names[t.name[row] as number] as string, p.labelWidth - 12 - left);
  ctx.fillText(name, left, middle);
  left += ctx.measureText(name).width + 6;
  const note = flags & (FlagMissing | FlagDuplicate) || flags & 4 ? remark(t, row) : flags & FlagEvents ? '◆' : '';
  if (note) {
    ctx.fillStyle = ink.faint;
    ctx.fillText(note === '◆' ? note : `(${note})`, left, middle);
    left += ctx.measureText(note).width + 14;
  }
  if (p.folded[row] === 1 && (t.end[row] as number) > row + 1) {
    ctx.fillStyle = ink.faint;
    ctx.fillText(`+${(t.end[row] as number) - row - 1}`, left, middle);
  }
  ctx.globalAlpha = 1;
}

function paintGuides(ctx: CanvasRenderingContext2D, p: Picture, ink: Inks, depth: number, y: number) {
  ctx.fillStyle = ink.guide;
  const step = indentOf(1, p.trace.maxDepth, p.labelWidth);
  if (step < 4) return; // as a wall of lines they would tell nothing
  for (let d = 0; d < depth; d++) ctx.fillRect(Math.round(indentOf(d, p.trace.maxDepth, p.labelWidth)) + 11, y, 1, rowHeight);
}

function paintChevron(ctx: CanvasRenderingContext2D, ink: Inks, x: number, y: number, folded: boolean) {
  ctx.fillStyle = ink.soft;
  ctx.beginPath();
  if (folded) {
    ctx.moveTo(x - 2.5, y - 4.5);
    ctx.lineTo(x + 3.5, y);
    ctx.lineTo(x - 2.5, y + 4.5);
  } else {
    ctx.moveTo(x - 4.5, y - 2.5);
    ctx.lineTo(x + 4.5, y - 2.5);
    ctx.lineTo(x, y + 3.5);
  }
  ctx.fill();
}

/** A filled disc with "!": an error is told by its form too. Returns where to go on. */
function paintErrorSign(ctx: CanvasRenderingContext2D, ink: Inks, x: number, y: number): number {
  ctx.fillStyle = ink.error;
  ctx.beginPath();
  ctx.arc(x + 6, y, 6, 0, 2 * Math.PI);
  ctx.fill();
  ctx.fillStyle = ink.barEdge;
  ctx.fillRect(x + 5.25, y - 3.5, 1.5, 4.5);
  ctx.fillRect(x + 5.25, y + 2, 1.5, 1.5);
  return x + 17;
}

function paintLogLabel(ctx: CanvasRenderingContext2D, p: Picture, ink: Inks, log: number, y: number) {
  const t = p.trace;
  const node = t.logs.node[log] as number;
  const depth = node < 0 ? 0 : (t.depth[node] as number) + 1;
  paintGuides(ctx, p, ink, depth, y);
  let left = indentOf(depth, t.maxDepth, p.labelWidth) + 22;
  const severity = t.logs.severity[log] as number;
  ctx.font = `600 10px ${mono}`;
  ctx.fillStyle = severityColor[p.theme][severityClass(severity)];
  const word = severityOf(t, log) || 'LOG';
  ctx.fillText(word, left, y + rowHeight / 2);
  left += ctx.measureText(word).width + 7;
  ctx.font = `11px ${mono}`;
  ctx.fillStyle = ink.soft;
  ctx.fillText(fitText(ctx, oneLine(t.logs.body[log] as string), p.labelWidth - 12 - left), left, y + rowHeight / 2);
}

const oneLine = (s: string) => s.replace(/\s+/g, ' ');

function paintBar(ctx: CanvasRenderingContext2D, p: Picture, ink: Inks, k: number) {
  const row = p.bars.row[k] as number;
  const middle = topOf(p, k) + rowHeight / 2;
  const width = p.width - p.labelWidth;
  const x = p.bars.x[k] as number;
  if (isLog(row)) return paintLogMark(ctx, p, ink, logOf(row), x, middle);
  const t = p.trace;
  const flags = t.flags[row] as number;
  // What is far outside is cut off: canvases lose precision with huge coordinates.
  const left = Math.max(-10, x);
  const right = Math.min(width + 10, x + (p.bars.width[k] as number));
  ctx.globalAlpha = p.filter?.[row] === Context ? 0.3 : 1;
  if (right > left) {
    ctx.beginPath();
    ctx.roundRect(left, middle - barHeight / 2, right - left, barHeight, Math.min(2, (right - left) / 2));
    if (flags & FlagMissing) {
      paintHatch(ctx, ink, left, right, middle);
    } else {
      ctx.fillStyle = p.colors[t.service[row] as number] as string;
      ctx.fill();
    }
    if (flags & FlagError) {
      ctx.strokeStyle = ink.error;
      ctx.lineWidth = 2;
      ctx.stroke();
    }
  }
  if (right <= 0 || left >= width) paintElsewhere(ctx, ink, right <= 0, middle, width);
  const pieces = criticalPieces(t, row, p.window, width, p.raw);
  for (let i = 0; i < pieces.length; i += 2) paintCritical(ctx, ink, pieces[i] as number, pieces[i + 1] as number, middle, width);
  paintDuration(ctx, ink, formatDuration(t.duration[row] as number), left, right, middle, width);
  ctx.globalAlpha = 1;
}

/** A mark at the edge behind which a bar is that the window does not show. */
function paintElsewhere(ctx: CanvasRenderingContext2D, ink: Inks, before: boolean, middle: number, width: number) {
  const [tip, base] = before ? [4, 9] : [width - 4, width - 9];
  ctx.fillStyle = ink.faint;
  ctx.beginPath();
  ctx.moveTo(tip, middle);
  ctx.lineTo(base, middle - 4);
  ctx.lineTo(base, middle + 4);
  ctx.fill();
}

/** A line with a light edge along the lower part of the bar: what was waited for. */
function paintCritical(ctx: CanvasRenderingContext2D, ink: Inks, x: number, w: number, middle: number, width: number) {
  const left = Math.max(-10, x);
  const right = Math.min(width + 10, x + w);
  if (right <= left) return;
  ctx.fillStyle = ink.barEdge;
  ctx.fillRect(left, middle + 2, right - left, 5);
  ctx.fillStyle = ink.critical;
  ctx.fillRect(left, middle + 3, right - left, 3);
}

function paintHatch(ctx: CanvasRenderingContext2D, ink: Inks, left: number, right: number, middle: number) {
  ctx.save();
  ctx.strokeStyle = ink.hatch;
  ctx.lineWidth = 1;
  ctx.setLineDash([3, 2]);
  ctx.stroke();
  ctx.setLineDash([]);
  ctx.clip();
  ctx.beginPath();
  for (let x = Math.floor(left / 6) * 6 - barHeight; x < right; x += 6) {
    ctx.moveTo(x, middle + barHeight / 2);
    ctx.lineTo(x + barHeight, middle - barHeight / 2);
  }
  ctx.stroke();
  ctx.restore();
}

/** Beside the bar: right of it where there is room, else left, else inside. */
function paintDuration(ctx: CanvasRenderingContext2D, ink: Inks, text: string, left: number, right: number, middle: number, width: number) {
  if (right < 0 || left > width) return;
  ctx.font = `11px ${font}`;
  const room = ctx.measureText(text).width + 8;
  ctx.fillStyle = ink.soft;
  if (right + room < width) ctx.fillText(text, right + 5, middle + 0.5);
  else if (left - room > 0) ctx.fillText(text, left - room + 3, middle + 0.5);
  else {
    const at = Math.max(4, width - room - 4);
    ctx.fillStyle = ink.barEdge;
    ctx.beginPath();
    ctx.roundRect(at, middle - 6, room, 12, 3);
    ctx.fill();
    ctx.fillStyle = ink.text;
    ctx.fillText(text, at + 4, middle + 0.5);
  }
}

function paintLogMark(ctx: CanvasRenderingContext2D, p: Picture, ink: Inks, log: number, x: number, middle: number) {
  const width = p.width - p.labelWidth;
  if (x < -6 || x > width + 6) return;
  ctx.fillStyle = severityColor[p.theme][severityClass(p.trace.logs.severity[log] as number)];
  ctx.beginPath();
  ctx.moveTo(x, middle - 5);
  ctx.lineTo(x + 5, middle);
  ctx.lineTo(x, middle + 5);
  ctx.lineTo(x - 5, middle);
  ctx.fill();
  // Where the column of names is too narrow for the line, it stands beside its mark, on the side that has more room.
  const body = oneLine(p.trace.logs.body[log] as string);
  ctx.font = `11px ${mono}`;
  const length = ctx.measureText(body).width;
  const node = p.trace.logs.node[log] as number;
  const indent = indentOf(node < 0 ? 0 : (p.trace.depth[node] as number) + 1, p.trace.maxDepth, p.labelWidth);
  if (indent + 70 + length < p.labelWidth) return;
  ctx.fillStyle = ink.soft;
  if (x < width * 0.6) return ctx.fillText(fitText(ctx, body, width - x - 14), x + 10, middle + 0.5);
  const fits = fitText(ctx, body, x - 18);
  ctx.fillText(fits, x - 10 - ctx.measureText(fits).width, middle + 0.5);
}

// The whole trace in a strip of pixels. Many spans share a line of pixels; each line shows a sample of its spans, spread evenly, and every
// error, so that the strip costs the same for 1,000 spans and for 1,000,000.
import { FlagError, startOf, type Trace } from './model';
import type { Window } from './scale';

/** Spans drawn in a line of pixels, errors aside. */
const sampleMax = 12;

/** Colours as ABGR numbers, as ImageData holds them on little-endian machines. */
export interface MinimapColors {
  service: Uint32Array;
  error: number;
}

/** Paints the strip: width * height pixels, transparent where nothing ran. */
export function minimapPixels(t: Trace, whole: Window, width: number, height: number, raw: boolean, colors: MinimapColors): Uint32Array {
  const pixels = new Uint32Array(width * height);
  if (t.count === 0 || width <= 0 || height <= 0) return pixels;
  const perSpan = Math.max(1, Math.floor(height / t.count));
  const scale = width / (whole.to - whole.from);
  const draw = (node: number, color: number) => {
    const start = startOf(t, node, raw);
    const x0 = Math.min(width - 1, Math.max(0, Math.floor((start - whole.from) * scale)));
    const x1 = Math.min(width, Math.max(x0 + 1, Math.ceil((start + (t.duration[node] as number) - whole.from) * scale)));
    const y0 = Math.floor((node * height) / t.count);
    const y1 = Math.min(height, y0 + Math.max(1, Math.min(4, perSpan - 1)));
    for (let y = y0; y < y1; y++) pixels.fill(color, y * width + x0, y * width + x1);
  };
  const step = Math.max(1, Math.floor(t.count / (height * sampleMax)));
  for (let i = 0; i < t.count; i += step) draw(i, colors.service[t.service[i] as number] as number);
  for (let i = 0; i < t.count; i++) if ((t.flags[i] as number) & FlagError) draw(i, colors.error);
  return pixels;
}

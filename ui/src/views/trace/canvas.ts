// A canvas as sharp as the screen: its pixels are the device's, its coordinates those of the page.
import { type RefObject, useLayoutEffect, useState } from 'react';

/** Sizes a canvas and returns its context, scaled; null where there is nothing to draw on. */
export function fitCanvas(canvas: HTMLCanvasElement, width: number, height: number): CanvasRenderingContext2D | null {
  const ratio = window.devicePixelRatio || 1;
  const w = Math.max(1, Math.round(width * ratio));
  const h = Math.max(1, Math.round(height * ratio));
  if (canvas.width !== w || canvas.height !== h) {
    canvas.width = w;
    canvas.height = h;
    canvas.style.width = `${width}px`;
    canvas.style.height = `${height}px`;
  }
  const ctx = canvas.getContext('2d', { alpha: true });
  ctx?.setTransform(ratio, 0, 0, ratio, 0, 0);
  ctx?.clearRect(0, 0, width, height);
  return ctx;
}

export interface Size {
  width: number;
  height: number;
}

/** The inner size of an element (without scroll bars), also when it changes. */
export function useSize(ref: RefObject<HTMLElement | null>): Size {
  const [size, setSize] = useState<Size>({ width: 0, height: 0 });
  useLayoutEffect(() => {
    const e = ref.current;
    if (!e) return;
    const measure = () =>
      setSize((old) =>
        old.width === e.clientWidth && old.height === e.clientHeight ? old : { width: e.clientWidth, height: e.clientHeight },
      );
    measure();
    const observer = new ResizeObserver(measure);
    observer.observe(e);
    return () => observer.disconnect();
  }, [ref]);
  return size;
}

// The inner size of an element.
import { type RefObject, useLayoutEffect, useState } from 'react';

export interface Size {
  width: number;
  height: number;
}

/** Without scroll bars, and also when it changes. */
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

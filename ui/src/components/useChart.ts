// A uPlot chart in a React element: made anew when its options change, fitted when its element does, and given new data without either.
import { type RefObject, useEffect, useRef } from 'react';
import uPlot from 'uplot';

export function useChart(
  element: RefObject<HTMLElement | null>,
  options: Omit<uPlot.Options, 'width' | 'height'> | undefined,
  data: uPlot.AlignedData,
) {
  const chart = useRef<uPlot>(undefined);
  const latest = useRef(data);
  latest.current = data;

  useEffect(() => {
    const host = element.current;
    if (!host || !options) return;
    const size = () => ({ width: host.clientWidth, height: host.clientHeight });
    const made = new uPlot({ ...options, ...size() }, latest.current, host);
    chart.current = made;
    const observer = new ResizeObserver(() => {
      const { width, height } = size();
      if (width > 0 && (width !== made.width || height !== made.height)) made.setSize({ width, height });
    });
    observer.observe(host);
    return () => {
      observer.disconnect();
      made.destroy();
      chart.current = undefined;
    };
  }, [element, options]);

  useEffect(() => {
    if (chart.current && chart.current.data !== data) chart.current.setData(data);
  }, [data]);
}

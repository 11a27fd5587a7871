// The line between two panes, moved by mouse or arrow keys. Where it stands is a habit of the user's, not of the trace: it is kept in the browser.
import { useLocalStorage } from '@mantine/hooks';
import { useRef } from 'react';
import classes from './trace.module.css';

export interface Split {
  share: number;
  set(share: number): void;
}

export function useSplit(key: string, usual: number): Split {
  const [share, setShare] = useLocalStorage({ key, defaultValue: usual, getInitialValueInEffect: false });
  const valid = typeof share === 'number' && share > 0 && share < 1 ? share : usual;
  return { share: valid, set: (s) => setShare(Math.min(0.9, Math.max(0.05, s))) };
}

interface Props {
  split: Split;
  /** Where the line stands, of how many pixels. */
  at: number;
  width: number;
  label: string;
  /** Whether the line lies, and moves up and down. */
  flat?: boolean;
  /** Whether the share is that of the pane behind the line. */
  behind?: boolean;
}

export function Splitter({ split, at, width, label, flat = false, behind = false }: Props) {
  const from = useRef<{ pointer: number; share: number } | null>(null);
  const sign = behind ? -1 : 1;
  return (
    // biome-ignore lint/a11y/useSemanticElements: a separator that moves is a widget; hr is not
    <div
      role="separator"
      aria-label={label}
      aria-orientation={flat ? 'horizontal' : 'vertical'}
      aria-valuenow={Math.round(split.share * 100)}
      aria-valuemin={5}
      aria-valuemax={90}
      tabIndex={0}
      className={flat ? classes.splitFlat : classes.split}
      style={flat ? { top: at - 3 } : { left: at - 3 }}
      onPointerDown={(e) => {
        from.current = { pointer: flat ? e.clientY : e.clientX, share: at / Math.max(1, width) };
        e.currentTarget.setPointerCapture(e.pointerId);
      }}
      onPointerMove={(e) => {
        if (!from.current) return;
        const share = from.current.share + ((flat ? e.clientY : e.clientX) - from.current.pointer) / Math.max(1, width);
        split.set(behind ? 1 - share : share);
      }}
      onPointerUp={() => {
        from.current = null;
      }}
      onKeyDown={(e) => {
        const by = { ArrowLeft: -0.02, ArrowUp: -0.02, ArrowRight: 0.02, ArrowDown: 0.02 }[e.key];
        if (by === undefined) return;
        e.preventDefault();
        split.set(split.share + by * sign);
      }}
    />
  );
}

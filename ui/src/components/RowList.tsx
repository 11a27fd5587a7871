// A list of any length, of which only the rows in sight exist. It has the keyboard: j and k (or the arrows) move, Enter opens, g goes to the top.
import { useVirtualizer } from '@tanstack/react-virtual';
import { type ReactNode, useEffect, useRef, useState } from 'react';
import { useKeys } from '@/state/keys';
import classes from './RowList.module.css';

export interface RowListProps {
  label: string;
  count: number;
  rowHeight: number;
  columns: string; // grid-template-columns of the header and the rows
  minWidth?: number;
  header: ReactNode;
  rowKey: (index: number) => string; // the same function from render to render: the list measures all rows anew for another one
  row: (index: number) => ReactNode;
  selected: number; // index, or -1
  onOpen: (index: number) => void;
  keys?: Record<string, (index: number) => void>; // for the row that has the keyboard
  onMove?: (index: number) => void;
  onEnd?: () => void; // the last rows came into sight
  onTop?: (atTop: boolean) => void;
  footer?: ReactNode;
}

const rowsAhead = 12;

export function RowList(p: RowListProps) {
  const scroller = useRef<HTMLDivElement>(null);
  const [active, setActive] = useState(-1);
  const at = p.selected >= 0 ? p.selected : Math.min(active, p.count - 1);
  const virtual = useVirtualizer({
    count: p.count,
    getScrollElement: () => scroller.current,
    estimateSize: () => p.rowHeight,
    getItemKey: p.rowKey,
    overscan: rowsAhead,
  });
  const items = virtual.getVirtualItems();
  const last = items[items.length - 1]?.index ?? -1;
  const { onEnd, count } = p;
  useEffect(() => {
    if (onEnd && count > 0 && last >= count - rowsAhead * 3) onEnd();
  }, [onEnd, last, count]);

  const move = (by: number) => {
    if (p.count === 0) return false;
    const next = Math.max(0, Math.min(p.count - 1, at + by));
    setActive(next);
    virtual.scrollToIndex(next);
    p.onMove?.(next);
    return true;
  };
  const further = Object.fromEntries(Object.entries(p.keys ?? {}).map(([key, run]) => [key, () => (at >= 0 ? run(at) : false)]));
  useKeys({
    j: () => move(1),
    k: () => move(-1),
    ArrowDown: () => move(1),
    ArrowUp: () => move(-1),
    Enter: () => (at >= 0 && !onControl() ? p.onOpen(at) : false),
    g: () => {
      setActive(-1);
      virtual.scrollToOffset(0);
    },
    ...further,
  });

  return (
    // biome-ignore lint/a11y/useSemanticElements: a table cannot be virtual
    <div
      ref={scroller}
      className={classes.scroller}
      role="grid"
      aria-label={p.label}
      aria-rowcount={p.count + 1}
      aria-activedescendant={at >= 0 && items.some((i) => i.index === at) ? `row-${at}` : undefined}
      tabIndex={0}
      onScroll={(e) => p.onTop?.(e.currentTarget.scrollTop < p.rowHeight)}
      style={
        {
          '--columns': p.columns,
          '--row-height': `${p.rowHeight}px`,
          '--list-width': p.minWidth ? `${p.minWidth}px` : '100%',
        } as React.CSSProperties
      }
    >
      {/* biome-ignore lint/a11y/useSemanticElements: as above */}
      {/* biome-ignore lint/a11y/useFocusableInteractive: the grid has the focus and names its row */}
      <div className={classes.header} role="row" aria-rowindex={1}>
        {p.header}
      </div>
      <div className={classes.rows} role="presentation" style={{ height: virtual.getTotalSize() }}>
        {items.map((item) => (
          // biome-ignore lint/a11y/useSemanticElements: as above
          // biome-ignore lint/a11y/useKeyWithClickEvents: the keys are the list's
          // biome-ignore lint/a11y/useFocusableInteractive: as above
          <div
            key={item.key}
            id={`row-${item.index}`}
            className={classes.row}
            role="row"
            aria-rowindex={item.index + 2}
            aria-selected={item.index === p.selected}
            data-active={item.index === at || undefined}
            style={{ transform: `translateY(${item.start}px)` }}
            onClick={(e) => {
              if ((e.target as Element).closest('a, button') || window.getSelection()?.toString()) return;
              setActive(item.index);
              p.onOpen(item.index);
            }}
          >
            {p.row(item.index)}
          </div>
        ))}
      </div>
      {p.footer}
    </div>
  );
}

/** Whether Enter is meant for a button or a link that has the focus. */
function onControl(): boolean {
  return document.activeElement?.matches('a, button, summary') ?? false;
}

export function Cell({ children, title, className }: { children?: ReactNode; title?: string | undefined; className?: string | undefined }) {
  return (
    // biome-ignore lint/a11y/useSemanticElements: a table cannot be virtual
    // biome-ignore lint/a11y/useFocusableInteractive: the grid has the focus
    <div role="gridcell" className={className ? `${classes.cell} ${className}` : classes.cell} title={title}>
      {children}
    </div>
  );
}

export function HeaderCell({ children }: { children?: ReactNode }) {
  return (
    // biome-ignore lint/a11y/useSemanticElements: a table cannot be virtual
    // biome-ignore lint/a11y/useFocusableInteractive: the grid has the focus
    <div role="columnheader" className={classes.cell}>
      {children}
    </div>
  );
}

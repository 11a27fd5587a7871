// A list of any length, of which only the rows in sight exist. It has the keyboard: j and k (or the arrows) move, Enter opens, g goes to the top.
import { memo, type ReactNode, useCallback, useEffect, useLayoutEffect, useRef, useState } from 'react';
import { flushSync } from 'react-dom';
import { rowWindow, topShowing } from '@/logic/rowwindow';
import { useKeys } from '@/state/keys';
import classes from './RowList.module.css';
import { useSize } from './useSize';

export interface RowListProps {
  label: string;
  count: number;
  rowHeight: number;
  columns: string; // grid-template-columns of the header and the rows
  minWidth?: number;
  header: ReactNode;
  row: (index: number) => ReactNode; // the same function from render to render, as long as it says the same: rows that are there stay as they are
  selected: number; // index, or -1
  onOpen: (index: number) => void;
  keys?: Record<string, (index: number) => void>; // for the row that has the keyboard
  onMove?: (index: number) => void;
  onEnd?: () => void; // the last rows came into sight
  onTop?: (atTop: boolean) => void;
  footer?: ReactNode;
}

/** How near the end of the list one must be for more to be fetched. */
const rowsBeforeEnd = 40;
/** What the header covers at the top of the box. */
const headerHeight = 26;

export function RowList(p: RowListProps) {
  const scroller = useRef<HTMLDivElement>(null);
  const { height } = useSize(scroller);
  const [active, setActive] = useState(-1);
  const at = p.selected >= 0 ? p.selected : Math.min(active, p.count - 1);
  const { first, end, onScroll } = useRowWindow(scroller, height, p.rowHeight, p.count, p.onTop);
  const { onEnd, count } = p;
  useEffect(() => {
    if (onEnd && count > 0 && end >= count - rowsBeforeEnd) onEnd();
  }, [onEnd, end, count]);

  const show = (row: number) => {
    const box = scroller.current;
    if (box) box.scrollTop = topShowing(row, box.scrollTop, height, p.rowHeight, headerHeight);
  };
  useSelectedInSight(p.selected, show);
  useFocusBack(scroller, p.selected);
  const move = (by: number) => {
    if (p.count === 0) return false;
    const next = Math.max(0, Math.min(p.count - 1, at + by));
    setActive(next);
    show(next);
    // Enter then means this row and no link that had the focus before, and Tab leads on from here: to what opens beside the list.
    scroller.current?.focus({ preventScroll: true });
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
      scroller.current?.scrollTo({ top: 0 });
    },
    ...further,
  });
  const latestOpen = useRef(p.onOpen);
  latestOpen.current = p.onOpen;
  const open = useCallback((index: number) => {
    setActive(index);
    latestOpen.current(index);
  }, []);

  const rows: ReactNode[] = [];
  for (let i = first; i < end; i++) {
    rows.push(<Row key={i} index={i} top={i * p.rowHeight} selected={i === p.selected} active={i === at} row={p.row} onOpen={open} />);
  }
  return (
    // biome-ignore lint/a11y/useSemanticElements: a table cannot be virtual
    <div
      ref={scroller}
      className={classes.scroller}
      role="grid"
      aria-label={p.label}
      aria-rowcount={p.count + 1}
      aria-activedescendant={at >= first && at < end ? `row-${at}` : undefined}
      tabIndex={0}
      onScroll={onScroll}
      style={
        {
          '--columns': p.columns,
          '--row-height': `${p.rowHeight}px`,
          '--header-height': `${headerHeight}px`,
          '--list-width': p.minWidth ? `${p.minWidth}px` : '100%',
        } as React.CSSProperties
      }
    >
      {/* biome-ignore lint/a11y/useSemanticElements: as above */}
      {/* biome-ignore lint/a11y/useFocusableInteractive: the grid has the focus and names its row */}
      <div className={classes.header} role="row" aria-rowindex={1}>
        {p.header}
      </div>
      <div className={classes.rows} role="presentation" style={{ height: p.count * p.rowHeight }}>
        {rows}
      </div>
      {p.footer}
    </div>
  );
}

/** The rows that exist. They follow the scrolling in the same frame, so that no gap is ever seen, and only when the window moves. */
function useRowWindow(
  scroller: React.RefObject<HTMLDivElement | null>,
  height: number,
  rowHeight: number,
  count: number,
  onTop: ((atTop: boolean) => void) | undefined,
) {
  const [top, setTop] = useState(0);
  const { first, end } = rowWindow(top, height, rowHeight, count);
  const shown = useRef(first);
  shown.current = first;
  // A list that became shorter than where it was scrolled to: the browser moved it, without a word if the rows went with it.
  // biome-ignore lint/correctness/useExhaustiveDependencies: what makes it shorter
  useLayoutEffect(() => setTop(scroller.current?.scrollTop ?? 0), [count, scroller]);
  const onScroll = (e: React.UIEvent<HTMLDivElement>) => {
    const now = e.currentTarget.scrollTop;
    onTop?.(now < rowHeight);
    if (rowWindow(now, height, rowHeight, count).first !== shown.current) flushSync(() => setTop(now));
  };
  return { first, end, onScroll };
}

/** A row that is selected from elsewhere, by the address or by going back, comes into sight once. */
function useSelectedInSight(selected: number, show: (row: number) => void) {
  const latest = useRef(show);
  latest.current = show;
  useEffect(() => {
    if (selected >= 0) latest.current(selected);
  }, [selected]);
}

/** The keyboard comes back to the list when what was opened beside it is closed, with the focus in it. */
function useFocusBack(scroller: React.RefObject<HTMLDivElement | null>, selected: number) {
  const before = useRef(selected);
  useEffect(() => {
    const closed = before.current >= 0 && selected < 0;
    before.current = selected;
    if (closed && document.activeElement === document.body) scroller.current?.focus({ preventScroll: true });
  }, [scroller, selected]);
}

interface RowProps {
  index: number;
  top: number;
  selected: boolean;
  active: boolean;
  row: (index: number) => ReactNode;
  onOpen: (index: number) => void;
}

const Row = memo(function Row({ index, top, selected, active, row, onOpen }: RowProps) {
  return (
    // biome-ignore lint/a11y/useSemanticElements: a table cannot be virtual
    // biome-ignore lint/a11y/useKeyWithClickEvents: the keys are the list's
    // biome-ignore lint/a11y/useFocusableInteractive: the grid has the focus and names its row
    <div
      id={`row-${index}`}
      className={classes.row}
      role="row"
      aria-rowindex={index + 2}
      aria-selected={selected}
      data-active={active || undefined}
      style={{ transform: `translateY(${top}px)` }}
      onClick={(e) => {
        if ((e.target as Element).closest('a, button') || window.getSelection()?.toString()) return;
        onOpen(index);
      }}
    >
      {row(index)}
    </div>
  );
});

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

// What a screen reader meets instead of the canvas: the selected row and its neighbours, as items of a tree. All rows would be 100,000 elements;
// aria-setsize and aria-posinset say how many there are.
import { hasBelow, isLog, logOf } from '@/logic/trace/rows';
import classes from './trace.module.css';
import type { TraceView } from './useTraceView';
import { rowInWords } from './words';

const around = 6;

export const rowItemId = (row: number) => `trace-row-${row}`;

export function RowItems({ view, logs, raw }: { view: TraceView; logs: boolean; raw: boolean }) {
  const { trace, rows } = view;
  const center = Math.max(0, view.selected);
  const items = [];
  for (let r = Math.max(0, center - around); r < Math.min(rows.count, center + around + 1); r++) {
    const what = rows.row[r] as number;
    const log = isLog(what);
    const node = log ? (trace.logs.node[logOf(what)] as number) : what;
    const depth = (node < 0 ? 0 : (trace.depth[node] as number)) + (log && node >= 0 ? 1 : 0);
    items.push(
      <div
        key={r}
        id={rowItemId(r)}
        role="treeitem"
        tabIndex={-1}
        aria-level={depth + 1}
        aria-setsize={rows.count}
        aria-posinset={r + 1}
        aria-selected={r === view.selected}
        aria-expanded={!log && hasBelow(trace, what, logs) ? view.folded[what] !== 1 : undefined}
      >
        {rowInWords(trace, what, raw)}
      </div>,
    );
  }
  return <div className={classes.unseen}>{items}</div>;
}

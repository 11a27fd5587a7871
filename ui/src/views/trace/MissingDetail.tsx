// A parent that was not received: what is known of it, from whom, and why it may be missing.
import { formatCount, formatDuration } from '@/logic/format';
import { possibleCallers } from '@/logic/trace/callers';
import { spanIdOf, type Trace } from '@/logic/trace/model';
import classes from './trace.module.css';
import type { Actions } from './useActions';
import { nameOf, serviceOf } from './words';

const childrenShown = 50;

export function MissingDetail({ trace: t, node, actions }: { trace: Trace; node: number; actions: Actions }) {
  const children: number[] = [];
  let count = 0;
  for (let i = node + 1; i < (t.end[node] as number); i = t.end[i] as number) {
    if (count++ < childrenShown) children.push(i);
  }
  const callers = possibleCallers(t, node);
  return (
    // biome-ignore lint/a11y/noNoninteractiveTabindex: it scrolls
    <div className={classes.detailBody} tabIndex={0}>
      <h2 className={classes.detailName}>{nameOf(t, node)}</h2>
      <p>
        {formatCount(count)} {count === 1 ? 'span names' : 'spans name'} a parent with the id <code>{spanIdOf(t, node)}</code> that has not
        arrived.
        {serviceOf(t, node) ? ` What it tells points to ${serviceOf(t, node)}.` : ''} Its times are those that its children cover; its own
        are not known.
      </p>
      <p className={classes.soft}>
        Usually the service that made it is not instrumented to the end, does not send here, was stopped before it sent, or a sampler
        dropped the span. It may still arrive: reload to see.
      </p>
      {callers.length > 0 && (
        <>
          <h3 className={classes.part}>Calls without an answer that it fits into</h3>
          <ul className={classes.children}>
            {callers.map((c) => (
              <li key={c}>
                <button type="button" className={classes.textButton} onClick={() => actions.selectNode(c)}>
                  {serviceOf(t, c)} {nameOf(t, c)}, {formatDuration(t.duration[c] as number)}
                </button>
              </li>
            ))}
          </ul>
        </>
      )}
      <h3 className={classes.part}>Its children</h3>
      <ul className={classes.children}>
        {children.map((c) => (
          <li key={c}>
            <button type="button" className={classes.textButton} onClick={() => actions.selectNode(c)}>
              {serviceOf(t, c)} {nameOf(t, c)}, {formatDuration(t.duration[c] as number)}
            </button>
          </li>
        ))}
        {count > children.length && <li>and {formatCount(count - children.length)} more</li>}
      </ul>
    </div>
  );
}

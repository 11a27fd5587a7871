// JSON of any shape as a tree that folds. What a record holds was written by strangers: depth and width are bounded, and everything is text.
import { IconChevronDown, IconChevronRight } from '@tabler/icons-react';
import { useState } from 'react';
import classes from './JsonTree.module.css';

const childrenShown = 200; // at first; the rest on request
const openDepth = 2; // levels unfolded at first
const stringShown = 5_000; // characters of one value

export function JsonTree({ value, depth = 0 }: { value: unknown; depth?: number }) {
  if (value !== null && typeof value === 'object') return <Branch value={value} depth={depth} />;
  return <Leaf value={value} />;
}

function Leaf({ value }: { value: unknown }) {
  const [whole, setWhole] = useState(false);
  if (typeof value !== 'string') return <span className={value === null ? classes.null : classes.number}>{String(value)}</span>;
  const long = value.length > stringShown && !whole;
  return (
    <span className={classes.string}>
      {JSON.stringify(long ? value.slice(0, stringShown) : value)}
      {long && (
        <button type="button" className={classes.more} onClick={() => setWhole(true)}>
          … {value.length - stringShown} more characters
        </button>
      )}
    </span>
  );
}

function Branch({ value, depth }: { value: object; depth: number }) {
  const [open, setOpen] = useState(depth < openDepth);
  const [shown, setShown] = useState(childrenShown);
  const list = Array.isArray(value);
  const entries = Object.entries(value);
  const [begin, end] = list ? ['[', ']'] : ['{', '}'];
  if (entries.length === 0) return <span>{begin + end}</span>;
  if (!open) {
    return (
      <button type="button" className={classes.fold} aria-expanded={false} onClick={() => setOpen(true)}>
        <IconChevronRight size={12} />
        {begin} {entries.length} {end}
      </button>
    );
  }
  return (
    <span>
      <button type="button" className={classes.fold} aria-expanded={true} onClick={() => setOpen(false)}>
        <IconChevronDown size={12} />
        {begin}
      </button>
      <span className={classes.children}>
        {entries.slice(0, shown).map(([key, child]) => (
          <span key={key} className={classes.entry}>
            {!list && <span className={classes.key}>{key}: </span>}
            <JsonTree value={child} depth={depth + 1} />
          </span>
        ))}
        {entries.length > shown && (
          <button type="button" className={classes.more} onClick={() => setShown(shown * 10)}>
            … {entries.length - shown} more
          </button>
        )}
      </span>
      {end}
    </span>
  );
}

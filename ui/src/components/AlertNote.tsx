// What the marks of a chart are, in words: how many alerts fired in its time, with the way to them.
import { IconBellRinging } from '@tabler/icons-react';
import { Link } from 'wouter';
import { withZone } from '@/logic/address';
import { type Firing, firingText } from '@/logic/alerts/firings';
import { useTime } from '@/state/time';
import classes from './AlertNote.module.css';

const namedMax = 12;

export function AlertNote({ firings, range }: { firings: readonly Firing[]; range?: { from: string; to: string } }) {
  const { zone, range: own } = useTime();
  if (firings.length === 0) return null;
  const names = [...new Set(firings.map(firingText))];
  const more = names.length > namedMax ? `\nand ${names.length - namedMax} more` : '';
  return (
    <Link
      href={withZone('/alerts', zone, { tab: 'history', ...(range ?? own) })}
      className={classes.note}
      title={names.slice(0, namedMax).join('\n') + more}
    >
      <IconBellRinging size={12} aria-hidden="true" />
      {names.length === 1 ? `${names[0]?.split(' ')[0]} fired` : `${names.length} alerts fired`}
    </Link>
  );
}

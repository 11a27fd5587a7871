// When alerts fired: a line for each, over the time of the page, and the same as a list.
import { useMemo } from 'react';
import { useFirings } from '@/api/firings';
import { type Firing, firingText } from '@/logic/alerts/firings';
import { formatClock, formatDuration, formatMoment } from '@/logic/format';
import { rangeOf, spansDays } from '@/logic/timerange';
import { useTime } from '@/state/time';
import classes from './alerts.module.css';
import own from './history.module.css';

const linesMax = 60;
const listedMax = 200;
const ticks = 6;

export function History() {
  const { instants, zone, setRange } = useTime();
  const firings = useFirings(instants);
  const { start, end } = instants;
  const lines = useMemo(() => {
    const by = new Map<string, Firing[]>();
    for (const f of firings) {
      const key = firingText(f);
      const line = by.get(key);
      if (line) line.push(f);
      else by.set(key, [f]);
    }
    return [...by].sort(([a], [b]) => a.localeCompare(b));
  }, [firings]);
  if (lines.length === 0) return <p className={classes.nothing}>No alert fired in this time.</p>;
  const place = (ms: number) => Math.min(100, Math.max(0, ((ms - start) / (end - start)) * 100));
  const days = spansDays(instants, zone);
  return (
    <div className={own.history}>
      <section aria-label="Alerts over time">
        <div className={own.axis} aria-hidden="true">
          {Array.from({ length: ticks }, (_, i) => {
            const ms = start + ((i + 0.5) / ticks) * (end - start);
            return (
              <span key={ms} style={{ left: `${place(ms)}%` }}>
                {days ? formatMoment(ms, zone).slice(5, 16) : formatClock(ms, zone)}
              </span>
            );
          })}
        </div>
        {lines.slice(0, linesMax).map(([name, of]) => (
          <div key={name} className={own.line}>
            <span className={own.lineName} title={name}>
              {name}
            </span>
            <span className={own.track}>
              {of.map((f) => {
                const to = f.to ?? end;
                return (
                  <button
                    key={f.from}
                    type="button"
                    className={own.firing}
                    style={{ left: `${place(f.from)}%`, width: `max(4px, ${place(to) - place(f.from)}%)` }}
                    aria-label={`${name}: ${describe(f, end, zone)}; look at this time`}
                    title={describe(f, end, zone)}
                    onClick={() => setRange(rangeOf(f.from - (to - f.from) / 2 - 60_000, Math.min(end, to + (to - f.from) / 2 + 60_000)))}
                  />
                );
              })}
            </span>
          </div>
        ))}
        {lines.length > linesMax && <p className={classes.soft}>and {lines.length - linesMax} more alerts</p>}
      </section>
      <table className={own.table}>
        <caption className="sr-only">Firings, the latest first</caption>
        <thead>
          <tr>
            <th scope="col">Alert</th>
            <th scope="col">Labels</th>
            <th scope="col">From</th>
            <th scope="col">To</th>
            <th scope="col">Lasted</th>
          </tr>
        </thead>
        <tbody>
          {firings
            .toReversed()
            .slice(0, listedMax)
            .map((f) => (
              <tr key={`${firingText(f)} ${f.from}`}>
                <th scope="row">{f.name}</th>
                <td className={own.mono}>
                  {Object.entries(f.labels)
                    .map(([key, value]) => `${key}=${value}`)
                    .join(' ')}
                </td>
                <td>{f.before ? 'before' : formatMoment(f.from, zone)}</td>
                <td>{f.to === undefined ? 'fires' : formatMoment(f.to, zone)}</td>
                <td>
                  {f.before && '> '}
                  {formatDuration(((f.to ?? end) - f.from) * 1e6)}
                </td>
              </tr>
            ))}
        </tbody>
      </table>
    </div>
  );
}

function describe(f: Firing, end: number, zone: 'local' | 'utc'): string {
  const from = f.before ? 'from before' : `from ${formatMoment(f.from, zone)}`;
  const to = f.to === undefined ? 'still firing' : `to ${formatMoment(f.to, zone)}`;
  return `${from} ${to}, ${formatDuration(((f.to ?? end) - f.from) * 1e6)}`;
}

// The lines of the graph, with their values under the pointer or else their last. A click leaves only that line, with shift it adds or removes one.
import { lineColor } from '@/logic/color';
import { formatValue, seriesName } from '@/logic/metrics/series';
import { useTheme } from '@/state/theme';
import type { Lines } from './lines';
import classes from './metrics.module.css';

interface Props {
  shown: Lines;
  only: ReadonlySet<string>;
  setOnly: (only: ReadonlySet<string>) => void;
  at: number | undefined;
}

export function Legend({ shown, only, setOnly, at }: Props) {
  const theme = useTheme();
  const click = (key: string, several: boolean) => {
    if (!several) return setOnly(only.size === 1 && only.has(key) ? new Set() : new Set([key]));
    const next = new Set(only);
    if (!next.delete(key)) next.add(key);
    setOnly(next);
  };
  return (
    <div className={classes.legendBox}>
      <table className={classes.table}>
        <caption className="sr-only">Series of the graph</caption>
        <thead>
          <tr>
            <th scope="col">Series</th>
            <th scope="col" className={classes.number}>
              {at === undefined ? 'Last' : 'Here'}
            </th>
            <th scope="col" className={classes.number}>
              Greatest
            </th>
          </tr>
        </thead>
        <tbody>
          {shown.lines.map((l, i) => (
            <tr key={l.key} data-off={(only.size > 0 && !only.has(l.key)) || undefined}>
              <th scope="row">
                <button
                  type="button"
                  className={classes.series}
                  aria-pressed={only.has(l.key)}
                  title={`${seriesName(l.labels)}\nclick: only this one; shift-click: this one too`}
                  onClick={(e) => click(l.key, e.shiftKey || e.metaKey || e.ctrlKey)}
                >
                  <span className={classes.swatch} style={{ background: lineColor(i, theme) }} aria-hidden="true" />
                  {l.letter && <span className={classes.ofQuery}>{l.letter}</span>}
                  <span className={classes.seriesName}>{l.name}</span>
                </button>
              </th>
              <td className={classes.number}>{valueAt(at === undefined ? l.summary.last : l.values[at], l.unit)}</td>
              <td className={classes.number}>{formatValue(l.summary.max, l.unit)}</td>
            </tr>
          ))}
        </tbody>
      </table>
      {shown.more > 0 && <p className={classes.soft}>and {shown.more} more, which are not drawn</p>}
    </div>
  );
}

function valueAt(v: number | null | undefined, unit: Parameters<typeof formatValue>[1]): string {
  return v === null || v === undefined ? '–' : formatValue(v, unit);
}

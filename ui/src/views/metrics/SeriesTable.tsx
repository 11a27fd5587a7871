// Answers as tables: values at an instant, and what a time's values come to.
import type { Sample } from '@/api/promql';
import { letterOf, type Question } from '@/logic/metrics/queries';
import { commonLabels, formatNumber, formatValue, seriesName, without } from '@/logic/metrics/series';
import type { Line } from './lines';
import classes from './metrics.module.css';

const rowsMax = 1_000;
/** Longer numbers are shortened; the title has all of one. */
const digitsMax = 12;
/** With more labels than this a series is one column, with the labels that tell it from others: no window is as wide as all of them. */
const columnsMax = 6;

export function InstantTable({ questions, answers }: { questions: readonly Question[]; answers: readonly (Sample[] | undefined)[] }) {
  const rows = answers.flatMap((a, query) => {
    if (!a || questions[query]?.hidden) return [];
    const { __name__: _, ...common } = commonLabels(a.map((s) => s.labels));
    return a.map((s) => ({ query, common, ...s }));
  });
  const several = questions.filter((q) => q.expr !== '').length > 1;
  if (rows.length === 0) return <p className={classes.nothing}>No values at the end of this time.</p>;
  const all = [...new Set(rows.flatMap((r) => Object.keys(r.labels)))].filter((k) => k !== '__name__').sort();
  const keys = all.length <= columnsMax ? all : [];
  const named = rows.some((r) => r.labels.__name__ !== undefined) || all.length > columnsMax;
  return (
    // biome-ignore lint/a11y/noNoninteractiveTabindex: what scrolls must be reached by keyboard
    <section className={classes.tableBox} aria-label="Values" tabIndex={0}>
      <table className={classes.table}>
        <thead>
          <tr>
            {several && <th scope="col">Query</th>}
            {named && <th scope="col">{keys.length < all.length ? 'Series' : 'Metric'}</th>}
            {keys.map((k) => (
              <th key={k} scope="col">
                {k}
              </th>
            ))}
            <th scope="col" className={classes.number}>
              Value
            </th>
          </tr>
        </thead>
        <tbody>
          {rows.slice(0, rowsMax).map((r) => (
            <tr key={`${r.query} ${seriesName(r.labels)}`}>
              {several && <td>{letterOf(r.query)}</td>}
              {named && (
                <td className={classes.text} title={seriesName(r.labels)}>
                  {keys.length < all.length ? seriesName(without(r.labels, r.common)) : r.labels.__name__}
                </td>
              )}
              {keys.map((k) => (
                <td key={k} className={classes.text}>
                  {r.labels[k]}
                </td>
              ))}
              <td className={classes.number} title={r.value}>
                {r.value.length <= digitsMax || Number.isNaN(Number(r.value)) ? r.value : formatNumber(Number(r.value))}
              </td>
            </tr>
          ))}
        </tbody>
      </table>
      {rows.length > rowsMax && <p className={classes.soft}>and {rows.length - rowsMax} more; the CSV file has them all</p>}
    </section>
  );
}

export function SummaryTable({ lines }: { lines: readonly Line[] }) {
  const several = lines.some((l) => l.letter !== '');
  return (
    // biome-ignore lint/a11y/noNoninteractiveTabindex: what scrolls must be reached by keyboard
    <section className={classes.tableBox} aria-label="Summary" tabIndex={0}>
      <table className={classes.table}>
        <thead>
          <tr>
            {several && <th scope="col">Query</th>}
            <th scope="col">Series</th>
            {['Least', 'Mean', 'Greatest', 'Last', 'Points'].map((name) => (
              <th key={name} scope="col" className={classes.number}>
                {name}
              </th>
            ))}
          </tr>
        </thead>
        <tbody>
          {lines.map((l) => (
            <tr key={l.key}>
              {several && <td>{l.letter}</td>}
              <td className={classes.text} title={seriesName(l.labels)}>
                {l.name}
              </td>
              {[l.summary.min, l.summary.mean, l.summary.max, l.summary.last].map((v, i) => (
                // biome-ignore lint/suspicious/noArrayIndexKey: four columns
                <td key={i} className={classes.number} title={String(v)}>
                  {formatValue(v, l.unit)}
                </td>
              ))}
              <td className={classes.number}>{l.summary.points}</td>
            </tr>
          ))}
        </tbody>
      </table>
    </section>
  );
}

// The measurements that have a trace, in words: the graph's dots for those who use no pointer.
import { Link } from 'wouter';
import type { Exemplar } from '@/api/promql';
import { formatMoment } from '@/logic/format';
import { formatNumber, seriesName } from '@/logic/metrics/series';
import { traceHref } from '@/logic/traceid';
import { useTime } from '@/state/time';
import { chosenDots } from './exemplarDots';
import classes from './metrics.module.css';

const listedMax = 50;

export function Exemplars({ exemplars }: { exemplars: readonly Exemplar[] }) {
  const { zone } = useTime();
  if (exemplars.length === 0) return null;
  const listed = chosenDots(exemplars, listedMax).toSorted((a, b) => b.value - a.value);
  return (
    <details className={classes.exemplars}>
      <summary>{exemplars.length === 1 ? '1 measurement has its trace' : `${exemplars.length} measurements have their traces`}</summary>
      <ul>
        {listed.map((e) => (
          <li key={`${e.traceId} ${e.at} ${e.value}`}>
            <Link href={traceHref(e.traceId, zone, e.spanId)}>{e.traceId}</Link> {formatNumber(e.value)}, {formatMoment(e.at, zone)}{' '}
            <span className={classes.soft}>{seriesName(e.series)}</span>
          </li>
        ))}
      </ul>
      {exemplars.length > listedMax && <p className={classes.soft}>the {listedMax} with the greatest values</p>}
    </details>
  );
}

// The small chart of a host's row. Rows of a group are asked for in one question, which the first of them in sight asks.
import { useMemo } from 'react';
import { useSequences } from '@/api/hosts';
import { rateSpan, windowOf } from '@/logic/hosts/charts';
import { byHost, type SparkKind, sparkPath, sparkQuery } from '@/logic/hosts/list';
import { useTime } from '@/state/time';
import classes from './hosts.module.css';

const pointsMax = 60;
const width = 64;
const height = 22;

export function Sparkline({ kind, host, group, max }: { kind: SparkKind; host: string; group: string[]; max?: number }) {
  const { instants } = useTime();
  const window = windowOf(instants, pointsMax);
  const { data } = useSequences(sparkQuery(kind, group, rateSpan(window.step, false)), window);
  const path = useMemo(() => {
    const values = data && byHost(data.series).get(host);
    return values && sparkPath(values, width, height, max);
  }, [data, host, max]);
  return (
    <svg className={classes.spark} width={width} height={height} viewBox={`0 0 ${width} ${height}`} aria-hidden="true">
      {path && <path d={path} />}
    </svg>
  );
}

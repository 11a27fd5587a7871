// What is under the pointer, in words.

import { ServiceBadge } from '@/components/ServiceBadge';
import type { Size } from '@/components/useSize';
import { severityClass } from '@/logic/color';
import { formatDuration } from '@/logic/format';
import { logTime, remark } from '@/logic/trace/bars';
import { startOf } from '@/logic/trace/model';
import { isLog, logOf } from '@/logic/trace/rows';
import classes from './trace.module.css';
import type { TraceView } from './useTraceView';
import { nameOf, serviceOf, severityOf } from './words';

interface Props {
  view: TraceView;
  row: number;
  x: number;
  y: number;
  within: Size;
  raw: boolean;
}

const tipWidth = 340;

export function RowTip({ view, row, x, y, within, raw }: Props) {
  const { trace: t, rows } = view;
  const what = rows.row[row];
  if (what === undefined) return null;
  const left = Math.min(x + 16, Math.max(0, within.width - tipWidth - 8));
  const below = y < within.height - 150;
  const style = below ? { left, top: y + 44 } : { left, bottom: within.height - y + 16 };
  if (isLog(what)) {
    const log = logOf(what);
    return (
      <div className={classes.tip} style={style} aria-hidden="true">
        <div className={classes.tipLine} data-severity={severityClass(t.logs.severity[log] as number)}>
          <b>{severityOf(t, log) || 'Log'}</b> at {formatDuration(logTime(t, log, raw))}
        </div>
        <div className={classes.tipBody}>{t.logs.body[log]}</div>
      </div>
    );
  }
  const note = remark(t, what);
  return (
    <div className={classes.tip} style={style} aria-hidden="true">
      <div className={classes.tipLine}>
        <ServiceBadge service={serviceOf(t, what)} /> {note && <b className={classes.note}>{note}</b>}
      </div>
      <div className={classes.tipBody}>{nameOf(t, what)}</div>
      <dl className={classes.tipFacts}>
        <div>
          <dt>starts at</dt>
          <dd>{formatDuration(startOf(t, what, raw))}</dd>
        </div>
        <div>
          <dt>lasts</dt>
          <dd>{formatDuration(t.duration[what] as number)}</dd>
        </div>
        <div>
          <dt>itself</dt>
          <dd>{formatDuration(t.self[what] as number)}</dd>
        </div>
        {t.skew && t.skew[what] !== 0 && (
          <div>
            <dt>clock moved</dt>
            <dd>{formatDuration(t.skew[what] as number)}</dd>
          </div>
        )}
      </dl>
    </div>
  );
}

// The axis of times above the timeline.
import { formatDuration } from '@/logic/format';
import { isWhole, toX, type Window } from '@/logic/trace/scale';
import classes from './trace.module.css';

interface Props {
  window: Window;
  whole: Window;
  ticks: readonly number[];
  labelWidth: number;
  timeWidth: number;
}

export function Axis({ window, whole, ticks, labelWidth, timeWidth }: Props) {
  return (
    <div className={classes.axis} aria-hidden="true">
      <div className={classes.axisTitle} style={{ width: labelWidth }}>
        Service and operation
        {!isWhole(window, whole) && (
          <span className={classes.axisZoom}>
            {formatDuration(window.to - window.from)} of {formatDuration(whole.to - whole.from)}
          </span>
        )}
      </div>
      <div className={classes.axisTimes} style={{ width: timeWidth }}>
        {ticks.map((t) => {
          const x = toX(window, timeWidth, t);
          return x < timeWidth - 44 ? (
            <span key={t} className={classes.tick} style={{ left: x }}>
              {t === 0 ? '0' : formatDuration(t)}
            </span>
          ) : null;
        })}
      </div>
    </div>
  );
}

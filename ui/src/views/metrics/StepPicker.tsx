// How far apart a graph's points are.
import { formatDuration } from '@/logic/format';
import { stepMs } from '@/logic/timerange';
import { useTime } from '@/state/time';
import classes from './metrics.module.css';
import { type MetricsState, stepsOf } from './state';

const choices = ['1s', '5s', '10s', '15s', '30s', '1m', '2m', '5m', '10m', '15m', '30m', '1h', '6h', '1d'];

export function StepPicker({ state }: { state: MetricsState }) {
  const { instants } = useTime();
  const own = state.step !== '' && !choices.includes(state.step) && !Number.isNaN(stepMs(state.step)) ? [state.step] : [];
  return (
    <label className={classes.step}>
      Step
      <select value={[...own, ...choices].includes(state.step) ? state.step : ''} onChange={(e) => state.setStep(e.currentTarget.value)}>
        <option value="">auto ({formatDuration(stepsOf(instants, '').step * 1e6)})</option>
        {[...own, ...choices].map((s) => (
          // Too many points would be refused.
          <option key={s} value={s} disabled={stepsOf(instants, s).step !== stepMs(s)}>
            {s}
          </option>
        ))}
      </select>
    </label>
  );
}

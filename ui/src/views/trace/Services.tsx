// The trace's services, with their colours: the legend and the filter in one.
import { IconAlertCircleFilled } from '@tabler/icons-react';
import { ServiceDot } from '@/components/ServiceBadge';
import { formatCount, formatDuration } from '@/logic/format';
import type { TraceState } from '@/logic/trace/location';
import type { Trace } from '@/logic/trace/model';
import classes from './trace.module.css';
import type { Update } from './useTraceState';

interface Props {
  trace: Trace;
  state: TraceState;
  update: Update;
}

export function Services({ trace, state, update }: Props) {
  const hidden = new Set(state.hidden);
  const all = trace.serviceTimes;
  const toggle = (service: string) => {
    if (hidden.has(service)) hidden.delete(service);
    else hidden.add(service);
    update({ hidden: [...hidden] }, 'push');
  };
  const only = (service: string) => {
    const others = all.map((s) => s.service).filter((s) => s !== service);
    const isOnly = others.every((s) => hidden.has(s)) && !hidden.has(service);
    update({ hidden: isOnly ? [] : others }, 'push');
  };
  return (
    // biome-ignore lint/a11y/useSemanticElements: a fieldset would bring its own looks
    <div className={classes.services} role="group" aria-label="Services shown">
      {all.map((s) => (
        <button
          key={s.service}
          type="button"
          className={classes.service}
          aria-pressed={!hidden.has(s.service)}
          onClick={(e) => (e.altKey || e.shiftKey || e.ctrlKey || e.metaKey ? only(s.service) : toggle(s.service))}
          onDoubleClick={() => only(s.service)}
          title={`${s.service || 'no service'}: ${formatCount(s.spans)} spans, ${formatDuration(s.selfNano)} themselves${s.errors ? `, ${formatCount(s.errors)} errors` : ''}. Click to hide or show, shift-click for this one only.`}
        >
          <ServiceDot service={s.service} />
          <span>{s.service || 'no service'}</span>
          <span className={classes.serviceCount}>{formatCount(s.spans)}</span>
          {s.errors > 0 && <IconAlertCircleFilled size={12} className={classes.serviceError} aria-label={`${s.errors} errors`} />}
        </button>
      ))}
      {hidden.size > 0 && (
        <button type="button" className={classes.textButton} onClick={() => update({ hidden: [] }, 'push')}>
          show all
        </button>
      )}
    </div>
  );
}

// A service's name with its colour.
import { serviceColor } from '@/logic/color';
import { useTheme } from '@/state/theme';
import classes from './ServiceBadge.module.css';

export function ServiceDot({ service }: { service: string }) {
  return <span className={classes.dot} style={{ background: serviceColor(service, useTheme()) }} aria-hidden="true" />;
}

export function ServiceBadge({ service, suffix }: { service: string; suffix?: string }) {
  return (
    <span className={classes.badge} title={suffix ? `${service || 'no service'} ${suffix}` : service || 'no service'}>
      <ServiceDot service={service} />
      <span className={classes.name}>{service || 'no service'}</span>
      {suffix && <span className={classes.suffix}>{suffix}</span>}
    </span>
  );
}

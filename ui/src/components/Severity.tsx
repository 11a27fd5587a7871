// A log record's severity as a word in its colour.
import { severityClass, severityColor } from '@/logic/color';
import { useTheme } from '@/state/theme';
import classes from './Severity.module.css';

export function Severity({ number, text }: { number: number; text: string }) {
  const theme = useTheme();
  const level = severityClass(number);
  const loud = level === 'error' || level === 'fatal' || level === 'warn';
  return (
    <span className={classes.severity} data-level={level}>
      <span className={classes.bar} style={{ background: severityColor[theme][level] }} aria-hidden="true" />
      <span className={loud ? classes.loud : undefined}>{level === 'unset' ? text.toLowerCase() || '–' : level}</span>
    </span>
  );
}

export function Status({ status }: { status: string }) {
  return <span className={status === 'error' ? classes.failed : classes.quiet}>{status}</span>;
}

// A log record in a span's detail: a line that opens.
import { useState } from 'react';
import { severityClass } from '@/logic/color';
import { Attributes } from './Attributes';
import type { Json } from './requests';
import classes from './trace.module.css';

export function LogLine({ record }: { record: Json }) {
  const [open, setOpen] = useState(false);
  const attributes = (record.attributes ?? {}) as Json;
  return (
    <div className={classes.logLine}>
      <button type="button" className={classes.logHead} aria-expanded={open} onClick={() => setOpen(!open)}>
        <span className={classes.severity} data-severity={severityClass(Number(record.severityNumber ?? 0))}>
          {String(record.severity || 'LOG')}
        </span>
        <span className={open ? classes.logBodyOpen : classes.logBody}>{String(record.body ?? '')}</span>
      </button>
      {open && <Attributes values={attributes} level="attr" signal="logs" empty="The record has no attributes." />}
    </div>
  );
}

// Opens a trace by its id.
import { IconArrowRight } from '@tabler/icons-react';
import { useState } from 'react';
import { useLocation } from 'wouter';
import { parseTraceId, traceHref } from '@/logic/traceid';
import { useTime } from '@/state/time';
import classes from './TraceIdBox.module.css';

export function TraceIdBox() {
  const [text, setText] = useState('');
  const [, navigate] = useLocation();
  const { zone } = useTime();
  const id = parseTraceId(text);
  return (
    <form
      className={classes.box}
      onSubmit={(e) => {
        e.preventDefault();
        if (!id) return;
        setText('');
        navigate(traceHref(id, zone));
      }}
    >
      <input
        className={classes.input}
        value={text}
        onChange={(e) => setText(e.currentTarget.value)}
        placeholder="Trace by id"
        aria-label="Trace by id"
        aria-invalid={text !== '' && id === ''}
        spellCheck={false}
        autoComplete="off"
      />
      {id && (
        <button type="submit" className={classes.go} aria-label="Open the trace">
          <IconArrowRight size={14} />
        </button>
      )}
    </form>
  );
}

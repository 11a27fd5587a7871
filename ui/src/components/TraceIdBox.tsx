// Opens a trace by its id.
import { IconArrowRight } from '@tabler/icons-react';
import { useState } from 'react';
import { useLocation } from 'wouter';
import { parseTraceId } from '@/logic/traceid';
import classes from './TraceIdBox.module.css';

export function TraceIdBox() {
  const [text, setText] = useState('');
  const [, navigate] = useLocation();
  const id = parseTraceId(text);
  return (
    <form
      className={classes.box}
      onSubmit={(e) => {
        e.preventDefault();
        if (!id) return;
        setText('');
        navigate(`/trace/${id}`);
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

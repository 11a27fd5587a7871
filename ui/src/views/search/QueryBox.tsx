// The query: one line, with completion while typing and the server's objection at its place.
import { IconSearch, IconX } from '@tabler/icons-react';
import { useEffect, useRef, useState } from 'react';
import type { ApiError } from '@/api/client';
import { accept, type Completion } from '@/logic/completion';
import { indexOfByte, typingAt } from '@/logic/language';
import { useKeys } from '@/state/keys';
import { useTime } from '@/state/time';
import classes from './QueryBox.module.css';
import type { SearchState } from './state';
import { useCompletions } from './useCompletions';

export function QueryBox({ state, problem }: { state: SearchState; problem: ApiError | undefined }) {
  const input = useRef<HTMLInputElement>(null);
  const [text, setText] = useState(state.query);
  const [caret, setCaret] = useState(0);
  const [open, setOpen] = useState(false);
  const [at, setAt] = useState(-1); // -1: nothing chosen, so Enter searches
  const [scrolled, setScrolled] = useState(0);
  useEffect(() => setText(state.query), [state.query]);
  const { tick } = useTime();
  useKeys({ '/': () => input.current?.focus() });

  const typing = typingAt(text, caret);
  const options = useCompletions(state.scope, typing, open);
  const shown = open && options.length > 0;

  const take = (option: Completion) => {
    const next = accept(text, typing, option);
    setText(next.query);
    setAt(-1);
    // The caret is set once the input holds the text.
    requestAnimationFrame(() => {
      input.current?.setSelectionRange(next.caret, next.caret);
      setCaret(next.caret);
    });
  };
  const submit = (query: string) => {
    setOpen(false);
    setAt(-1);
    if (query.trim() === state.query) tick();
    else state.setQuery(query);
  };
  const onKeyDown = (e: React.KeyboardEvent) => {
    const option = options[at];
    if (e.key === 'ArrowDown' && shown) setAt(Math.min(at + 1, options.length - 1));
    else if (e.key === 'ArrowUp' && shown) setAt(Math.max(at - 1, -1));
    else if (e.key === 'ArrowDown') setOpen(true);
    else if ((e.key === 'Enter' || e.key === 'Tab') && shown && option) take(option);
    else if (e.key === 'Tab' && shown && options[0] && typing.prefix !== '') take(options[0]);
    else if (e.key === 'Escape' && shown) setOpen(false);
    else if (e.key === 'Escape') input.current?.blur();
    else return;
    e.preventDefault();
  };
  const follow = () => {
    setCaret(input.current?.selectionStart ?? 0);
    setScrolled(input.current?.scrollLeft ?? 0);
  };

  return (
    <form
      className={classes.form}
      onSubmit={(e) => {
        e.preventDefault();
        submit(text);
      }}
    >
      <IconSearch className={classes.icon} size={16} aria-hidden="true" />
      <input
        ref={input}
        className={classes.input}
        value={text}
        placeholder='Search, for example: service:checkout duration>200ms "connection timeout"   ( / )'
        aria-label="Query"
        role="combobox"
        aria-expanded={shown}
        aria-controls="completions"
        aria-autocomplete="list"
        aria-activedescendant={shown && at >= 0 ? `completion-${at}` : undefined}
        aria-invalid={problem !== undefined}
        aria-describedby={problem ? 'query-problem' : undefined}
        spellCheck={false}
        autoComplete="off"
        onChange={(e) => {
          setText(e.currentTarget.value);
          setCaret(e.currentTarget.selectionStart ?? 0);
          setOpen(true);
          setAt(-1);
        }}
        onKeyDown={onKeyDown}
        onKeyUp={follow}
        onClick={() => {
          follow();
          setOpen(true);
        }}
        onScroll={follow}
        onBlur={() => setOpen(false)}
      />
      {text && (
        <button type="button" className={classes.clear} aria-label="Clear the query" onClick={() => submit('')}>
          <IconX size={14} />
        </button>
      )}
      {problem && text.trim() === state.query && <Squiggle problem={problem} query={state.query} scrolled={scrolled} />}
      {problem && (
        <div className={classes.problem} id="query-problem" role="alert">
          <strong>{problem.message}</strong>
          {problem.hint && <span> {problem.hint}</span>}
        </div>
      )}
      <div id="completions" role="listbox" aria-label="Completions" className={classes.options} hidden={!shown}>
        {shown &&
          options.map((o, i) => (
            // biome-ignore lint/a11y/useKeyWithClickEvents: the keys are the input's, which keeps the focus
            // biome-ignore lint/a11y/useFocusableInteractive: as above
            <div
              key={o.label}
              id={`completion-${i}`}
              role="option"
              aria-selected={i === at}
              className={classes.option}
              onMouseDown={(e) => e.preventDefault()}
              onClick={() => take(o)}
              ref={i === at ? (el) => el?.scrollIntoView({ block: 'nearest' }) : undefined}
            >
              <span className={classes.label}>{o.label}</span>
              <span className={classes.detail}>{o.detail}</span>
            </div>
          ))}
      </div>
    </form>
  );
}

/** The wrong piece, underlined. The input's font is monospaced, so that a character is a ch. */
function Squiggle({ problem, query, scrolled }: { problem: ApiError; query: string; scrolled: number }) {
  if (problem.pos < 0) return null;
  const from = indexOfByte(query, problem.pos);
  const to = Math.max(indexOfByte(query, problem.end), from + 1);
  return (
    <span className={classes.squiggles} aria-hidden="true">
      <span className={classes.squiggle} style={{ left: `calc(${from}ch - ${scrolled}px)`, width: `${to - from}ch` }} />
    </span>
  );
}

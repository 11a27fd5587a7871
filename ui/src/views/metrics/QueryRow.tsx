// One query: its letter, its editor, and what is wrong with it.
import { ActionIcon, Button, Tooltip } from '@mantine/core';
import { IconEye, IconEyeOff, IconX } from '@tabler/icons-react';
import { lazy, type ReactNode, Suspense, useEffect, useState } from 'react';
import type { ApiError } from '@/api/client';
import type { Question } from '@/logic/metrics/queries';
import classes from './metrics.module.css';

const Editor = lazy(() => import('./Editor'));

interface Props {
  letter: string;
  question: Question;
  several: boolean;
  problem: ApiError | undefined;
  fetching: boolean;
  focus: boolean;
  onFocus: () => void;
  onRun: (expr: string) => void;
  onHide: () => void;
  onRemove: () => void;
  children: ReactNode;
}

export function QueryRow({ letter, question, several, problem, fetching, focus, onFocus, onRun, onHide, onRemove, children }: Props) {
  const [text, setText] = useState(question.expr);
  useEffect(() => setText(question.expr), [question.expr]);
  const asked = text.trim() === question.expr;
  return (
    <section className={classes.query} aria-label={`Query ${letter}`} onFocus={onFocus}>
      {several && (
        <Tooltip label={question.hidden ? 'Show' : 'Hide'} openDelay={400}>
          <button
            type="button"
            className={classes.letter}
            aria-pressed={!question.hidden}
            aria-label={`Show query ${letter}`}
            onClick={onHide}
          >
            {letter}
            {question.hidden ? <IconEyeOff size={13} aria-hidden="true" /> : <IconEye size={13} aria-hidden="true" />}
          </button>
        </Tooltip>
      )}
      <div className={classes.editor}>
        <Suspense fallback={<code className={classes.editorWaiting}>{question.expr}</code>}>
          <Editor
            text={text}
            label={`PromQL, query ${letter}`}
            problem={asked ? problem : undefined}
            onText={setText}
            onRun={onRun}
            autoFocus={focus}
          />
        </Suspense>
        {asked && problem && (
          <p className={classes.problem} role="alert">
            {problem.message}
          </p>
        )}
        {children}
      </div>
      <Button
        size="compact-sm"
        h={32}
        fw={500}
        variant={asked ? 'default' : 'filled'}
        loading={fetching}
        loaderProps={{ size: 12 }}
        onClick={() => onRun(text)}
      >
        Run
      </Button>
      {several && (
        <ActionIcon variant="subtle" color="gray" size={32} aria-label={`Remove query ${letter}`} onClick={onRemove}>
          <IconX size={14} />
        </ActionIcon>
      )}
    </section>
  );
}

// A new silence. What it would silence is shown while it is written.
import { Button } from '@mantine/core';
import { useId, useState } from 'react';
import { onlyRunners, runsClew, useWhoami } from '@/api/access';
import { type Alert, useCreateSilence } from '@/api/alerting';
import { ErrorNote } from '@/components/ErrorNote';
import { parseMatchers, silences as silencesHold } from '@/logic/alerts/silences';
import { stepMs } from '@/logic/timerange';
import classes from './alerts.module.css';
import own from './silences.module.css';

interface Props {
  alerts: readonly Alert[];
  draft: string;
  setDraft: (matchers: string) => void;
}

const durations = ['30m', '1h', '4h', '12h', '1d', '7d'];

export function SilenceForm({ alerts, draft, setDraft }: Props) {
  const id = useId();
  const mayRun = runsClew(useWhoami().data);
  const [duration, setDuration] = useState('1h');
  const [by, setBy] = useState('');
  const [comment, setComment] = useState('');
  const create = useCreateSilence();
  const { matchers, problem } = parseMatchers(draft);
  const matched = problem ? [] : alerts.filter((a) => silencesHold(matchers, a.labels));
  const ms = stepMs(duration.trim());
  const begun = draft.trim() !== '';
  const ready = !problem && !Number.isNaN(ms) && by.trim() !== '' && comment.trim() !== '';
  return (
    <form
      className={own.form}
      aria-label="New silence"
      onSubmit={(e) => {
        e.preventDefault();
        if (!ready) return;
        const now = Date.now();
        create.mutate(
          {
            matchers,
            startsAt: new Date(now).toISOString(),
            endsAt: new Date(now + ms).toISOString(),
            createdBy: by.trim(),
            comment: comment.trim(),
          },
          {
            onSuccess: () => {
              setDraft('');
              setComment('');
            },
          },
        );
      }}
    >
      <h2>New silence</h2>
      <label htmlFor={`${id}-matchers`}>Alerts with</label>
      <textarea
        id={`${id}-matchers`}
        rows={Math.min(8, Math.max(3, draft.split('\n').length))}
        spellCheck={false}
        placeholder={'alertname="Slow"\nservice=~"cart|checkout"'}
        value={draft}
        aria-invalid={begun && problem !== ''}
        aria-describedby={`${id}-problem`}
        onChange={(e) => setDraft(e.currentTarget.value)}
      />
      <p id={`${id}-problem`} className={classes.error}>
        {begun && problem}
      </p>
      <label htmlFor={`${id}-duration`}>For</label>
      <input
        id={`${id}-duration`}
        list={`${id}-durations`}
        value={duration}
        aria-invalid={Number.isNaN(ms)}
        placeholder="2h30m"
        onChange={(e) => setDuration(e.currentTarget.value)}
      />
      <datalist id={`${id}-durations`}>
        {durations.map((d) => (
          <option key={d} value={d} />
        ))}
      </datalist>
      <label htmlFor={`${id}-by`}>Your name</label>
      <input id={`${id}-by`} autoComplete="username" value={by} onChange={(e) => setBy(e.currentTarget.value)} />
      <label htmlFor={`${id}-comment`}>Why</label>
      <input id={`${id}-comment`} value={comment} onChange={(e) => setComment(e.currentTarget.value)} />
      <div className={own.preview} aria-live="polite">
        {!problem && (
          <>
            <strong>
              {matched.length === 0
                ? 'No alert of now is silenced by it'
                : `Silences ${matched.length === 1 ? '1 alert' : `${matched.length} alerts`} of now`}
            </strong>
            <ul>
              {matched.slice(0, 10).map((a) => (
                <li key={JSON.stringify(a.labels)}>
                  <span className={classes.state} data-state={a.state}>
                    {a.state}
                  </span>{' '}
                  {Object.values(a.labels).join(' ')}
                </li>
              ))}
            </ul>
            {matched.length > 10 && <span className={classes.soft}>and {matched.length - 10} more</span>}
          </>
        )}
      </div>
      {create.error && <ErrorNote error={create.error} />}
      <Button type="submit" size="sm" disabled={!ready || !mayRun} title={mayRun ? undefined : onlyRunners} loading={create.isPending}>
        Silence
      </Button>
    </form>
  );
}

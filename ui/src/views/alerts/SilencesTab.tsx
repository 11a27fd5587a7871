// Silences: those that hold, will hold, and held; a new one, with the alerts that it would silence.
import { Button } from '@mantine/core';
import type { UseQueryResult } from '@tanstack/react-query';
import { onlyRunners, runsClew, useWhoami } from '@/api/access';
import { type Alert, type Silence, useExpireSilence } from '@/api/alerting';
import { ErrorNote } from '@/components/ErrorNote';
import { matcherText, silences as silencesHold } from '@/logic/alerts/silences';
import { formatMoment } from '@/logic/format';
import { useTime } from '@/state/time';
import classes from './alerts.module.css';
import { SilenceForm } from './SilenceForm';
import own from './silences.module.css';

interface Props {
  answer: UseQueryResult<Silence[] | 'elsewhere'>;
  alerts: readonly Alert[];
  draft: string;
  setDraft: (matchers: string) => void;
}

const order = ['active', 'pending', 'expired'];
const listedMax = 200;

export function SilencesTab({ answer, alerts, draft, setDraft }: Props) {
  const { data, error, refetch } = answer;
  if (data === 'elsewhere') {
    return (
      <p className={classes.nothing}>Alerts are not routed by this clew: what silences them is the Alertmanager that they are sent to.</p>
    );
  }
  if (error && !data) return <ErrorNote error={error} retry={() => void refetch()} />;
  if (!data) return null;
  const sorted = data.toSorted((a, b) => order.indexOf(a.state) - order.indexOf(b.state) || b.startsAt.localeCompare(a.startsAt));
  return (
    <div className={own.silences}>
      <section aria-label="Silences" className={own.list}>
        {sorted.length === 0 && <p className={classes.nothing}>Nothing is silenced.</p>}
        <ul>
          {sorted.slice(0, listedMax).map((s) => (
            <SilenceItem
              key={s.id}
              silence={s}
              matched={alerts.filter((a) => silencesHold(s.matchers, a.labels)).length}
              again={setDraft}
            />
          ))}
        </ul>
        {sorted.length > listedMax && <p className={classes.soft}>and {sorted.length - listedMax} more that have expired</p>}
      </section>
      <SilenceForm alerts={alerts} draft={draft} setDraft={setDraft} />
    </div>
  );
}

function SilenceItem({ silence: s, matched, again }: { silence: Silence; matched: number; again: (matchers: string) => void }) {
  const mayRun = runsClew(useWhoami().data);
  const { zone } = useTime();
  const expire = useExpireSilence();
  const text = s.matchers.map(matcherText);
  const over = s.state === 'expired';
  return (
    <li className={own.silence} data-over={over || undefined}>
      <div className={classes.alertHead}>
        <span className={classes.state} data-state={s.state}>
          {s.state}
        </span>
        <code className={own.matchers}>{text.join(', ')}</code>
        {over ? (
          <Button size="compact-xs" fw={500} variant="default" onClick={() => again(text.join('\n'))}>
            Again
          </Button>
        ) : (
          <Button
            size="compact-xs"
            fw={500}
            variant="default"
            disabled={!mayRun}
            title={mayRun ? undefined : onlyRunners}
            loading={expire.isPending}
            onClick={() => expire.mutate(s.id)}
          >
            Expire
          </Button>
        )}
      </div>
      <p>
        {s.comment} <span className={classes.soft}>by {s.createdBy || 'nobody'}</span>
      </p>
      <p className={classes.soft}>
        {formatMoment(Date.parse(s.startsAt), zone)} to {formatMoment(Date.parse(s.endsAt), zone)}
        {!over && `; ${matched === 1 ? '1 alert' : `${matched} alerts`} now`}
      </p>
      {expire.error && <ErrorNote error={expire.error} />}
    </li>
  );
}

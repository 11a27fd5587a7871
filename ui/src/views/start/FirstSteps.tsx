// How to send the first span and log record to this very clew, with a light that says when they have arrived.
import { Link } from 'wouter';
import { queryClient, useFacts, useReceived } from '@/api/queries';
import { CopyButton } from '@/components/CopyButton';
import { ErrorNote } from '@/components/ErrorNote';
import { ServiceBadge } from '@/components/ServiceBadge';
import { withZone } from '@/logic/address';
import { formatCount } from '@/logic/format';
import { type Endpoints, endpointsOf, type Snippet, snippets } from '@/logic/snippets';
import { useTime } from '@/state/time';
import { useUrlState } from '@/state/url';
import classes from './FirstSteps.module.css';

export function FirstSteps() {
  const { data: facts, error, refetch } = useFacts();
  if (error) return <ErrorNote error={error} retry={() => void refetch()} />;
  const endpoints = facts && endpointsOf(facts, window.location.hostname);
  return (
    <div className={classes.steps}>
      <h2 className={classes.heading}>Send a first span and log record</h2>
      <p className={classes.lead}>
        clew takes OTLP from every OpenTelemetry SDK and Collector. Nothing in your code changes but where it sends to; what is answered
        with success is on disk.
      </p>
      <Received />
      {endpoints ? <Languages endpoints={endpoints} /> : <div className={`skeleton ${classes.waiting}`} />}
    </div>
  );
}

function Received() {
  const { tick, zone } = useTime();
  // The search has asked about the now before anything arrived, and its answer is cached: empty.
  const askAnew = () => {
    void queryClient.invalidateQueries();
    tick();
  };
  const spans = useReceived('spans');
  const logs = useReceived('logs');
  const count = (spans.data?.count ?? 0) + (logs.data?.count ?? 0);
  const services = [...new Set([...(spans.data?.groups ?? []), ...(logs.data?.groups ?? [])].map((g) => g.value))]
    .filter(Boolean)
    .slice(0, 8);
  const failed = spans.error ?? logs.error;
  return (
    <div className={classes.received} data-on={count > 0 || undefined} role="status">
      <span className={classes.light} aria-hidden="true" />
      {failed ? (
        <span>{failed.message}</span>
      ) : count > 0 ? (
        <>
          <span>
            <strong>Received</strong> {formatCount(spans.data?.count ?? 0)} spans and {formatCount(logs.data?.count ?? 0)} log records in
            the last 15 minutes, from
          </span>
          {services.map((s) => (
            <ServiceBadge key={s} service={s} />
          ))}
          <span className={classes.space} />
          <Link href={(spans.data?.count ?? 0) > 0 ? '/search' : '/search?signal=logs'} className={classes.see} onClick={askAnew}>
            See them
          </Link>
          <Link href={withZone('/ledger', zone)} className={classes.see} title="What was sent, and what became of it">
            Ledger
          </Link>
        </>
      ) : (
        <span>Waiting for the first span or log record …</span>
      )}
    </div>
  );
}

function Languages({ endpoints }: { endpoints: Endpoints }) {
  const { get, set } = useUrlState();
  const all = snippets(endpoints);
  const shown = all.find((s) => s.id === get('lang')) ?? all[0];
  return (
    <>
      <dl className={classes.endpoints}>
        <Endpoint name="OTLP over HTTP" address={endpoints.http} />
        <Endpoint name="OTLP over gRPC" address={endpoints.grpc} />
      </dl>
      <div className={classes.tabs} role="tablist" aria-label="Language">
        {all.map((s) => (
          <button
            key={s.id}
            type="button"
            role="tab"
            id={`language-${s.id}`}
            aria-selected={s === shown}
            aria-controls="snippet"
            onClick={() => set({ lang: s.id }, { replace: true })}
          >
            {s.name}
          </button>
        ))}
      </div>
      {shown && <Steps snippet={shown} />}
    </>
  );
}

function Endpoint({ name, address }: { name: string; address: string }) {
  return (
    <div>
      <dt>{name}</dt>
      <dd>
        <code>{address}</code>
        <CopyButton text={address} label={`Copy the address of ${name}`} />
      </dd>
    </div>
  );
}

function Steps({ snippet }: { snippet: Snippet }) {
  return (
    <div id="snippet" role="tabpanel" aria-labelledby={`language-${snippet.id}`}>
      <p className={classes.about}>{snippet.about}</p>
      {snippet.steps.map((step) => (
        <Step key={`${snippet.id} ${step.title}`} title={step.title} code={step.code} />
      ))}
    </div>
  );
}

function Step({ title, code }: { title: string; code: string }) {
  return (
    <figure className={classes.step}>
      <figcaption>
        <span>{title}</span>
        <CopyButton text={code} label={`Copy: ${title}`} />
      </figcaption>
      {/* biome-ignore lint/a11y/noNoninteractiveTabindex: wide code scrolls, also by keyboard */}
      <pre tabIndex={0}>{code}</pre>
    </figure>
  );
}

// Metrics: what there are, and what PromQL says of them over a time or at an instant.
import { Button } from '@mantine/core';
import { IconDownload, IconPlus } from '@tabler/icons-react';
import { lazy, Suspense, useCallback, useEffect, useMemo, useState } from 'react';
import { mistakeIn } from '@/api/client';
import { useExemplars, useInstants, useRanges } from '@/api/promql';
import { queryClient } from '@/api/queries';
import { ErrorNote } from '@/components/ErrorNote';
import { notesOf } from '@/logic/metrics/notes';
import { letterOf, type Question, questionsMax } from '@/logic/metrics/queries';
import { useKeys } from '@/state/keys';
import { useTime } from '@/state/time';
import { Exemplars } from './Exemplars';
import { exportCsv } from './file';
import { Legend } from './Legend';
import { type Lines, linesOf } from './lines';
import { MetricBrowser } from './MetricBrowser';
import classes from './metrics.module.css';
import { QueryRow } from './QueryRow';
import { InstantTable, SummaryTable } from './SeriesTable';
import { StepPicker } from './StepPicker';
import { type MetricsState, useMetricsState, views } from './state';

const Graph = lazy(() => import('./Graph'));

export default function MetricsPage() {
  const state = useMetricsState();
  const { questions, view, window: asked } = state;
  const { tick, instants } = useTime();
  const [active, setActive] = useState(0);
  useEffect(() => {
    document.title = 'Metrics – clew';
  }, []);
  const texts = questions.map((q) => q.expr);
  const ranged = useRanges(view === 'instant' ? texts.map(() => '') : texts, asked);
  const instant = useInstants(view === 'instant' ? texts : texts.map(() => ''), instants.end);
  const drawn = questions.map((q) => (view === 'graph' && !q.hidden ? q.expr : ''));
  const exemplars = useExemplars(drawn, instants);
  const answers = ranged.map((r) => r.data);
  const values = instant.map((r) => r.data?.samples);
  // biome-ignore lint/correctness/useExhaustiveDependencies: hooks of queries give a new list at each render; the answers in it are what changes
  const shown = useMemo(() => linesOf(questions, answers), [questions, ...answers]);
  const dots = exemplars.map((e) => e.data);
  // biome-ignore lint/correctness/useExhaustiveDependencies: as above
  const traces = useMemo(() => dots.flatMap((d, i) => (drawn[i] ? (d ?? []) : [])), [drawn.join('\n'), ...dots]);

  const set = (i: number, q: Partial<Question>) => state.setQuestions(questions.map((old, k) => (k === i ? { ...old, ...q } : old)));
  const run = (i: number, expr: string) => {
    const text = expr.trim();
    if (text !== questions[i]?.expr) return set(i, { expr: text });
    void queryClient.invalidateQueries({ queryKey: [view === 'instant' ? 'instant' : 'range', text] });
    tick();
  };
  const add = (expr = '') => {
    state.setQuestions([...questions, { expr, hidden: false }]);
    setActive(questions.length);
  };
  // What is chosen goes where the caret was last, unless another question is there.
  const choose = (expr: string) => {
    const at = Math.min(active, questions.length - 1);
    if (questions[at]?.expr === '') set(at, { expr });
    else if (questions.length < questionsMax) add(expr);
    else set(at, { expr });
  };
  useKeys({ '/': () => document.querySelector<HTMLInputElement>('#metric-search')?.focus() });

  const results = view === 'instant' ? instant : ranged;
  const nothing = texts.every((t) => t === '');
  const failed = results.every((r, i) => texts[i] === '' || r.error !== null); // and each says so
  return (
    <div className={classes.page}>
      <h1 className="sr-only">Metrics</h1>
      <MetricBrowser
        onChoose={choose}
        active={questions[Math.min(active, questions.length - 1)]?.expr ?? ''}
        onReplace={(expr) => set(Math.min(active, questions.length - 1), { expr })}
      />
      <div className={classes.main}>
        <div className={classes.queries}>
          {questions.map((q, i) => {
            const result = results[i];
            return (
              <QueryRow
                // biome-ignore lint/suspicious/noArrayIndexKey: a query is its place; its text changes
                key={i}
                letter={letterOf(i)}
                question={q}
                several={questions.length > 1}
                problem={mistakeIn(result?.error)}
                fetching={result?.isFetching === true}
                focus={i === active && (i > 0 || q.expr === '')}
                onFocus={() => setActive(i)}
                onRun={(expr) => run(i, expr)}
                onHide={() => set(i, { hidden: !q.hidden })}
                onRemove={() => {
                  state.setQuestions(questions.filter((_, k) => k !== i));
                  setActive(0);
                }}
              >
                {result?.error && !mistakeIn(result.error) && <ErrorNote error={result.error} retry={() => void result.refetch()} />}
                {view === 'instant' ? (
                  <NotesOf notes={instant[i]?.data?.notes ?? []} />
                ) : (
                  <Answer lines={shown} query={i} answer={answers[i]} />
                )}
              </QueryRow>
            );
          })}
        </div>
        <Toolbar state={state} shown={shown} instant={values} onAdd={() => add()} />
        {nothing ? (
          <Nothing />
        ) : failed ? null : (
          <Results state={state} shown={shown} instant={values} traces={traces} waiting={results.some((r) => r.isLoading)} />
        )}
      </div>
    </div>
  );
}

/** What a query's answer lacks, if anything. */
function Answer({
  lines,
  query,
  answer,
}: {
  lines: Lines;
  query: number;
  answer: { series: unknown[]; truncated: boolean; warnings: string[] } | undefined;
}) {
  if (!answer) return null;
  const own = lines.lines.filter((l) => l.query === query).length;
  const words = [...answer.warnings];
  if (answer.truncated) words.push(`there are more than ${answer.series.length} series: ask for fewer`);
  if (answer.series.length > own && own > 0)
    words.push(`${own} of ${answer.series.length} series are drawn: those with the greatest values`);
  return <NotesOf notes={words} />;
}

function NotesOf({ notes }: { notes: string[] }) {
  const { warnings, infos } = notesOf(notes);
  return (
    <>
      {warnings.length > 0 && <p className={classes.warning}>{warnings.join('; ')}</p>}
      {infos.length > 0 && <p className={classes.info}>{infos.join('; ')}</p>}
    </>
  );
}

type Instants = Parameters<typeof InstantTable>[0]['answers'];

function Toolbar({ state, shown, instant, onAdd }: { state: MetricsState; shown: Lines; instant: Instants; onAdd: () => void }) {
  const { view, questions, stacked } = state;
  const empty = view === 'instant' ? instant.every((a) => !a || a.length === 0) : shown.lines.length === 0;
  return (
    <div className={classes.toolbar}>
      <Button
        size="compact-sm"
        fw={500}
        variant="default"
        leftSection={<IconPlus size={14} />}
        disabled={questions.length >= questionsMax}
        onClick={onAdd}
      >
        Query
      </Button>
      <fieldset className={classes.views}>
        <legend className="sr-only">View</legend>
        {views.map((v) => (
          <button key={v.id} type="button" aria-pressed={v.id === view} title={v.about} onClick={() => state.setView(v.id)}>
            {v.name}
          </button>
        ))}
      </fieldset>
      {view !== 'instant' && <StepPicker state={state} />}
      {view === 'graph' && (
        <label className={classes.check}>
          <input type="checkbox" checked={stacked} onChange={(e) => state.setStacked(e.currentTarget.checked)} />
          Stacked
        </label>
      )}
      <span className={classes.space} />
      <Button
        size="compact-sm"
        fw={500}
        variant="default"
        leftSection={<IconDownload size={14} />}
        disabled={empty}
        onClick={() => exportCsv(view, questions, shown, instant)}
      >
        CSV
      </Button>
    </div>
  );
}

interface ResultsProps {
  state: MetricsState;
  shown: Lines;
  instant: Instants;
  traces: Parameters<typeof Exemplars>[0]['exemplars'];
  waiting: boolean;
}

function Results({ state, shown, instant, traces, waiting }: ResultsProps) {
  const [only, setOnly] = useState<ReadonlySet<string>>(new Set());
  const [hover, setHover] = useState<number>();
  const keys = shown.lines.map((l) => l.key).join('\n');
  // A choice among lines ends with those lines.
  const chosen = useMemo(() => {
    const there = new Set(keys.split('\n'));
    return new Set([...only].filter((key) => there.has(key)));
  }, [keys, only]);
  const onHover = useCallback((i: number | undefined) => setHover(i), []);
  if (state.view === 'instant') return waiting ? <Waiting /> : <InstantTable questions={state.questions} answers={instant} />;
  if (shown.lines.length === 0) return waiting ? <Waiting /> : <Empty />;
  if (state.view === 'range') return <SummaryTable lines={shown.lines} />;
  return (
    <>
      <Suspense fallback={<Waiting />}>
        <Graph shown={shown} stacked={state.stacked} only={chosen} exemplars={traces} onHover={onHover} />
      </Suspense>
      <Legend shown={shown} only={chosen} setOnly={setOnly} at={hover} />
      <Exemplars exemplars={traces} />
    </>
  );
}

function Waiting() {
  return <div className={`skeleton ${classes.waiting}`} aria-hidden="true" />;
}

function Empty() {
  return (
    <p className={classes.nothing}>
      No values in this time. Of a histogram ask for a quantile: <code>histogram_quantile(0.95, …)</code>
    </p>
  );
}

function Nothing() {
  return (
    <div className={classes.nothing}>
      <p>Choose a metric, or write a query in PromQL and press Enter.</p>
      <p>
        <kbd>Tab</kbd> completes, <kbd>Shift</kbd> <kbd>Enter</kbd> begins a line, <kbd>/</kbd> searches the metrics.
      </p>
    </div>
  );
}

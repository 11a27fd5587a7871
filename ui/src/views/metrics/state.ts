// What the metrics page shows, from its URL: `expr` for each query, `off` those not drawn, `view`, `step` (empty: as fits), `stack`.
import { useCallback, useMemo } from 'react';
import { useLocation, useSearch } from 'wouter';
import type { Window } from '@/api/promql';
import { windowOf } from '@/logic/hosts/charts';
import { type Question, questionsOf, withQuestions } from '@/logic/metrics/queries';
import { type Instants, stepMs } from '@/logic/timerange';
import { useTime } from '@/state/time';
import { useUrlState } from '@/state/url';

export type View = 'graph' | 'instant' | 'range';
export const views: readonly { id: View; name: string; about: string }[] = [
  { id: 'graph', name: 'Graph', about: 'Values over the time' },
  { id: 'instant', name: 'Values', about: 'Values at the end of the time' },
  { id: 'range', name: 'Summary', about: 'Least, mean, greatest and last value over the time' },
];

/** About as many points as a chart has pixels to tell apart. */
const pointsMax = 300;
/** A series of an answer may have no more points (query/promapi). */
export const pointsAllowed = 11_000;

/** The steps of a chart: the given one, at multiples of itself, or one that fits. */
export function stepsOf(instants: Instants, step: string): Window {
  const ms = stepMs(step);
  if (Number.isNaN(ms) || (instants.end - instants.start) / ms >= pointsAllowed) return windowOf(instants, pointsMax);
  return { start: Math.floor(instants.start / ms) * ms, end: Math.floor(instants.end / ms) * ms, step: ms };
}

export interface MetricsState {
  questions: Question[];
  view: View;
  step: string;
  stacked: boolean;
  window: Window;
  setQuestions(questions: readonly Question[]): void;
  setView(view: View): void;
  setStep(step: string): void;
  setStacked(stacked: boolean): void;
}

export function useMetricsState(): MetricsState {
  const search = useSearch();
  const [, navigate] = useLocation();
  const { get, set } = useUrlState();
  const { instants } = useTime();
  const setQuestions = useCallback(
    (questions: readonly Question[]) => {
      const next = withQuestions(window.location.search, questions);
      if (next !== window.location.search.replace(/^\?/, '')) navigate(window.location.pathname + (next ? `?${next}` : ''));
    },
    [navigate],
  );
  const questions = useMemo(() => questionsOf(search), [search]);
  const view = views.find((v) => v.id === get('view'))?.id ?? 'graph';
  const step = get('step');
  const stacked = get('stack') === '1';
  return useMemo<MetricsState>(
    () => ({
      questions,
      view,
      step,
      stacked,
      window: stepsOf(instants, step),
      setQuestions,
      setView: (v) => set({ view: v === 'graph' ? undefined : v }),
      setStep: (s) => set({ step: s }),
      setStacked: (on) => set({ stack: on ? '1' : undefined }, { replace: true }),
    }),
    [questions, view, step, stacked, instants, setQuestions, set],
  );
}

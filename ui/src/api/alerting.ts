// Rules with their alerts, from clew; silences, from Alertmanager's API. An Alertmanager may be elsewhere: then there are no silences here.
import { useMutation, useQuery } from '@tanstack/react-query';
import type { SilenceMatcher } from '@/logic/alerts/silences';
import { ApiError, ask, send } from './client';
import { queryClient } from './queries';
import { bool, list, num, object, open, or, type Shape, ShapeError, str } from './validate';

const texts: Shape<Record<string, string>> = (v, at) =>
  Object.fromEntries(Object.entries(open(v, at)).map(([key, x]) => [key, str(x, `${at}.${key}`)]));

/** A record that shows why an alert is active. */
export interface Example {
  time: string;
  signal: string; // logs, spans, metrics
  service: string;
  severity: string;
  text: string;
  traceId: string;
  spanId: string;
}
export interface Alert {
  labels: Record<string, string>;
  annotations: Record<string, string>;
  state: string; // firing, pending
  activeAt: string;
  keepFiringSince: string;
  value: string;
  examples: Example[];
}
export interface Rule {
  name: string;
  type: string; // alerting, recording
  state: string; // '' of recording rules
  query: string;
  lang: string;
  window: number; // seconds
  by: string[];
  condition: string;
  duration: number;
  keepFiringFor: number;
  labels: Record<string, string>;
  annotations: Record<string, string>;
  alerts: Alert[];
  health: string;
  lastError: string;
  evaluationTime: number;
  lastEvaluation: string;
  line: number;
}
export interface RuleGroup {
  name: string;
  file: string;
  interval: number;
  missed: number;
  here: boolean;
  stateError: string;
  lastEvaluation: string;
  rules: Rule[];
}
export interface Rules {
  loadedAt: string;
  problems: string[];
  groups: RuleGroup[];
}

const text = or(str, '');
const zero = or(num, 0);
const example: Shape<Example> = (v, at) => {
  const e = object<{ time: string; signal: string; service: string; severity: string; text: string; trace_id: string; span_id: string }>({
    time: str,
    signal: str,
    service: text,
    severity: text,
    text,
    trace_id: text,
    span_id: text,
  })(v, at);
  const { trace_id: traceId, span_id: spanId, ...rest } = e;
  return { ...rest, traceId, spanId };
};
const alert = object<Alert>({
  labels: texts,
  annotations: or(texts, {}),
  state: str,
  activeAt: str,
  keepFiringSince: text,
  value: str,
  examples: or(list(example), []),
});
const rule = object<Rule>({
  name: str,
  type: str,
  state: text,
  query: str,
  lang: str,
  window: zero,
  by: or(list(str), []),
  condition: text,
  duration: zero,
  keepFiringFor: zero,
  labels: or(texts, {}),
  annotations: or(texts, {}),
  alerts: or(list(alert), []),
  health: str,
  lastError: text,
  evaluationTime: zero,
  lastEvaluation: str,
  line: zero,
});
const group = object<RuleGroup>({
  name: str,
  file: str,
  interval: num,
  missed: zero,
  here: or(bool, true),
  stateError: text,
  lastEvaluation: str,
  rules: list(rule),
});
export const rulesAnswer: Shape<Rules> = (v, at) => {
  const a = object<{ loaded_at: string; problems: string[]; groups: RuleGroup[] }>({
    loaded_at: str,
    problems: or(list(str), []),
    groups: list(group),
  })(v, at);
  return { loadedAt: a.loaded_at, problems: a.problems, groups: a.groups };
};

const rulesEveryMs = 5_000;

export function useRules() {
  return useQuery({
    queryKey: ['rules'],
    queryFn: ({ signal }) => ask('/api/v1/rules', {}, rulesAnswer, signal),
    refetchInterval: rulesEveryMs,
    staleTime: 0,
  });
}

export interface Silence {
  id: string;
  state: string; // active, pending, expired
  comment: string;
  createdBy: string;
  startsAt: string;
  endsAt: string;
  matchers: SilenceMatcher[];
}
const matcher = object<SilenceMatcher>({ name: str, value: str, isRegex: bool, isEqual: or(bool, true) });
const silence: Shape<Silence> = (v, at) => {
  const { status, ...rest } = object<Omit<Silence, 'state'> & { status: { state: string } }>({
    id: str,
    comment: text,
    createdBy: text,
    startsAt: str,
    endsAt: str,
    matchers: list(matcher),
    status: object<{ state: string }>({ state: str }),
  })(v, at);
  return { ...rest, state: status.state };
};
export const silencesAnswer: Shape<Silence[]> = list(silence);

const base = '/alertmanager/api/v2';

/** 'elsewhere': there is no Alertmanager in this process, so that its path is answered with an error, or with the application. */
export function useSilences() {
  return useQuery({
    queryKey: ['silences'],
    queryFn: async ({ signal }): Promise<Silence[] | 'elsewhere'> => {
      try {
        return await ask(`${base}/silences`, {}, silencesAnswer, signal);
      } catch (e) {
        if (e instanceof ShapeError || (e instanceof ApiError && (e.status === 404 || e.status === 501))) return 'elsewhere';
        throw e;
      }
    },
    refetchInterval: rulesEveryMs,
    staleTime: 0,
  });
}

export interface NewSilence {
  matchers: SilenceMatcher[];
  startsAt: string;
  endsAt: string;
  createdBy: string;
  comment: string;
}

const again = () => queryClient.invalidateQueries({ queryKey: ['silences'] });

export function useCreateSilence() {
  return useMutation({ mutationFn: (s: NewSilence) => send('POST', `${base}/silences`, s), onSuccess: again });
}

export function useExpireSilence() {
  return useMutation({ mutationFn: (id: string) => send('DELETE', `${base}/silence/${encodeURIComponent(id)}`), onSuccess: again });
}

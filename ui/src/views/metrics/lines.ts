// The lines of all queries of the page, as its graph, its tables and its file show them.
import type { SequencesAnswer } from '@/api/promql';
import { letterOf, type Question } from '@/logic/metrics/queries';
import { commonLabels, type Labels, type Summary, seriesName, summaryOf, unitOf, type ValueUnit, without } from '@/logic/metrics/series';

export interface Line {
  key: string;
  query: number;
  letter: string; // of its query, where there are several
  labels: Labels;
  name: string; // what tells it from the others of its query
  unit: ValueUnit;
  values: (number | null)[];
  summary: Summary;
}

/** Lines that are drawn: more say nothing, and take long. */
export const linesMax = 100;

export interface Lines {
  lines: Line[]; // of each query those with the greatest values first
  more: number; // that are not drawn
  start: number; // ms
  step: number;
  points: number;
}

export function linesOf(questions: readonly Question[], answers: readonly (SequencesAnswer | undefined)[]): Lines {
  const lines: Line[] = [];
  const asked = questions.filter((q) => q.expr !== '').length;
  const axis = answers.reduce((newest, a) => (a && (!newest || a.start > newest.start) ? a : newest), undefined);
  answers.forEach((earlier, query) => {
    const q = questions[query];
    const answer = earlier && axis && onAxis(earlier, axis);
    if (!answer || !q || q.hidden || q.expr === '') return;
    const common = commonLabels(answer.series.map((s) => s.labels));
    const unit = unitOf(q.expr);
    const own = answer.series.map<Line>((s) => {
      const name = seriesName(without(s.labels, common));
      return {
        key: `${query} ${seriesName(s.labels)}`,
        query,
        letter: asked > 1 ? letterOf(query) : '',
        labels: s.labels,
        name: name === '{}' ? q.expr : name,
        unit,
        values: s.values,
        summary: summaryOf(s.values),
      };
    });
    // A series of infinities and NaN has no points to draw; the table of values shows it.
    lines.push(...own.filter((l) => l.summary.points > 0).sort((a, b) => b.summary.max - a.summary.max));
  });
  return {
    lines: lines.slice(0, linesMax),
    more: Math.max(0, lines.length - linesMax),
    start: axis?.start ?? 0,
    step: axis?.step ?? 1,
    points: axis?.points ?? 0,
  };
}

/** While the time moves on, some queries are answered for the new one and some still for the old one: its values stand at their own times. */
function onAxis(answer: SequencesAnswer, axis: SequencesAnswer): SequencesAnswer | undefined {
  const { start, step, points } = axis;
  if (answer.start === start && answer.step === step && answer.points === points) return answer;
  const by = (start - answer.start) / step;
  if (answer.step !== step || !Number.isInteger(by)) return undefined;
  const moved = (values: (number | null)[]) => Array.from({ length: points }, (_, i) => values[i + by] ?? null);
  return { ...answer, start, points, series: answer.series.map((s) => ({ ...s, values: moved(s.values) })) };
}

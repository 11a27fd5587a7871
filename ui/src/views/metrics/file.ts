// What is shown, as a file of comma-separated values.
import type { Sample } from '@/api/promql';
import { letterOf, type Question } from '@/logic/metrics/queries';
import { csvOf, rangeRows, seriesName } from '@/logic/metrics/series';
import type { Lines } from './lines';
import type { View } from './state';

export function exportCsv(view: View, questions: readonly Question[], shown: Lines, instant: readonly (Sample[] | undefined)[]) {
  save(csvOf(view === 'instant' ? instantRows(questions, instant) : graphRows(shown)));
}

function graphRows({ lines, start, step, points }: Lines) {
  const series = lines.map((l) => ({ name: `${l.letter && `${l.letter}: `}${seriesName(l.labels)}`, values: l.values }));
  return rangeRows(start, step, points, series);
}

function instantRows(questions: readonly Question[], answers: readonly (Sample[] | undefined)[]) {
  const rows = answers.flatMap((a, i) => (a ?? []).map((s) => [letterOf(i), questions[i]?.expr ?? '', seriesName(s.labels), s.value]));
  return [['query', 'expr', 'series', 'value'], ...rows];
}

function save(text: string) {
  const url = URL.createObjectURL(new Blob([text], { type: 'text/csv;charset=utf-8' }));
  const a = document.createElement('a');
  a.href = url;
  a.download = 'metrics.csv';
  a.click();
  setTimeout(() => URL.revokeObjectURL(url), 10_000); // the browser has begun to read it by then
}

// What may stand where the caret is: fields and syntax, or the values of a field.
import type { Field, Group } from '@/api/answers';
import { severityClass } from './color';
import { named } from './facets';
import { formatCompact } from './format';
import { quoteField, quoteValue, type Typing } from './language';

export interface Completion {
  text: string; // what is written
  label: string;
  detail: string; // a count, or what it means
}

const shownMax = 12;

const syntax: Completion[] = [
  { text: '"', label: '"two words"', detail: 'these words in sequence' },
  { text: '/', label: '/time.?out/', detail: 'a regular expression on the raw text' },
  { text: '-', label: '-word', detail: 'not' },
  { text: 'OR ', label: 'a OR b', detail: 'either; words side by side: both' },
  { text: '(', label: '( )', detail: 'grouping' },
];

const severities = ['fatal', 'error', 'warn', 'info', 'debug', 'trace'];
const durations = ['10ms', '100ms', '500ms', '1s', '5s'];

/** Fields that begin with what is typed, then those that hold it; where nothing is typed, the syntax too. */
export function fieldCompletions(typing: Typing, fields: readonly Field[]): Completion[] {
  const typed = typing.prefix.toLowerCase();
  const rank = (name: string) => {
    const at = name.toLowerCase().indexOf(typed);
    return at < 0 ? -1 : at === 0 ? 0 : /[._]/.test(name.charAt(at - 1)) ? 1 : 2;
  };
  const found = named(fields)
    .map((f) => ({ f, rank: rank(f.name), field: f.level === 'field' ? 0 : 1 }))
    .filter(({ f, rank }) => rank >= 0 && f.type !== 'json')
    .sort((a, b) => a.rank - b.rank || a.field - b.field || b.f.count - a.f.count || (a.f.name < b.f.name ? -1 : 1))
    .slice(0, shownMax)
    .map<Completion>(({ f }) => ({
      text: quoteField(f.name) + (f.name === 'duration' ? '>' : f.name === 'severity' ? '>=' : ':'),
      label: f.name,
      detail: `${f.type} · ${formatCompact(f.count)}`,
    }));
  return typed === '' ? [...syntax, ...found] : found;
}

/** The values of a field that go with what is typed. The server was asked for those that begin so. */
export function valueCompletions(typing: Typing, values: readonly Group[]): Completion[] {
  const typed = typing.prefix.toLowerCase();
  if (typing.field === 'severity') return severityCompletions(typed, values);
  if (typing.field === 'duration')
    return durations.filter((d) => d.startsWith(typed)).map((d) => ({ text: `${d} `, label: d, detail: '' }));
  return values
    .filter((v) => v.value !== '' && v.value.toLowerCase().startsWith(typed))
    .slice(0, shownMax)
    .map((v) => ({ text: `${quoteValue(v.value)} `, label: v.value, detail: formatCompact(v.count) }));
}

function severityCompletions(typed: string, values: readonly Group[]): Completion[] {
  const counts = new Map<string, number>();
  for (const v of values) {
    const name = severityClass(Number(v.value));
    counts.set(name, (counts.get(name) ?? 0) + v.count);
  }
  return severities.filter((s) => s.startsWith(typed)).map((s) => ({ text: `${s} `, label: s, detail: formatCompact(counts.get(s) ?? 0) }));
}

/** The query after a completion, and where the caret is then. */
export function accept(query: string, typing: Typing, completion: Completion): { query: string; caret: number } {
  const rest = query.slice(typing.to);
  const text = completion.text.endsWith(' ') && rest.startsWith(' ') ? completion.text.trimEnd() : completion.text;
  return { query: query.slice(0, typing.from) + text + rest, caret: typing.from + text.length };
}

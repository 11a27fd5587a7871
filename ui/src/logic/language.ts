// The search language's text, as far as a page needs it: where the caret stands, which filters there are, and how to add one. The server parses;
// this only cuts, so it never refuses anything.

/** A piece of a query that stands by itself: a term with its field, operator and sign, or a parenthesis. */
export interface Term {
  from: number;
  to: number;
  text: string;
}

/** Cuts a query into terms. Quotes and regular expressions hold spaces; parentheses stand alone unless a field goes into them. */
export function terms(query: string): Term[] {
  const out: Term[] = [];
  let i = 0;
  while (i < query.length) {
    const c = query.charAt(i);
    if (/\s/.test(c)) {
      i++;
    } else if (c === '(' || c === ')') {
      out.push({ from: i, to: i + 1, text: c });
      i++;
    } else {
      const from = i;
      i = termEnd(query, i);
      out.push({ from, to: i, text: query.slice(from, i) });
    }
  }
  return out;
}

function termEnd(query: string, from: number): number {
  let i = from;
  let valueBegins = true; // where a quote or a regular expression may begin
  while (i < query.length) {
    const c = query.charAt(i);
    if (/\s/.test(c) || c === '(' || c === ')') break;
    if (c === '\\') i++;
    else if (c === '"' && valueBegins) i = closing(query, i, '"');
    else if (c === '/' && valueBegins) i = closing(query, i, '/');
    valueBegins = ':=<>-'.includes(c);
    i++;
  }
  return Math.min(i, query.length);
}

/** The place of the delimiter that closes the one at i, or the last place of the text. A lone slash closes nothing: it is a path's. */
function closing(query: string, i: number, delimiter: string): number {
  for (let j = i + 1; j < query.length; j++) {
    if (query[j] === '\\') j++;
    else if (query[j] === delimiter) return j;
  }
  return delimiter === '"' ? query.length - 1 : i;
}

/** What is being typed: a field (or a word), or the value of a field. Accepting a completion replaces from..to. */
export interface Typing {
  kind: 'field' | 'value';
  field: string;
  prefix: string;
  from: number;
  to: number;
}

export function typingAt(query: string, caret: number): Typing {
  const term = terms(query).find((t) => t.from < caret && caret <= t.to && t.text !== '(' && t.text !== ')');
  if (!term) return { kind: 'field', field: '', prefix: '', from: caret, to: caret };
  const begin = term.from + (term.text.startsWith('-') ? 1 : 0);
  const parts = /^-?("(?:[^"\\]|\\.)*"|(?:[^\s:=<>!"\\]|\\.)+)(:|!=|[<>]=?|=)/.exec(term.text);
  const valueFrom = parts ? term.from + parts[0].length : -1;
  if (parts?.[1] && caret >= valueFrom) {
    const prefix = query.slice(valueFrom, caret).replace(/^"/, '').replace(/\\(.)/g, '$1');
    return { kind: 'value', field: unquote(parts[1]), prefix, from: valueFrom, to: term.to };
  }
  return { kind: 'field', field: '', prefix: query.slice(begin, caret), from: begin, to: parts?.[2] ? valueFrom : term.to };
}

export function unquote(text: string): string {
  const inner = text.startsWith('"') && text.endsWith('"') && text.length > 1 ? text.slice(1, -1) : text;
  return inner.replace(/\\(.)/g, '$1');
}

const plainValue = /^[\p{L}\p{N}_][\p{L}\p{N}_.-]*$/u;
const plainField = /^[\p{L}\p{N}_][\p{L}\p{N}_.-]*$/u;
const operators = new Set(['AND', 'OR', 'NOT']);
/** Fields whose `:` looks for words; a whole value needs `=`. */
const prose = new Set(['body', 'name', 'status_message', 'exceptions']);

export function quoteValue(value: string): string {
  if (plainValue.test(value) && !operators.has(value)) return value;
  return `"${value.replace(/[\\"]/g, '\\$&')}"`;
}

export function quoteField(field: string): string {
  return plainField.test(field) && !operators.has(field) ? field : `"${field.replace(/[\\"]/g, '\\$&')}"`;
}

/** The term that finds records whose field has this very value. */
export function termOf(field: string, value: string): string {
  if (field === 'severity' && /^[a-z]+$/.test(value)) return `severity:${value}`;
  return quoteField(field) + (prose.has(field) ? '=' : ':') + quoteValue(value);
}

export type Filter = 'in' | 'out' | 'none';

/** Whether a query filters by a value at its top level. */
export function filterOf(query: string, field: string, value: string): Filter {
  const term = termOf(field, value);
  for (const t of topLevel(query)) {
    if (t.text === term) return 'in';
    if (t.text === `-${term}`) return 'out';
  }
  return 'none';
}

function topLevel(query: string): Term[] {
  const out: Term[] = [];
  let depth = 0;
  for (const t of terms(query)) {
    if (t.text === '(') depth++;
    else if (t.text === ')') depth--;
    else if (depth === 0) out.push(t);
  }
  return out;
}

/** The query with a filter by a value set, turned around or taken away. */
export function setFilter(query: string, field: string, value: string, filter: Filter): string {
  const term = termOf(field, value);
  const rest = without(query, (t) => t.text === term || t.text === `-${term}`);
  return filter === 'none' ? rest : also(rest, filter === 'in' ? term : `-${term}`);
}

/** Both: the query and a term. */
export function also(query: string, term: string): string {
  const q = query.trim();
  if (q === '' || q === '*') return term;
  return (topLevel(q).some((t) => t.text === 'OR') ? `(${q})` : q) + (term ? ` ${term}` : '');
}

/** The query with a field's bounds set, in place of the bounds that it has. */
export function setBounds(query: string, field: string, bounds: string[]): string {
  const begins = new RegExp(`^${field.replace(/[.*+?^$()|[\]\\{}]/g, '\\$&')}[<>]`);
  return bounds.reduce(
    also,
    without(query, (t) => begins.test(t.text)),
  );
}

/** The query without some of its top-level terms. Where an OR stands at the top level nothing can be taken away without changing its sense. */
function without(query: string, drop: (t: Term) => boolean): string {
  const top = topLevel(query);
  if (top.some((t) => operators.has(t.text))) return query.trim();
  let out = '';
  let at = 0;
  for (const t of top) {
    if (!drop(t)) continue;
    out += query.slice(at, t.from);
    at = t.to;
  }
  return (out + query.slice(at)).replace(/ {2,}/g, ' ').trim();
}

/** The API counts bytes of UTF-8; a browser counts UTF-16 units. */
export function indexOfByte(text: string, byte: number): number {
  let bytes = 0;
  let i = 0;
  for (const c of text) {
    if (bytes >= byte) break;
    const code = c.codePointAt(0) ?? 0;
    bytes += code < 0x80 ? 1 : code < 0x800 ? 2 : code < 0x10000 ? 3 : 4;
    i += c.length;
  }
  return i;
}

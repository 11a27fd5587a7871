// Find in a trace. As the server does it: the words are looked for in the vocabulary (names, services, kinds), and rows follow from codes.
import { FlagError, FlagMissing, spanIdOf, type Trace } from './model';
import { isLog, logOf, type Rows } from './rows';

export interface Found {
  /** A 1 for each node, and each log record, that has all words. */
  node: Uint8Array;
  log: Uint8Array;
  count: number;
}

/** Finds the nodes and log records that have every word of the text, in any case. `also` are nodes that the server found by their details. */
export function findInTrace(t: Trace, text: string, also?: readonly number[]): Found | null {
  const words = text.toLowerCase().split(/\s+/).filter(Boolean);
  if (words.length === 0) return null;
  const node = new Uint8Array(t.count).fill(1);
  for (const word of words) keepNodes(t, word, node);
  for (const i of also ?? []) node[i] = 1;
  const log = new Uint8Array(t.logs.count);
  for (let i = 0; i < t.logs.count; i++) {
    const body = (t.logs.body[i] as string).toLowerCase();
    if (words.every((w) => body.includes(w))) log[i] = 1;
  }
  let count = 0;
  for (const v of node) count += v;
  for (const v of log) count += v;
  return { node, log, count };
}

function keepNodes(t: Trace, word: string, keep: Uint8Array) {
  const having = (strings: readonly string[]) => Uint8Array.from(strings, (s) => (s.toLowerCase().includes(word) ? 1 : 0));
  const services = having(t.services);
  const names = having(t.names);
  const kinds = Uint8Array.from(t.kinds, (k) => (k.toLowerCase() === word ? 1 : 0));
  const id = /^[0-9a-f]{4,16}$/.test(word);
  const flag = word === 'error' ? FlagError : word === 'missing' ? FlagMissing : 0;
  for (let i = 0; i < t.count; i++) {
    if (keep[i] === 0) continue;
    const hit =
      names[t.name[i] as number] === 1 ||
      services[t.service[i] as number] === 1 ||
      kinds[t.kind[i] as number] === 1 ||
      ((t.flags[i] as number) & flag) !== 0 ||
      (id && spanIdOf(t, i).startsWith(word));
    if (!hit) keep[i] = 0;
  }
}

/** Whether a row is found. */
export function isFound(f: Found, row: number): boolean {
  return (isLog(row) ? f.log[logOf(row)] : f.node[row]) === 1;
}

/** The next found row after `from` (step 1) or before it (step -1), around the end; -1 if no row is found. */
export function nextFound(rows: Rows, f: Found, from: number, step: 1 | -1): number {
  for (let k = 1; k <= rows.count; k++) {
    const at = (((from + step * k) % rows.count) + rows.count) % rows.count;
    if (isFound(f, rows.row[at] as number)) return at;
  }
  return -1;
}

/** Which of the found rows a row is, from 1; 0 if it is none of them. And how many have a row. */
export function foundPlace(rows: Rows, f: Found, at: number): { place: number; shown: number } {
  let shown = 0;
  let place = 0;
  for (let r = 0; r < rows.count; r++) {
    if (!isFound(f, rows.row[r] as number)) continue;
    shown++;
    if (r === at) place = shown;
  }
  return { place, shown };
}

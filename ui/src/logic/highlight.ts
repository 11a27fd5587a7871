// Which parts of a text the query's words are. The server decides what matches; this only shows where, and shows nothing where it cannot tell.
import { terms, unquote } from './language';

const textMax = 4_000; // characters looked at
const marksMax = 200;

export interface Mark {
  from: number;
  to: number;
}

const literal = (s: string) => s.replace(/[.*+?^$()|[\]\\{}/]/g, '\\$&');

/** The expressions whose matches are marked in a field: `body` of a log record, `name` of a span. */
export function markers(query: string, field: string): RegExp[] {
  const out: RegExp[] = [];
  for (const { text } of terms(query)) {
    if (text.startsWith('-') || text === 'AND' || text === 'OR' || text === 'NOT' || text === '(' || text === ')' || text === '*') continue;
    const named = /^([\p{L}\p{N}_.]+)(:|=)(.*)$/su.exec(text);
    if (named && named[1] !== field && named[1] !== 'any') continue;
    const value = named ? (named[3] ?? '') : text;
    if (!named && /^[\p{L}\p{N}_.]+[<>!]/u.test(value)) continue;
    const re = marker(value);
    if (re) out.push(re);
  }
  return out;
}

function marker(value: string): RegExp | undefined {
  const regex = /^\/(.+)\/(i?)$/s.exec(value);
  try {
    if (regex?.[1]) return new RegExp(regex[1], `gu${regex[2] ?? ''}`);
    const quoted = value.startsWith('"');
    const words = unquote(value.replace(/~\d?$/, '')).match(quoted ? /[\p{L}\p{N}_]+/gu : /[\p{L}\p{N}_*?]+/gu);
    if (!words?.some((w) => /[\p{L}\p{N}_]/u.test(w))) return undefined;
    const word = (w: string) => (quoted ? literal(w) : w.replace(/[*]/g, '[\\p{L}\\p{N}_]*').replace(/[?]/g, '[\\p{L}\\p{N}_]'));
    return new RegExp(`(?<![\\p{L}\\p{N}_])${words.map(word).join('[^\\p{L}\\p{N}_]+')}(?![\\p{L}\\p{N}_])`, 'giu');
  } catch {
    return undefined; // an expression that the server knows and the browser does not
  }
}

/** Where they match, in order and without overlap. */
export function marksIn(text: string, res: RegExp[]): Mark[] {
  const found: Mark[] = [];
  const looked = text.slice(0, textMax);
  for (const re of res) {
    re.lastIndex = 0;
    for (let m = re.exec(looked); m && found.length < marksMax; m = re.exec(looked)) {
      if (m[0] === '') re.lastIndex++;
      else found.push({ from: m.index, to: m.index + m[0].length });
    }
  }
  found.sort((a, b) => a.from - b.from || b.to - a.to);
  let end = 0;
  return found.filter((m) => {
    if (m.from < end) return false;
    end = m.to;
    return true;
  });
}

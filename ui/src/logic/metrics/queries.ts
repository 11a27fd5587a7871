// The questions of the metrics page: how its address holds them, and how the browser of metrics writes them.

/** What the address holds of the page: `expr` once for each query, `off` the numbers of those that are not drawn. */
export interface Question {
  expr: string;
  hidden: boolean;
}

/** At most so many are asked at once: each is a question to the server at every refresh. */
export const questionsMax = 10;

export function questionsOf(search: string): Question[] {
  const params = new URLSearchParams(search);
  const off = new Set((params.get('off') ?? '').split(','));
  const all = params.getAll('expr').slice(0, questionsMax);
  return (all.length > 0 ? all : ['']).map((expr, i) => ({ expr, hidden: off.has(String(i)) }));
}

/** The address's query string with other questions; all else stays. */
export function withQuestions(search: string, questions: readonly Question[]): string {
  const params = new URLSearchParams(search);
  params.delete('expr');
  params.delete('off');
  const some = questions.some((q) => q.expr !== '');
  for (const q of some ? questions : []) params.append('expr', q.expr);
  const off = questions.flatMap((q, i) => (q.hidden ? [i] : []));
  if (off.length > 0) params.set('off', off.join(','));
  return params.toString();
}

/** A, B, C: how a query is called. */
export function letterOf(n: number): string {
  return String.fromCharCode(65 + (n % 26));
}

export interface Matcher {
  label: string;
  value: string;
}

const plainName = /^[a-zA-Z_:][a-zA-Z0-9_:]*$/;
const plainLabel = /^[a-zA-Z_][a-zA-Z0-9_]*$/;

const quoted = (text: string) => JSON.stringify(text); // PromQL's strings have JSON's escapes

function matcherText({ label, value }: Matcher): string {
  return `${plainLabel.test(label) ? label : quoted(label)}=${quoted(value)}`;
}

/** A selector of a metric, whose name may be any text. */
export function selectorOf(name: string, matchers: readonly Matcher[] = []): string {
  const inside = matchers.map(matcherText);
  if (!plainName.test(name)) return `{${[quoted(name), ...inside].join(', ')}}`;
  return inside.length > 0 ? `${name}{${inside.join(', ')}}` : name;
}

/** What one most likely wants to know of a metric. `classic`: a histogram has a series for each bucket. */
export function queryFor(name: string, type: string, classic: boolean): string {
  switch (type) {
    case 'counter':
      return `rate(${selectorOf(name)}[5m])`;
    case 'histogram':
      return classic
        ? `histogram_quantile(0.95, sum by (le) (rate(${selectorOf(`${name}_bucket`)}[5m])))`
        : `histogram_quantile(0.95, sum(rate(${selectorOf(name)}[5m])))`;
    default:
      return selectorOf(name);
  }
}

/** Matches every series of a metric, a classic histogram's too. */
export function familySelector(name: string, type: string): string {
  if (type !== 'histogram' && type !== 'summary') return selectorOf(name);
  const escaped = name.replace(/[.*+?^${}()|[\]\\]/g, '\\$&');
  return `{__name__=~${quoted(`${escaped}(_bucket|_count|_sum)?`)}}`;
}

/** The query with a matcher at each place where it asks for the metric; undefined where it asks for something else. */
export function withMatcher(expr: string, name: string, type: string, m: Matcher): string | undefined {
  if (!plainName.test(name)) return undefined;
  const suffix = type === 'histogram' || type === 'summary' ? '(?:_bucket|_count|_sum)?' : '';
  const at = new RegExp(`(?<![\\w:"])(${name}${suffix})(?![\\w:"])(\\s*\\{((?:[^"{}]|"(?:[^"\\\\]|\\\\.)*")*)\\})?`, 'g');
  let found = false;
  const next = expr.replace(at, (_all, metric: string, _braces: string | undefined, inside: string | undefined) => {
    found = true;
    const others = matchersIn(inside ?? '').filter((text) => !isOf(text, m.label));
    return `${metric}{${[...others, matcherText(m)].join(', ')}}`;
  });
  return found ? next : undefined;
}

function isOf(matcher: string, label: string): boolean {
  return [label, quoted(label)].some((name) => matcher.startsWith(name) && /^\s*[=!]/.test(matcher.slice(name.length)));
}

/** The matchers between braces, as they are written. */
function matchersIn(inside: string): string[] {
  return (inside.match(/(?:[^",]|"(?:[^"\\]|\\.)*")+/g) ?? []).map((text) => text.trim()).filter(Boolean);
}

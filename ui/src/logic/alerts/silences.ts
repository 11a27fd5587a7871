// Silences: what they match, in Alertmanager's notation.

export interface SilenceMatcher {
  name: string;
  value: string;
  isRegex: boolean;
  isEqual: boolean;
}

export type Labels = Record<string, string>;

export function matcherText(m: SilenceMatcher): string {
  return `${m.name}${m.isEqual ? (m.isRegex ? '=~' : '=') : m.isRegex ? '!~' : '!='}${JSON.stringify(m.value)}`;
}

/** The matchers that mean exactly an alert, a line each. */
export function matchersOf(labels: Labels): string {
  return Object.entries(labels)
    .map(([name, value]) => matcherText({ name, value, isRegex: false, isEqual: true }))
    .join('\n');
}

/** Matchers from text, a line each: name="value", name!=value, name=~regexp, name!~regexp. `problem` says what is wrong, with its line. */
export function parseMatchers(text: string): { matchers: SilenceMatcher[]; problem: string } {
  const matchers: SilenceMatcher[] = [];
  const lines = text.split('\n');
  for (const [i, line] of lines.entries()) {
    if (line.trim() === '') continue;
    const where = lines.length > 1 ? `line ${i + 1}: ` : '';
    const found = /^\s*([^\s=!~"]+)\s*(=~|!~|!=|=)\s*(.*?)\s*$/.exec(line);
    const [, name = '', op = '', raw = ''] = found ?? [];
    if (!found) return { matchers, problem: `${where}want such as alertname="Slow", severity!=page or service=~"a|b"` };
    let value = raw;
    if (raw.startsWith('"')) {
      try {
        value = JSON.parse(raw) as string;
      } catch {
        return { matchers, problem: `${where}the quotes are not closed` };
      }
    }
    const m = { name, value, isRegex: op.endsWith('~'), isEqual: op.startsWith('=') };
    if (m.isRegex && !regexpOf(value)) return { matchers, problem: `${where}not a regular expression` };
    matchers.push(m);
  }
  if (matchers.length === 0) return { matchers, problem: 'at least one is wanted' };
  // Alertmanager refuses these too: they would silence everything.
  if (matchers.every((m) => matches(m, {}))) return { matchers, problem: 'one must want a label: these match every alert' };
  return { matchers, problem: '' };
}

/** The whole value must match, as in Alertmanager. Its expressions are RE2's, of which nearly all are JavaScript's too. */
function regexpOf(text: string): RegExp | undefined {
  try {
    return new RegExp(`^(?:${text})$`, 's');
  } catch {
    return undefined;
  }
}

function matches(m: SilenceMatcher, labels: Labels): boolean {
  const value = labels[m.name] ?? '';
  const same = m.isRegex ? (regexpOf(m.value)?.test(value) ?? false) : value === m.value;
  return same === m.isEqual;
}

/** Whether a silence holds for an alert. */
export function silences(matchers: readonly SilenceMatcher[], labels: Labels): boolean {
  return matchers.length > 0 && matchers.every((m) => matches(m, labels));
}

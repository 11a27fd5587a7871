// Rules as the page lists them: what state one is in, which are meant, and where a rule's question is asked.
import type { Rule, RuleGroup } from '@/api/alerting';
import { withZone } from '@/logic/address';
import type { Zone } from '@/logic/format';

export type RuleState = 'failing' | 'firing' | 'pending' | 'inactive' | 'recording' | 'waiting';
export type StateFilter = 'all' | RuleState;

export const filters: readonly { id: StateFilter; name: string }[] = [
  { id: 'all', name: 'All' },
  { id: 'firing', name: 'Firing' },
  { id: 'pending', name: 'Pending' },
  { id: 'failing', name: 'Failing' },
  { id: 'inactive', name: 'Inactive' },
  { id: 'recording', name: 'Recording' },
];

/** A rule that fails decides nothing: that comes before what it found last. */
export function stateOf(r: Rule): RuleState {
  if (r.health === 'err') return 'failing';
  if (r.type === 'recording') return 'recording';
  if (r.state === 'firing' || r.state === 'pending' || r.state === 'inactive') return r.state;
  return 'waiting';
}

const rank: RuleState[] = ['firing', 'failing', 'pending', 'waiting', 'inactive', 'recording'];

/** The rules that are meant, in groups that have some; in each those first that have something to say. */
export function keptRules(groups: readonly RuleGroup[], find: string, state: StateFilter): RuleGroup[] {
  const words = find.toLowerCase().split(/\s+/).filter(Boolean);
  return groups
    .map((g) => ({
      ...g,
      rules: g.rules
        .filter((r) => {
          const labels = [r, ...r.alerts].map((x) => Object.entries(x.labels).join(' ')).join(' ');
          const all = `${g.file} ${g.name} ${r.name} ${r.query} ${r.lang} ${labels}`.toLowerCase();
          return (state === 'all' || stateOf(r) === state) && words.every((w) => all.includes(w));
        })
        .toSorted((a, b) => rank.indexOf(stateOf(a)) - rank.indexOf(stateOf(b)) || a.line - b.line),
    }))
    .filter((g) => g.rules.length > 0);
}

/** The page that asks a rule's question. */
export function questionHref(r: Pick<Rule, 'lang' | 'query'>, zone: Zone): string {
  if (r.lang === 'promql') return withZone('/explore', zone, { expr: r.query });
  return withZone('/search', zone, { signal: r.lang, q: r.query });
}

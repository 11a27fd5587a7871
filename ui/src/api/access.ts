// Who is logged in, what he may, and whose records are asked for.
import { useQuery } from '@tanstack/react-query';
import { ask } from './client';
import { bool, list, object, str } from './validate';

export interface Grant {
  role: string; // read, write, admin
  tenants: string[]; // names, or *
}

export interface Whoami {
  asked: boolean; // whether anybody is asked who he is
  name: string;
  kind: string;
  tenant: string;
  grants: Grant[];
  open: string[]; // ports that others reach without credentials
}

export const whoamiAnswer = object<Whoami>({
  asked: bool,
  name: str,
  kind: str,
  tenant: str,
  grants: list(object<Grant>({ role: str, tenants: list(str) })),
  open: list(str),
});

export function useWhoami() {
  return useQuery({ queryKey: ['whoami'], queryFn: ({ signal }) => ask('/api/v1/whoami', {}, whoamiAnswer, signal), staleTime: 300_000 });
}

/** Whether somebody runs this clew: has a role at all tenants. Where nobody is asked, everybody does. */
export function runsClew(me: Whoami | undefined): boolean {
  return !me?.asked || me.grants.some((g) => g.role === 'admin' && g.tenants.includes('*'));
}

/** Which tenant to ask for: the chosen one if it may be, else the one that the server takes it for (''), else the first. */
export function tenantFor(me: Whoami, chosen: string): string {
  const names = readable(me);
  if (!me.asked || names.length === 0) return '';
  if (chosen && (names[0] === '*' || names.includes(chosen))) return chosen;
  return me.tenant || names[0] === '*' ? '' : (names[0] as string);
}

/** Why a button is disabled for others. */
export const onlyRunners = 'Silences are for who has the role admin at all tenants';

/** The tenants whose records somebody may read; '*' alone: any. */
export function readable(me: Whoami): string[] {
  const names = me.grants.filter((g) => g.role !== 'write').flatMap((g) => g.tenants);
  return names.includes('*') ? ['*'] : [...new Set(names)].sort();
}

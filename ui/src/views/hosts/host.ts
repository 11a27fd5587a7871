// Where things of a host are, and what it is in a few words.
import type { Host } from '@/api/hosts';
import { formatBytes } from '@/logic/format';
import { patchSearch } from '@/state/url';

/** A host's page; the time that is looked at goes along. */
export function hostHref(name: string, search: string): string {
  const keep = patchSearch(search, { find: undefined, status: undefined, sort: undefined });
  return `/hosts/${encodeURIComponent(name)}${keep ? `?${keep}` : ''}`;
}

/** The records that name the host. */
export const hostField = 'resource.host.name';

export function systemOf(h: Host): string {
  const size = [h.cpus > 0 ? `${h.cpus} CPUs` : '', h.memoryBytes > 0 ? formatBytes(h.memoryBytes) : ''].filter(Boolean).join(', ');
  return [h.os, h.arch, size].filter(Boolean).join(' · ');
}

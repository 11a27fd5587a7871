// The URL is the state: whatever a page shows, its address shows again. A change that a user would want to undo is a new entry of the history;
// one that follows another at once (typing, dragging) replaces it.
import { useCallback, useMemo } from 'react';
import { useLocation, useSearch } from 'wouter';

/** Values by name; undefined or '' removes the name. */
export type UrlPatch = Record<string, string | undefined>;

export interface UrlState {
  get(name: string): string;
  set(patch: UrlPatch, how?: { replace?: boolean }): void;
}

/** A query string after a patch, without its question mark. Names keep their place, so that addresses do not change for nothing. */
export function patchSearch(search: string, patch: UrlPatch): string {
  const params = new URLSearchParams(search);
  for (const [name, value] of Object.entries(patch)) {
    if (value === undefined || value === '') params.delete(name);
    else params.set(name, value);
  }
  return params.toString();
}

export function useUrlState(): UrlState {
  const search = useSearch();
  const [, navigate] = useLocation();
  const params = useMemo(() => new URLSearchParams(search), [search]);
  const get = useCallback((name: string) => params.get(name) ?? '', [params]);
  const set = useCallback(
    (patch: UrlPatch, how: { replace?: boolean } = {}) => {
      // The address itself, not the render's copy of it: two changes in one event must both arrive.
      const next = patchSearch(window.location.search, patch);
      if (next === window.location.search.replace(/^\?/, '')) return;
      navigate(window.location.pathname + (next ? `?${next}` : ''), { replace: how.replace ?? false });
    },
    [navigate],
  );
  return useMemo(() => ({ get, set }), [get, set]);
}

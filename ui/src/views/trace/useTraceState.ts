// The page's state, held in the URL. Panning and typing change it many times a second, more than browsers let an address change: the
// page follows at once, the address a moment later.
import { useCallback, useEffect, useRef, useState } from 'react';
import { useLocation, useSearch } from 'wouter';
import { readState, type TraceState, writeState } from '@/logic/trace/location';

const settleMs = 200;

export type Update = (patch: Partial<TraceState>, how?: 'push') => void;

/** 'push' makes an entry in the browser's history, for what one would go back from. */
export function useTraceState(): [TraceState, Update] {
  const search = useSearch();
  const [path, navigate] = useLocation();
  const [state, setState] = useState(() => readState(new URLSearchParams(search)));
  const current = useRef(state);
  const written = useRef(search);
  const timer = useRef(0);

  const write = useCallback(
    (replace: boolean) => {
      window.clearTimeout(timer.current);
      timer.current = 0;
      const query = writeState(current.current, new URLSearchParams(window.location.search)).toString();
      if (query === window.location.search.replace(/^\?/, '')) return;
      written.current = query;
      navigate(query ? `${path}?${query}` : path, { replace });
    },
    [navigate, path],
  );

  const update = useCallback<Update>(
    (patch, how) => {
      if (how === 'push' && timer.current) write(true);
      current.current = { ...current.current, ...patch };
      setState(current.current);
      if (how === 'push') return write(false);
      window.clearTimeout(timer.current);
      timer.current = window.setTimeout(write, settleMs, true);
    },
    [write],
  );

  useEffect(() => () => window.clearTimeout(timer.current), []);

  // Back, forward, or a link to another state of the page.
  useEffect(() => {
    if (search === written.current) return;
    written.current = search;
    if (timer.current) return; // what the user is just doing goes on, and is written into the new address
    current.current = readState(new URLSearchParams(search));
    setState(current.current);
  }, [search]);

  return [state, update];
}

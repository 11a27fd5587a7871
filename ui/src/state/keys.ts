// Keyboard shortcuts of a page. Keys that a user types into a field are the field's; only Escape and those with cmd/ctrl reach us from there.
import { useEffect, useRef } from 'react';

/** By key: 'j', '/', '?', 'Escape', 'mod+k' (cmd or ctrl). A binding that returns false did not want the key. */
export type Bindings = Record<string, (e: KeyboardEvent) => unknown>;

export function keyName(e: KeyboardEvent): string {
  return (
    (e.metaKey || e.ctrlKey ? 'mod+' : '') +
    (e.key.length === 1 && !e.metaKey && !e.ctrlKey ? e.key : e.key.length === 1 ? e.key.toLowerCase() : e.key)
  );
}

function typesText(target: EventTarget | null): boolean {
  return target instanceof HTMLElement && (target.isContentEditable || /^(INPUT|TEXTAREA|SELECT)$/.test(target.tagName));
}

export function useKeys(bindings: Bindings): void {
  const latest = useRef(bindings);
  latest.current = bindings;
  useEffect(() => {
    const onKey = (e: KeyboardEvent) => {
      const name = keyName(e);
      const bound = latest.current[name];
      if (!bound || e.altKey || e.defaultPrevented) return;
      if (typesText(e.target) && !name.startsWith('mod+')) return;
      if (document.querySelector('[role="dialog"]') && name !== 'mod+k') return; // a dialog has the keyboard
      if (bound(e) !== false) e.preventDefault();
    };
    window.addEventListener('keydown', onKey);
    return () => window.removeEventListener('keydown', onKey);
  }, []);
}

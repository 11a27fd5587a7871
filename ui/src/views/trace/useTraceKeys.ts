// The keys of the trace page: Jaeger's, and those of a list (j, k, arrows). Letters typed into a field are letters.
import { useEffect, useRef } from 'react';
import type { Actions } from './useActions';

/** What the keys do: the one list, for the page's own menu and for the sheet of all keys. */
export const traceKeys: readonly [string[], string][] = [
  [['j', 'k', '↓', '↑'], 'Next, previous row'],
  [['f', 'b'], 'Next, previous span'],
  [['→', '←'], 'Open or go in, fold or go out'],
  [['[', ']'], 'Expand all, collapse all'],
  [['Enter'], 'Show or hide the detail'],
  [['w', 's'], 'Scroll up, down'],
  [['a', 'd'], 'Pan left, right (with shift: further)'],
  [['+', '-', '0'], 'Zoom in, out, to all'],
  [['e'], 'Next place where an error began'],
  [['/', 'Ctrl B'], 'Find in the trace'],
  [['n', 'N'], 'Next, previous one found'],
  [['Esc'], 'Close the detail, end the search, show all'],
];

export interface KeyTargets {
  actions: Actions;
  timeline: boolean;
  toggleDetail(): void;
  focusFind(): void;
  /** So that Enter means the row that a key went to, and Tab leads on from there. */
  focusRows(): void;
  scrollBy(share: number): void;
}

export function useTraceKeys(targets: KeyTargets) {
  const latest = useRef(targets);
  useEffect(() => {
    latest.current = targets;
  });
  useEffect(() => {
    const onKey = (e: KeyboardEvent) => {
      if (e.defaultPrevented || e.isComposing || isTyping(e.target)) return;
      if (e.ctrlKey && e.key === 'b') {
        e.preventDefault();
        return latest.current.focusFind();
      }
      if (e.ctrlKey || e.metaKey || e.altKey) return;
      if (press(e, latest.current)) e.preventDefault();
    };
    window.addEventListener('keydown', onKey);
    return () => window.removeEventListener('keydown', onKey);
  }, []);
}

/** Fields take letters; menus and dialogs take all keys. */
function isTyping(target: EventTarget | null): boolean {
  return (
    target instanceof HTMLElement &&
    target.closest('input, textarea, select, [contenteditable], [role=dialog], [role=menu], [role=listbox]') !== null
  );
}

/** Arrows, Enter and the space bar belong to a focused button, tab or table; they are the timeline's when the timeline or nothing has the focus. */
function isFree(target: EventTarget | null): boolean {
  return target === document.body || (target instanceof HTMLElement && target.closest('[role=tree]') !== null);
}

type Press = (t: KeyTargets) => void;

const always = new Map<string, Press>([
  ['/', (t) => t.focusFind()],
  ['n', (t) => t.actions.stepFound(1)],
  ['N', (t) => t.actions.stepFound(-1)],
  ['e', (t) => t.actions.stepOrigin()],
  ['Escape', (t) => t.actions.escape()],
]);

const inTimeline = new Map<string, Press>([
  ['j', (t) => t.actions.step(1)],
  ['k', (t) => t.actions.step(-1)],
  ['f', (t) => t.actions.stepSpan(1)],
  ['b', (t) => t.actions.stepSpan(-1)],
  ['w', (t) => t.scrollBy(-0.5)],
  ['s', (t) => t.scrollBy(0.5)],
  ['a', (t) => t.actions.pan(-0.1)],
  ['d', (t) => t.actions.pan(0.1)],
  ['A', (t) => t.actions.pan(-0.5)],
  ['D', (t) => t.actions.pan(0.5)],
  ['+', (t) => t.actions.zoom(0.5)],
  ['=', (t) => t.actions.zoom(0.5)],
  ['-', (t) => t.actions.zoom(2)],
  ['0', (t) => t.actions.zoom(Number.MAX_SAFE_INTEGER)],
  ['[', (t) => t.actions.openAll()],
  [']', (t) => t.actions.foldAll()],
]);

const inTree = new Map<string, Press>([
  ['ArrowDown', (t) => t.actions.step(1)],
  ['ArrowUp', (t) => t.actions.step(-1)],
  ['ArrowRight', (t) => t.actions.inward()],
  ['ArrowLeft', (t) => t.actions.outward()],
  ['PageDown', (t) => t.actions.step(20)],
  ['PageUp', (t) => t.actions.step(-20)],
  ['Home', (t) => t.actions.step(Number.MIN_SAFE_INTEGER)],
  ['End', (t) => t.actions.step(Number.MAX_SAFE_INTEGER)],
  ['Enter', (t) => t.toggleDetail()],
  [' ', (t) => t.toggleDetail()],
]);

const moving = new Set(['j', 'k', 'f', 'b', 'n', 'N', 'e']);

/** Does what a key stands for; false if it stands for nothing. */
function press(e: KeyboardEvent, t: KeyTargets): boolean {
  const run = always.get(e.key) ?? (t.timeline ? (inTimeline.get(e.key) ?? (isFree(e.target) ? inTree.get(e.key) : undefined)) : undefined);
  run?.(t);
  const leavesDetail = e.key === 'Escape' && e.target instanceof HTMLElement && e.target.closest('aside') !== null;
  if (t.timeline && (moving.has(e.key) || leavesDetail)) t.focusRows();
  return run !== undefined;
}

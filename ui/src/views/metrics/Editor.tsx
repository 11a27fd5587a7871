// The editor of a PromQL query: colours, completion by what the server has, and marks where something is wrong. It is loaded after the page.
import {
  acceptCompletion,
  autocompletion,
  closeBrackets,
  closeBracketsKeymap,
  completionKeymap,
  completionStatus,
  moveCompletionSelection,
  startCompletion,
} from '@codemirror/autocomplete';
import { defaultKeymap, history, historyKeymap, insertNewlineAndIndent } from '@codemirror/commands';
import { bracketMatching, forceParsing, HighlightStyle, syntaxHighlighting } from '@codemirror/language';
import { linter } from '@codemirror/lint';
import { EditorState, Prec, StateEffect, StateField } from '@codemirror/state';
import { Decoration, type DecorationSet, EditorView, keymap, placeholder } from '@codemirror/view';
import { tags } from '@lezer/highlight';
import { PromQLExtension } from '@prometheus-io/codemirror-promql';
import { useEffect, useRef } from 'react';
import type { ApiError } from '@/api/client';
import { indexOfByte } from '@/logic/language';
import './editor.css';

interface Props {
  text: string;
  label: string;
  problem: ApiError | undefined;
  /** While typing. */
  onText: (text: string) => void;
  /** Enter: ask. */
  onRun: (text: string) => void;
  autoFocus: boolean;
}

/** Far more than a query takes. */
const parseMs = 200;

const highlight = HighlightStyle.define([
  { tag: tags.name, color: 'var(--fg)' },
  { tag: [tags.function(tags.variableName), tags.operatorKeyword], color: 'var(--accent)' },
  { tag: tags.modifier, color: 'var(--accent)' },
  { tag: tags.keyword, color: 'var(--accent)' },
  { tag: tags.operator, color: 'var(--soft)' },
  { tag: tags.labelName, color: 'var(--json-number)' },
  { tag: tags.string, color: 'var(--json-string)' },
  { tag: tags.number, color: 'var(--json-number)' },
  { tag: tags.comment, color: 'var(--soft)', fontStyle: 'italic' },
  { tag: tags.invalid, color: 'var(--error)' },
]);

/** As in the search: Tab takes the first completion, Enter one that was chosen; else it asks. */
function takeCompletion(v: EditorView): boolean {
  const status = completionStatus(v.state);
  if (status !== 'active') return status === 'pending'; // still asked for: the caret stays
  return acceptCompletion(v) || (moveCompletionSelection(true)(v) && acceptCompletion(v));
}

/** Where the server found a mistake, until the text changes. */
const setWrong = StateEffect.define<{ from: number; to: number } | undefined>();
const wrong = StateField.define<DecorationSet>({
  create: () => Decoration.none,
  update(marks, tr) {
    let next = tr.docChanged ? Decoration.none : marks;
    for (const e of tr.effects) {
      if (e.is(setWrong))
        next = e.value ? Decoration.set([Decoration.mark({ class: 'cm-wrong' }).range(e.value.from, e.value.to)]) : Decoration.none;
    }
    return next;
  },
  provide: (f) => EditorView.decorations.from(f),
});

/** At least one character, though a mistake may be that the text ends. */
function placeOf(problem: ApiError | undefined, text: string): { from: number; to: number } | undefined {
  if (!problem || problem.pos < 0 || text === '') return undefined;
  const from = Math.min(indexOfByte(text, problem.pos), text.length - 1);
  return { from, to: Math.min(Math.max(indexOfByte(text, problem.end), from + 1), text.length) };
}

export default function Editor({ text, label, problem, onText, onRun, autoFocus }: Props) {
  const element = useRef<HTMLDivElement>(null);
  const view = useRef<EditorView>(undefined);
  const latest = useRef({ onText, onRun });
  latest.current = { onText, onRun };
  const first = useRef({ text, autoFocus });

  useEffect(() => {
    if (!element.current) return;
    const promql = new PromQLExtension()
      .activateLinter(false)
      .setComplete({ remote: { url: '', apiPrefix: '/prometheus/api/v1', httpMethod: 'GET' } });
    const lint = promql.getLinter();
    const run = (v: EditorView) => {
      latest.current.onRun(v.state.doc.toString());
      return true;
    };
    const made = new EditorView({
      parent: element.current,
      state: EditorState.create({
        doc: first.current.text,
        extensions: [
          history(),
          bracketMatching(),
          closeBrackets(),
          autocompletion({ icons: false, selectOnOpen: false, interactionDelay: 0, defaultKeymap: false }),
          promql.asExtension(),
          linter((v) => {
            // On a busy machine the text may be parsed in part only, which would look like mistakes.
            forceParsing(v, v.state.doc.length, parseMs);
            return lint.promQL()(v);
          }),
          syntaxHighlighting(highlight),
          wrong,
          EditorView.lineWrapping,
          EditorView.contentAttributes.of({ 'aria-label': label, spellcheck: 'false' }),
          placeholder('PromQL, for example: sum by (service_name) (rate(calls_total[5m]))'),
          Prec.highest(
            keymap.of([
              { key: 'Tab', run: takeCompletion },
              { key: 'Mod-Enter', run },
              { key: 'Shift-Enter', run: insertNewlineAndIndent },
              { key: 'Ctrl-Space', run: startCompletion },
            ]),
          ),
          // After the completion's keys, of which Enter takes what is chosen.
          keymap.of([...completionKeymap, { key: 'Enter', run }, ...closeBracketsKeymap, ...defaultKeymap, ...historyKeymap]),
          EditorView.updateListener.of((u) => {
            if (u.docChanged) latest.current.onText(u.state.doc.toString());
          }),
        ],
      }),
    });
    view.current = made;
    // It comes late: who types elsewhere by then goes on there.
    if (first.current.autoFocus && !(document.activeElement instanceof HTMLInputElement)) made.focus();
    return () => {
      made.destroy();
      promql.destroy();
      view.current = undefined;
    };
  }, [label]);

  // The address has another text: a step back in the history, a metric that was chosen.
  useEffect(() => {
    const v = view.current;
    if (v && v.state.doc.toString() !== text)
      v.dispatch({ changes: { from: 0, to: v.state.doc.length, insert: text }, selection: { anchor: text.length } });
  }, [text]);

  useEffect(() => {
    view.current?.dispatch({ effects: setWrong.of(placeOf(problem, view.current.state.doc.toString())) });
  }, [problem]);

  return <div ref={element} className="promql" data-problem={problem !== undefined || undefined} />;
}

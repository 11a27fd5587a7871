// Everything one can do, by name: pages, what to search, times, theme. What is typed is also a trace to open or a text to search.
import { Modal, useMantineColorScheme } from '@mantine/core';
import { useState } from 'react';
import { useLocation } from 'wouter';
import { useCount } from '@/api/queries';
import { withZone } from '@/logic/address';
import { setFilter } from '@/logic/language';
import { presets, toUnixNanos } from '@/logic/timerange';
import { parseTraceId, traceHref } from '@/logic/traceid';
import { useTheme } from '@/state/theme';
import { useTime } from '@/state/time';
import { patchSearch, useUrlState } from '@/state/url';
import classes from './CommandPalette.module.css';
import { copyText } from './copy';

interface Command {
  group: string;
  name: string;
  run: () => void;
}

export default function CommandPalette({ onClose, onKeys }: { onClose: () => void; onKeys: () => void }) {
  const [text, setText] = useState('');
  const [at, setAt] = useState(0);
  const all = useCommands(text.trim(), onKeys);
  const words = text.toLowerCase().split(/\s+/).filter(Boolean);
  const shown = all.filter((c) => c.group === 'Go to' || words.every((w) => `${c.group} ${c.name}`.toLowerCase().includes(w)));
  const selected = Math.min(at, shown.length - 1);
  const run = (c: Command | undefined) => {
    if (!c) return;
    onClose();
    c.run();
  };
  return (
    <Modal.Root opened onClose={onClose} size={560} yOffset="12vh">
      <Modal.Overlay />
      <Modal.Content aria-label="Commands">
        <Modal.Body p={0}>
          <input
            className={classes.input}
            value={text}
            placeholder="Type a command, a trace id, or text to search"
            aria-label="Command"
            role="combobox"
            aria-expanded="true"
            aria-controls="commands"
            aria-activedescendant={shown[selected] ? `command-${selected}` : undefined}
            data-autofocus
            spellCheck={false}
            onChange={(e) => {
              setText(e.currentTarget.value);
              setAt(0);
            }}
            onKeyDown={(e) => {
              if (e.key === 'ArrowDown') setAt(Math.min(selected + 1, shown.length - 1));
              else if (e.key === 'ArrowUp') setAt(Math.max(selected - 1, 0));
              else if (e.key === 'Enter') run(shown[selected]);
              else return;
              e.preventDefault();
            }}
          />
          <div id="commands" role="listbox" aria-label="Commands" className={classes.list}>
            {shown.map((c, i) => (
              // biome-ignore lint/a11y/useKeyWithClickEvents: the keys are the input's, which keeps the focus
              // biome-ignore lint/a11y/useFocusableInteractive: as above
              <div
                key={`${c.group} ${c.name}`}
                id={`command-${i}`}
                role="option"
                aria-selected={i === selected}
                className={classes.option}
                ref={i === selected ? (el) => el?.scrollIntoView({ block: 'nearest' }) : undefined}
                onMouseMove={() => setAt(i)}
                onClick={() => run(c)}
              >
                <span className={classes.group}>{c.group}</span>
                {c.name}
              </div>
            ))}
          </div>
        </Modal.Body>
      </Modal.Content>
    </Modal.Root>
  );
}

function useCommands(text: string, onKeys: () => void): Command[] {
  const [path, navigate] = useLocation();
  const { get } = useUrlState();
  const time = useTime();
  const theme = useTheme();
  const { setColorScheme } = useMantineColorScheme();
  const scope = { query: '', start: toUnixNanos(time.instants.start), end: toUnixNanos(time.instants.end) };
  const services = useCount({ ...scope, signal: 'spans', by: 'service', top: 20 }).data?.groups ?? [];
  const from = path === '/search' ? window.location.search : time.zone === 'utc' ? 'tz=utc' : '';
  const search = (patch: Record<string, string | undefined>) => {
    time.tick(); // a command is a new question, about a new now
    navigate(`/search?${patchSearch(from, patch)}`);
  };
  const id = parseTraceId(text);
  const out: Command[] = [];
  if (id.length >= 8) out.push({ group: 'Go to', name: `Trace ${id}`, run: () => navigate(traceHref(id, time.zone)) });
  if (text) {
    out.push({ group: 'Go to', name: `Logs with ${text}`, run: () => search({ q: text, signal: 'logs', sel: undefined }) });
    out.push({ group: 'Go to', name: `Traces with ${text}`, run: () => search({ q: text, signal: undefined, sel: undefined }) });
  }
  for (const [signal, name] of [
    ['', 'Traces'],
    ['spans', 'Spans'],
    ['logs', 'Logs'],
  ] as const) {
    out.push({ group: 'Search', name, run: () => search({ signal, sel: undefined }) });
  }
  out.push({
    group: 'Search',
    name: 'Traces with errors',
    run: () => search({ q: setFilter(get('q'), 'status', 'error', 'in'), signal: undefined }),
  });
  out.push({ group: 'Page', name: 'Hosts', run: () => navigate(time.zone === 'utc' ? '/hosts?tz=utc' : '/hosts') });
  for (const [name, to] of [
    ['Metrics', '/explore'],
    ['Alerts', '/alerts'],
    ['Ledger', '/ledger'],
  ] as const) {
    out.push({ group: 'Page', name, run: () => navigate(withZone(to, time.zone)) });
  }
  out.push({ group: 'Page', name: 'Get started', run: () => navigate('/start') });
  out.push({
    group: 'Time',
    name: time.live ? 'Stop live' : 'Live',
    run: () => (path === '/search' ? time.setLive(!time.live) : search({ live: '1' })),
  });
  for (const p of presets) out.push({ group: 'Time', name: p.label, run: () => search({ from: p.from, to: undefined }) });
  out.push({
    group: 'Time',
    name: time.zone === 'utc' ? 'Local times' : 'Times in UTC',
    run: () => time.setZone(time.zone === 'utc' ? 'local' : 'utc'),
  });
  out.push({
    group: 'View',
    name: theme === 'dark' ? 'Light theme' : 'Dark theme',
    run: () => setColorScheme(theme === 'dark' ? 'light' : 'dark'),
  });
  out.push({ group: 'View', name: 'Copy the link to this page', run: () => void copyText(window.location.href) });
  out.push({ group: 'Help', name: 'Keys', run: onKeys });
  for (const s of services) {
    if (s.value)
      out.push({
        group: 'Service',
        name: s.value,
        run: () => search({ q: setFilter(get('q'), 'service', s.value, 'in'), sel: undefined }),
      });
  }
  return out;
}

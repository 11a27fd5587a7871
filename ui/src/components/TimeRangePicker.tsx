// The time range: a preset, or two ends in words (now-2h) or as times. Beside it: earlier, later, wider.
import { ActionIcon, Button, Popover, SegmentedControl, TextInput, Tooltip } from '@mantine/core';
import { IconChevronLeft, IconChevronRight, IconClock, IconZoomOut } from '@tabler/icons-react';
import { useState } from 'react';
import { formatMoment, type Zone } from '@/logic/format';
import { describeRange, presets, resolveTime, shiftRange, type TimeRange, zoomOut } from '@/logic/timerange';
import { useTime } from '@/state/time';
import classes from './TimeRangePicker.module.css';

export function TimeRangePicker() {
  const { range, now, zone, setRange } = useTime();
  const [open, setOpen] = useState(false);
  return (
    <div className={classes.bar}>
      <Step label="Earlier" icon={IconChevronLeft} onClick={() => setRange(shiftRange(range, -1, now))} />
      <Popover opened={open} onChange={setOpen} position="bottom-end" shadow="md" trapFocus withRoles={false}>
        <Popover.Target>
          <Button
            className={classes.button}
            size="compact-sm"
            fw={500}
            fz={13}
            variant="default"
            leftSection={<IconClock size={14} />}
            aria-haspopup="dialog"
            aria-expanded={open}
            onClick={() => setOpen(!open)}
          >
            <span className="sr-only">Time range: </span>
            {describeRange(range, now, zone)}
          </Button>
        </Popover.Target>
        <Popover.Dropdown p={0}>
          {open && (
            <Chooser
              key={`${range.from} ${range.to} ${zone}`}
              onDone={(chosen) => {
                setOpen(false);
                setRange(chosen);
              }}
            />
          )}
        </Popover.Dropdown>
      </Popover>
      <Step label="Later" icon={IconChevronRight} onClick={() => setRange(shiftRange(range, 1, now))} />
      <Step label="Zoom out" icon={IconZoomOut} onClick={() => setRange(zoomOut(range, now))} />
    </div>
  );
}

function Step({ label, icon: Icon, onClick }: { label: string; icon: typeof IconClock; onClick: () => void }) {
  return (
    <Tooltip label={label} openDelay={400}>
      <ActionIcon variant="subtle" color="gray" size={26} aria-label={label} onClick={onClick}>
        <Icon size={16} />
      </ActionIcon>
    </Tooltip>
  );
}

/** An end as a person edits it: relative stays in words, an instant is told in the zone. */
function editable(text: string, zone: Zone): string {
  if (text.startsWith('now')) return text;
  const ms = resolveTime(text, 0);
  return Number.isNaN(ms) ? text : formatMoment(ms, zone) + (ms % 1000 ? `.${String(ms % 1000).padStart(3, '0')}` : '');
}

function Chooser({ onDone }: { onDone: (range: TimeRange) => void }) {
  const { range, zone, setZone } = useTime();
  const [from, setFrom] = useState(() => editable(range.from, zone));
  const [to, setTo] = useState(() => editable(range.to, zone));
  const at = Date.now();
  const problem = (text: string) =>
    Number.isNaN(resolveTime(text, at, zone)) ? 'now, now-15m, 2026-01-31 or 2026-01-31 15:04:05' : undefined;
  const order = resolveTime(from, at, zone) >= resolveTime(to, at, zone) ? 'the end is not after the beginning' : undefined;
  const absolute = (text: string) => (text.trim().startsWith('now') ? text.trim() : new Date(resolveTime(text, at, zone)).toISOString());
  return (
    <div className={classes.chooser}>
      <ul className={classes.presets} aria-label="Presets">
        {presets.map((p) => (
          <li key={p.from}>
            <button
              type="button"
              aria-pressed={range.from === p.from && range.to === 'now'}
              onClick={() => onDone({ from: p.from, to: 'now' })}
            >
              {p.label}
            </button>
          </li>
        ))}
      </ul>
      <form
        className={classes.form}
        onSubmit={(e) => {
          e.preventDefault();
          if (!problem(from) && !problem(to) && !order) onDone({ from: absolute(from), to: absolute(to) });
        }}
      >
        <TextInput
          size="xs"
          label="From"
          value={from}
          error={problem(from)}
          onChange={(e) => setFrom(e.currentTarget.value)}
          data-autofocus
        />
        <TextInput size="xs" label="To" value={to} error={problem(to) ?? order} onChange={(e) => setTo(e.currentTarget.value)} />
        <SegmentedControl
          size="xs"
          fullWidth
          aria-label="Time zone"
          value={zone}
          onChange={(z) => setZone(z as Zone)}
          data={[
            { value: 'local', label: 'Local' },
            { value: 'utc', label: 'UTC' },
          ]}
        />
        <Button size="xs" type="submit" fullWidth>
          Apply
        </Button>
      </form>
    </div>
  );
}

// Which fields are columns.
import { Button, Checkbox, Popover, TextInput } from '@mantine/core';
import { IconColumns3 } from '@tabler/icons-react';
import { useState } from 'react';
import { useFields } from '@/api/queries';
import { named } from '@/logic/facets';
import { formatCompact } from '@/logic/format';
import classes from './SearchPage.module.css';
import type { SearchState } from './state';

const shownAlready: Record<string, string[]> = {
  logs: ['time', 'severity', 'service', 'body'],
  spans: ['start', 'service', 'name', 'kind', 'status', 'duration'],
};

export function ColumnPicker({ state }: { state: SearchState }) {
  const [open, setOpen] = useState(false);
  const [text, setText] = useState('');
  const { data } = useFields(state.scope, open);
  const fields = named(data?.fields ?? []);
  const names = [...new Set([...state.columns, ...fields.map((f) => f.name)])]
    .filter((n) => !shownAlready[state.scope.signal]?.includes(n) && n.toLowerCase().includes(text.toLowerCase()))
    .slice(0, 200);
  const counts = new Map(fields.map((f) => [f.name, f.count]));
  return (
    <Popover opened={open} onChange={setOpen} position="bottom-end" shadow="md" trapFocus withRoles={false}>
      <Popover.Target>
        <Button
          size="compact-sm"
          fw={500}
          fz={13}
          variant="default"
          leftSection={<IconColumns3 size={14} />}
          aria-expanded={open}
          onClick={() => setOpen(!open)}
        >
          Columns{state.columns.length > 0 ? ` (${state.columns.length})` : ''}
        </Button>
      </Popover.Target>
      <Popover.Dropdown className={classes.columns}>
        <TextInput
          size="xs"
          placeholder="Find a field"
          aria-label="Find a field"
          value={text}
          onChange={(e) => setText(e.currentTarget.value)}
          data-autofocus
        />
        <div className={classes.columnList}>
          {names.map((name) => (
            <Checkbox
              key={name}
              size="xs"
              checked={state.columns.includes(name)}
              label={
                <>
                  {name} <span className={classes.soft}>{formatCompact(counts.get(name) ?? 0)}</span>
                </>
              }
              onChange={(e) =>
                state.setColumns(e.currentTarget.checked ? [...state.columns, name] : state.columns.filter((c) => c !== name))
              }
            />
          ))}
        </div>
      </Popover.Dropdown>
    </Popover>
  );
}

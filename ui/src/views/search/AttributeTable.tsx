// Attributes as a table. Each can narrow the query, be shut out of it, become a column, or be copied.
import { ActionIcon, Tooltip } from '@mantine/core';
import { IconColumns3, IconMinus, IconPlus } from '@tabler/icons-react';
import type { Attributes } from '@/api/records';
import { CopyButton } from '@/components/CopyButton';
import { JsonTree } from '@/components/JsonTree';
import { filterOf, setFilter } from '@/logic/language';
import { attributeField, filterable, textOf } from '@/logic/record';
import classes from './RecordDetail.module.css';
import type { SearchState } from './state';

export function AttributeTable(p: { title: string; level: 'attr' | 'scope' | 'resource'; attributes: Attributes; state: SearchState }) {
  const entries = Object.entries(p.attributes).sort(([a], [b]) => (a < b ? -1 : 1));
  if (entries.length === 0) return null;
  return (
    <section>
      <h2 className={classes.title}>{p.title}</h2>
      <dl className={classes.attributes}>
        {entries.map(([key, value]) => (
          <div key={key} className={classes.attribute}>
            <dt title={key}>{key}</dt>
            <dd className="mono">
              <JsonTree value={value} />
              <Tools field={attributeField(p.level, key, p.state.scope.signal)} value={value} state={p.state} />
            </dd>
          </div>
        ))}
      </dl>
    </section>
  );
}

function Tools({ field, value, state }: { field: string; value: unknown; state: SearchState }) {
  const text = textOf(value);
  const now = filterOf(state.query, field, text);
  const set = (to: 'in' | 'out') => state.setQuery(setFilter(state.query, field, text, now === to ? 'none' : to));
  const column = state.columns.includes(field);
  return (
    <span className={classes.tools}>
      {filterable(value) && (
        <>
          <Tool label="Only these" on={now === 'in'} icon={IconPlus} onClick={() => set('in')} />
          <Tool label="Without these" on={now === 'out'} icon={IconMinus} onClick={() => set('out')} />
        </>
      )}
      <Tool
        label={column ? 'Remove the column' : 'Show as a column'}
        on={column}
        icon={IconColumns3}
        onClick={() => state.setColumns(column ? state.columns.filter((c) => c !== field) : [...state.columns, field])}
      />
      <CopyButton text={text} label="Copy the value" size={20} />
    </span>
  );
}

function Tool({ label, on, icon: Icon, onClick }: { label: string; on: boolean; icon: typeof IconPlus; onClick: () => void }) {
  return (
    <Tooltip label={label} openDelay={300}>
      <ActionIcon
        variant={on ? 'light' : 'subtle'}
        color={on ? undefined : 'gray'}
        size={20}
        aria-label={label}
        aria-pressed={on}
        onClick={onClick}
      >
        <Icon size={13} />
      </ActionIcon>
    </Tooltip>
  );
}

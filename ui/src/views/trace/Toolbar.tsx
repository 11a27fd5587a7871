// Views, find, and what is shown.
import { ActionIcon, Menu, NativeSelect, Switch, Tabs, TextInput, Tooltip } from '@mantine/core';
import {
  IconChevronDown,
  IconChevronUp,
  IconFold,
  IconKeyboard,
  IconLayoutBottombar,
  IconLayoutSidebarRight,
  IconSearch,
  IconX,
} from '@tabler/icons-react';
import type { RefObject } from 'react';
import { formatCount } from '@/logic/format';
import { foundPlace } from '@/logic/trace/find';
import type { TraceState, View } from '@/logic/trace/location';
import { hiddenCount } from '@/logic/trace/rows';
import classes from './trace.module.css';
import type { Actions } from './useActions';
import { traceKeys } from './useTraceKeys';
import type { Update } from './useTraceState';
import type { TraceView } from './useTraceView';

interface Props {
  view: TraceView;
  state: TraceState;
  update: Update;
  actions: Actions;
  find: RefObject<HTMLInputElement | null>;
}

export function Toolbar({ view, state, update, actions, find }: Props) {
  const timeline = state.view === 'timeline';
  return (
    <div className={classes.toolbar}>
      <Tabs
        value={state.view}
        onChange={(v) => update({ view: (v ?? 'timeline') as View }, 'push')}
        variant="default"
        classNames={{ list: classes.tabList, tab: classes.tab }}
      >
        <Tabs.List>
          <Tabs.Tab value="timeline">Timeline</Tabs.Tab>
          <Tabs.Tab value="flame">Flame graph</Tabs.Tab>
          <Tabs.Tab value="stats">Statistics</Tabs.Tab>
        </Tabs.List>
      </Tabs>
      <FindBox view={view} state={state} update={update} actions={actions} find={find} />
      {timeline && <TimelineOptions view={view} state={state} update={update} actions={actions} />}
    </div>
  );
}

function FindBox({ view, state, update, actions, find }: Props) {
  const found = view.found ? foundPlace(view.rows, view.found, view.selected) : null;
  const total = view.found?.count ?? 0;
  const hidden = found ? total - found.shown : 0;
  return (
    <div className={classes.find}>
      <TextInput
        ref={find}
        size="xs"
        placeholder="Find in trace"
        aria-label="Find in trace"
        leftSection={<IconSearch size={14} />}
        value={state.find}
        onChange={(e) => update({ find: e.currentTarget.value })}
        onKeyDown={(e) => {
          if (e.key === 'Enter') actions.stepFound(e.shiftKey ? -1 : 1);
          else if (e.key === 'Escape') {
            update({ find: '' });
            e.currentTarget.blur();
          } else return;
          e.preventDefault();
        }}
        rightSection={
          state.find ? (
            <ActionIcon size="xs" variant="subtle" color="gray" aria-label="End the search" onClick={() => update({ find: '' })}>
              <IconX size={12} />
            </ActionIcon>
          ) : null
        }
      />
      <span className={classes.findCount} role="status">
        {found && (total === 0 ? 'nothing found' : `${found.place > 0 ? `${formatCount(found.place)} of ` : ''}${formatCount(total)}`)}
        {hidden > 0 && ` (${formatCount(hidden)} folded)`}
      </span>
      <ActionIcon.Group>
        <ActionIcon
          size="sm"
          variant="default"
          aria-label="Previous one found"
          disabled={total === 0}
          onClick={() => actions.stepFound(-1)}
        >
          <IconChevronUp size={14} />
        </ActionIcon>
        <ActionIcon size="sm" variant="default" aria-label="Next one found" disabled={total === 0} onClick={() => actions.stepFound(1)}>
          <IconChevronDown size={14} />
        </ActionIcon>
      </ActionIcon.Group>
    </div>
  );
}

function TimelineOptions({ view, state, update, actions }: Omit<Props, 'find'>) {
  const hidden = hiddenCount(view.filter);
  return (
    <div className={classes.options}>
      <span className={classes.hiddenNote} role="status">
        {hidden > 0 && `${formatCount(hidden)} hidden`}
      </span>
      <NativeSelect
        size="xs"
        aria-label="Hide short spans"
        value={String(state.minPercent)}
        onChange={(e) => update({ minPercent: Number(e.currentTarget.value) }, 'push')}
        data={minimumChoices(state.minPercent)}
      />
      {view.trace.logs.count > 0 && (
        <Switch size="xs" label="Logs" checked={state.logs} onChange={(e) => update({ logs: e.currentTarget.checked }, 'push')} />
      )}
      {view.trace.skew && (
        <Switch
          size="xs"
          label="Raw clocks"
          checked={state.raw}
          onChange={(e) => update({ raw: e.currentTarget.checked, window: null }, 'push')}
        />
      )}
      <ActionIcon.Group>
        <Tooltip label="Expand all ( [ )" withArrow>
          <ActionIcon size="md" variant="default" aria-label="Expand all" onClick={actions.openAll}>
            <IconChevronDown size={15} />
          </ActionIcon>
        </Tooltip>
        <Tooltip label="Collapse all ( ] )" withArrow>
          <ActionIcon size="md" variant="default" aria-label="Collapse all" onClick={actions.foldAll}>
            <IconFold size={15} />
          </ActionIcon>
        </Tooltip>
      </ActionIcon.Group>
      <Tooltip label={state.dock === 'right' ? 'Detail below' : 'Detail at the right'} withArrow>
        <ActionIcon
          size="md"
          variant="default"
          aria-label={state.dock === 'right' ? 'Show the detail below' : 'Show the detail at the right'}
          onClick={() => update({ dock: state.dock === 'right' ? 'bottom' : 'right' })}
        >
          {state.dock === 'right' ? <IconLayoutBottombar size={15} /> : <IconLayoutSidebarRight size={15} />}
        </ActionIcon>
      </Tooltip>
      <Keys />
    </div>
  );
}

function minimumChoices(chosen: number) {
  const usual = [0, 0.1, 1, 5, 10, 25];
  const all = usual.includes(chosen) ? usual : [...usual, chosen].sort((a, b) => a - b);
  return all.map((p) => ({ value: String(p), label: p === 0 ? 'All spans' : `≥ ${p} %` }));
}

function Keys() {
  return (
    <Menu position="bottom-end" withinPortal width={340}>
      <Menu.Target>
        <ActionIcon size="md" variant="default" aria-label="Keys of this page">
          <IconKeyboard size={15} />
        </ActionIcon>
      </Menu.Target>
      <Menu.Dropdown>
        <Menu.Label>Keys</Menu.Label>
        {traceKeys.map(([keys, what]) => (
          <Menu.Item key={what} closeMenuOnClick={false} className={classes.keyItem}>
            <span className={classes.keyLine}>
              <span>{what}</span>
              <kbd>{keys.join(' ')}</kbd>
            </span>
          </Menu.Item>
        ))}
      </Menu.Dropdown>
    </Menu>
  );
}

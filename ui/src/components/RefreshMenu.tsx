// Ask again: now, or at a pace.
import { ActionIcon, Menu, Tooltip } from '@mantine/core';
import { IconCheck, IconChevronDown, IconRefresh } from '@tabler/icons-react';
import { useIsFetching } from '@tanstack/react-query';
import { refreshChoices, useTime } from '@/state/time';
import classes from './RefreshMenu.module.css';

export function RefreshMenu() {
  const { refresh, setRefresh, tick } = useTime();
  const fetching = useIsFetching() > 0;
  return (
    <div className={classes.group}>
      <Tooltip label="Refresh (r)" openDelay={400}>
        <ActionIcon
          variant="subtle"
          color="gray"
          size={26}
          aria-label="Refresh"
          onClick={tick}
          className={fetching ? classes.busy : undefined}
        >
          <IconRefresh size={16} />
        </ActionIcon>
      </Tooltip>
      <Menu position="bottom-end" shadow="md">
        <Menu.Target>
          <button type="button" className={classes.pace} aria-label={`Auto refresh: ${refresh || 'off'}`}>
            {refresh || 'off'}
            <IconChevronDown size={12} />
          </button>
        </Menu.Target>
        <Menu.Dropdown>
          {['', ...refreshChoices].map((choice) => (
            <Menu.Item
              key={choice}
              leftSection={<IconCheck size={14} style={{ visibility: choice === refresh ? 'visible' : 'hidden' }} />}
              onClick={() => setRefresh(choice)}
            >
              {choice ? `Every ${choice}` : 'Auto refresh off'}
            </Menu.Item>
          ))}
        </Menu.Dropdown>
      </Menu>
    </div>
  );
}

// This very question for a terminal or a colleague.
import { Button, Menu } from '@mantine/core';
import { IconCheck, IconCopy, IconLink, IconTerminal2, IconWorld } from '@tabler/icons-react';
import { useState } from 'react';
import { copyText } from '@/components/copy';
import { curlCommand, grepCommand, type Question } from '@/logic/command';
import { useTime } from '@/state/time';
import classes from './SearchPage.module.css';
import type { SearchState } from './state';

export function CopyMenu({ state }: { state: SearchState }) {
  const { range } = useTime();
  const [copied, setCopied] = useState('');
  const question: Question = { signal: state.scope.signal, query: state.query, range, origin: window.location.origin };
  const choices = [
    { name: 'Copy as CLI', text: grepCommand(question), icon: IconTerminal2 },
    { name: 'Copy as curl', text: curlCommand(state.kind === 'traces' ? '/api/v1/traces' : '/api/v1/search', question), icon: IconWorld },
    { name: 'Copy the link', text: window.location.href, icon: IconLink },
  ];
  const copy = async (name: string, text: string) => {
    if (!(await copyText(text))) return;
    setCopied(name);
    setTimeout(() => setCopied(''), 1500);
  };
  return (
    <Menu position="bottom-end" shadow="md" width={430}>
      <Menu.Target>
        <Button
          size="compact-sm"
          fw={500}
          fz={13}
          variant="default"
          leftSection={copied ? <IconCheck size={14} /> : <IconCopy size={14} />}
        >
          {copied ? 'Copied' : 'Copy as'}
        </Button>
      </Menu.Target>
      <Menu.Dropdown>
        {choices.map(({ name, text, icon: Icon }) => (
          <Menu.Item key={name} leftSection={<Icon size={14} />} onClick={() => void copy(name, text)}>
            {name}
            <div className={classes.command}>{text}</div>
          </Menu.Item>
        ))}
      </Menu.Dropdown>
    </Menu>
  );
}

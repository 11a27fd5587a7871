// A button that copies a text and says that it did.
import { ActionIcon, Tooltip } from '@mantine/core';
import { IconCheck, IconCopy } from '@tabler/icons-react';
import { useCopy } from './copy';

export function CopyButton({ text, label, size = 22 }: { text: string; label: string; size?: number }) {
  const [copied, copy] = useCopy();
  const Icon = copied ? IconCheck : IconCopy;
  return (
    <Tooltip label={copied ? 'Copied' : label} openDelay={300}>
      <ActionIcon variant="subtle" color="gray" size={size} aria-label={label} onClick={() => copy(text)}>
        <Icon size={14} />
      </ActionIcon>
    </Tooltip>
  );
}

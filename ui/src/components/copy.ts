// Text to the clipboard. Over plain HTTP browsers keep the clipboard API from us (loopback is exempt), so there is an older way too.
import { useCallback, useState } from 'react';

const saidMs = 1_500;

/** Copies, and says for a moment that it has. */
export function useCopy(): [copied: boolean, copy: (text: string) => void] {
  const [copied, setCopied] = useState(false);
  const copy = useCallback(async (text: string) => {
    if (!(await copyText(text))) return;
    setCopied(true);
    setTimeout(setCopied, saidMs, false);
  }, []);
  return [copied, copy];
}

export async function copyText(text: string): Promise<boolean> {
  try {
    await navigator.clipboard.writeText(text);
    return true;
  } catch {
    const area = document.createElement('textarea');
    area.value = text;
    area.style.position = 'fixed';
    area.style.opacity = '0';
    document.body.append(area);
    area.select();
    const done = document.execCommand('copy');
    area.remove();
    return done;
  }
}

// An error where its answer would be: what happened, what would help, and another try where that may help.
import { Button } from '@mantine/core';
import { IconAlertTriangle } from '@tabler/icons-react';
import { ApiError } from '@/api/client';
import classes from './ErrorNote.module.css';

export function ErrorNote({ error, retry }: { error: unknown; retry?: () => void }) {
  const message = error instanceof Error ? error.message : String(error);
  const hint = error instanceof ApiError ? error.hint : '';
  return (
    <div className={classes.note} role="alert">
      <IconAlertTriangle size={16} aria-hidden="true" />
      <div className={classes.text}>
        <div>{message}</div>
        {hint && <div className={classes.hint}>{hint}</div>}
      </div>
      {retry && (
        <Button size="compact-xs" variant="default" onClick={retry}>
          Try again
        </Button>
      )}
    </div>
  );
}

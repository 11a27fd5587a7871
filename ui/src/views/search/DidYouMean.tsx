// What may have been meant by a query that matches nothing: a button for each query that the server has found to match.
import { Button } from '@mantine/core';
import { type Scope, useSuggestions } from '@/api/queries';
import { formatCount } from '@/logic/format';
import classes from './Nothing.module.css';

export function DidYouMean({ scope, ask }: { scope: Scope; ask: (query: string) => void }) {
  const { data } = useSuggestions(scope);
  if (!data || data.suggestions.length === 0) return null;
  return (
    <>
      <p>Did you mean</p>
      <div className={classes.ways}>
        {data.suggestions.map((s) => (
          <Button key={s.query} size="compact-sm" fw={500} fz={13} variant="light" onClick={() => ask(s.query)}>
            {s.query} ({formatCount(s.count)})
          </Button>
        ))}
      </div>
    </>
  );
}

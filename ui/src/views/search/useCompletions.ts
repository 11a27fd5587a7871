// The completions where the caret is: asked of the server for the time range of the page, whatever else the query says.
import { useDebouncedValue } from '@mantine/hooks';
import { type Scope, useFields, useValues } from '@/api/queries';
import { type Completion, fieldCompletions, valueCompletions } from '@/logic/completion';
import type { Typing } from '@/logic/language';

export function useCompletions(scope: Scope, typing: Typing, open: boolean): Completion[] {
  const fields = useFields({ ...scope, query: '' }, open);
  const [prefix] = useDebouncedValue(typing.prefix, 150);
  const ofValue = open && typing.kind === 'value' && typing.field !== '';
  // Of these few values all are asked for: what is typed is not how they are stored.
  const whole = typing.field === 'severity' || typing.field === 'duration';
  const values = useValues(scope, typing.field, whole ? '' : prefix, ofValue && typing.field !== 'duration');
  if (!open) return [];
  if (typing.kind === 'value') return valueCompletions(typing, values.data?.values ?? []);
  return fieldCompletions(typing, fields.data?.fields ?? []);
}

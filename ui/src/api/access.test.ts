import { expect, test } from 'vitest';
import { readable, runsClew, type Whoami } from './access';

const me = (...grants: [string, string[]][]): Whoami => ({
  asked: true,
  name: 'ada',
  kind: 'oidc',
  tenant: '',
  grants: grants.map(([role, tenants]) => ({ role, tenants })),
  open: [],
});

test('who reads what', () => {
  expect(readable(me(['read', ['b', 'a']], ['admin', ['a']], ['write', ['c']]))).toEqual(['a', 'b']);
  expect(readable(me(['read', ['a']], ['read', ['*']]))).toEqual(['*']);
  expect(readable(me(['write', ['*']]))).toEqual([]);
});

test('who runs clew', () => {
  expect(runsClew(me(['admin', ['*']]))).toBe(true);
  expect(runsClew(me(['admin', ['a']], ['read', ['*']]))).toBe(false);
  expect(runsClew({ ...me(), asked: false })).toBe(true);
});

import { expect, test } from 'vitest';
import { readable, runsClew, tenantFor, type Whoami } from './access';

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

test('whose records are shown', () => {
  const two = me(['read', ['b', 'a']]);
  expect(tenantFor(two, '')).toBe('a');
  expect(tenantFor(two, 'b')).toBe('b');
  expect(tenantFor(two, 'c')).toBe('a'); // of who was logged in before
  expect(tenantFor({ ...two, tenant: 'default' }, '')).toBe('');
  expect(tenantFor(me(['admin', ['*']]), 'any')).toBe('any');
  expect(tenantFor({ ...me(), asked: false }, 'left over')).toBe('');
});

test('who runs clew', () => {
  expect(runsClew(me(['admin', ['*']]))).toBe(true);
  expect(runsClew(me(['admin', ['a']], ['read', ['*']]))).toBe(false);
  expect(runsClew({ ...me(), asked: false })).toBe(true);
});

// Who is logged in, whose records are shown, and the way out.
import { Menu } from '@mantine/core';
import { IconCheck, IconChevronDown, IconLogout, IconUser } from '@tabler/icons-react';
import { type ReactNode, useEffect } from 'react';
import { readable, tenantFor, useWhoami, type Whoami } from '@/api/access';
import { chooseTenant, chosenTenant, keepTenant } from '@/state/tenant';
import classes from './WhoMenu.module.css';

export function WhoMenu() {
  const { data: me } = useWhoami();
  useEffect(() => {
    const chosen = chosenTenant();
    const right = me ? tenantFor(me, chosen) : chosen;
    if (right !== chosen) chooseTenant(right);
  }, [me]);
  if (!me?.asked || !me.name) return null;
  const tenants = readable(me);
  const tenant = chosenTenant() || me.tenant;
  const some = tenants.filter((t) => t !== '*');
  return (
    <Menu position="bottom-end" shadow="md">
      <Menu.Target>
        <button type="button" className={classes.who} aria-label={`Logged in as ${me.name}, tenant ${tenant || 'none'}`}>
          <IconUser size={14} aria-hidden="true" />
          <span className={classes.name}>{me.name}</span>
          <span className={classes.tenant}>{tenant}</span>
          <IconChevronDown size={12} aria-hidden="true" />
        </button>
      </Menu.Target>
      <Menu.Dropdown>
        <Menu.Label>{grantsOf(me)}</Menu.Label>
        {some.length > 1 &&
          some.map((t) => (
            <Menu.Item
              key={t}
              leftSection={<IconCheck size={14} style={{ visibility: t === tenant ? 'visible' : 'hidden' }} />}
              onClick={() => chooseTenant(t)}
            >
              {t}
            </Menu.Item>
          ))}
        {tenants[0] === '*' && (
          <form
            className={classes.other}
            onSubmit={(e) => {
              e.preventDefault();
              chooseTenant(String(new FormData(e.currentTarget).get('tenant') ?? '').trim());
            }}
          >
            <label>
              Tenant <input name="tenant" defaultValue={tenant} spellCheck={false} onKeyDown={(e) => e.stopPropagation()} />
            </label>
            <button type="submit">Show</button>
          </form>
        )}
        <Menu.Divider />
        <Menu.Item leftSection={<IconLogout size={14} />} onClick={logout}>
          Log out
        </Menu.Item>
      </Menu.Dropdown>
    </Menu>
  );
}

/** The answer leads to the login page, which a request of a script would only fetch. */
async function logout() {
  await fetch('/auth/logout', { method: 'POST', redirect: 'manual' }).catch(() => undefined); // the login page says whether it worked
  keepTenant('');
  location.assign('/auth/login?out');
}

/** What is in a page's place for who may send telemetry and read none: every question of the page would be refused. */
export function Readable({ children }: { children: ReactNode }) {
  const { data: me } = useWhoami();
  if (!me?.asked || readable(me).length > 0) return children;
  return (
    <section className={classes.unreadable}>
      <h1>Nothing to read here</h1>
      <p>
        {me.name} has {grantsOf(me)}, which is not for reading. Log out, and log in as somebody with the role read.
      </p>
    </section>
  );
}

function grantsOf(me: Whoami): string {
  return me.grants.map((g) => `${g.role} at ${g.tenants.join(', ').replace('*', 'all tenants')}`).join('; ') || 'no role';
}

/** Says that others can use this clew without being asked who they are. */
export function OpenBanner() {
  const { data: me } = useWhoami();
  if (!me?.open.length) return null;
  return (
    <p className={classes.open} role="alert">
      Anyone who reaches this clew can use it: {me.open.join(', ')}. Say in its configuration who may (access, tls), or listen on 127.0.0.1.
    </p>
  );
}

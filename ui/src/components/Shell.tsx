// The frame around every page: where one can go, and what holds on all pages (time, theme, keys).
import { ActionIcon, Tooltip, useMantineColorScheme } from '@mantine/core';
import { IconCommand, IconKeyboard, IconMoon, IconSun } from '@tabler/icons-react';
import { lazy, type ReactNode, Suspense, useState } from 'react';
import { Link, useLocation } from 'wouter';
import { searchHref, withZone } from '@/logic/address';
import { useKeys } from '@/state/keys';
import { useTheme } from '@/state/theme';
import { useTime } from '@/state/time';
import { modKey } from './Kbd';
import { RefreshMenu } from './RefreshMenu';
import classes from './Shell.module.css';
import { TimeRangePicker } from './TimeRangePicker';
import { TraceIdBox } from './TraceIdBox';
import { OpenBanner, WhoMenu } from './WhoMenu';

const CommandPalette = lazy(() => import('./CommandPalette'));
const KeysHelp = lazy(() => import('./KeysHelp'));

type Dialog = 'palette' | 'keys' | undefined;

export function Shell({ children }: { children: ReactNode }) {
  const [path] = useLocation();
  const [dialog, setDialog] = useState<Dialog>();
  const { tick, zone } = useTime();
  const search = searchHref(zone);
  const timed = ['/search', '/explore', '/hosts', '/alerts'].includes(path) || path.startsWith('/hosts/');
  useKeys({
    'mod+k': () => setDialog(dialog === 'palette' ? undefined : 'palette'),
    '?': () => setDialog('keys'),
    ...(timed ? { r: tick } : {}),
  });
  return (
    <div className={classes.shell}>
      <a className={classes.skip} href="#page">
        Skip to the page
      </a>
      <OpenBanner />
      <header className={classes.header}>
        {/* A search by link is a new question, about a new now. */}
        <Link href={search} className={classes.logo} aria-label="clew: search" onClick={tick}>
          <Clew />
          clew
        </Link>
        <nav className={classes.nav} aria-label="Pages">
          <NavLink href={search} active={path === '/search' || path.startsWith('/trace/')} onClick={tick}>
            Search
          </NavLink>
          <NavLink
            href={zone === 'utc' ? '/hosts?tz=utc' : '/hosts'}
            active={path === '/hosts' || path.startsWith('/hosts/')}
            onClick={tick}
          >
            Hosts
          </NavLink>
          <NavLink href={withZone('/explore', zone)} active={path === '/explore'} onClick={tick}>
            Metrics
          </NavLink>
          <NavLink href={withZone('/alerts', zone)} active={path === '/alerts'} onClick={tick}>
            Alerts
          </NavLink>
          <NavLink href={zone === 'utc' ? '/ledger?tz=utc' : '/ledger'} active={path === '/ledger'}>
            Ledger
          </NavLink>
          <NavLink href={zone === 'utc' ? '/start?tz=utc' : '/start'} active={path === '/start'}>
            Get started
          </NavLink>
        </nav>
        <TraceIdBox />
        <div className={classes.space} />
        {timed && <TimeRangePicker />}
        {(timed || path.startsWith('/trace/')) && <ZoneButton />}
        {timed && <RefreshMenu />}
        <Tool label={`Commands (${modKey} K)`} onClick={() => setDialog('palette')} icon={IconCommand} />
        <Tool label="Keys (?)" onClick={() => setDialog('keys')} icon={IconKeyboard} />
        <ThemeButton />
        <WhoMenu />
      </header>
      <main id="page" className={classes.page}>
        {children}
      </main>
      <Suspense fallback={null}>
        {dialog === 'palette' && <CommandPalette onClose={() => setDialog(undefined)} onKeys={() => setDialog('keys')} />}
        {dialog === 'keys' && <KeysHelp onClose={() => setDialog(undefined)} />}
      </Suspense>
    </div>
  );
}

function NavLink({ href, active, children, onClick }: { href: string; active: boolean; children: string; onClick?: () => void }) {
  return (
    <Link
      href={href}
      onClick={onClick}
      className={active ? `${classes.link} ${classes.active}` : classes.link}
      aria-current={active ? 'page' : undefined}
    >
      {children}
    </Link>
  );
}

function Tool({ label, icon: Icon, onClick }: { label: string; icon: typeof IconSun; onClick: () => void }) {
  return (
    <Tooltip label={label} openDelay={400}>
      <ActionIcon variant="subtle" color="gray" size={26} aria-label={label} onClick={onClick}>
        <Icon size={16} />
      </ActionIcon>
    </Tooltip>
  );
}

function ZoneButton() {
  const { zone, setZone } = useTime();
  return (
    <Tooltip label={zone === 'utc' ? 'Times are UTC' : 'Times are local'} openDelay={400}>
      <button
        type="button"
        className={classes.zone}
        aria-label={`Times are ${zone === 'utc' ? 'UTC' : 'local'}; change`}
        onClick={() => setZone(zone === 'utc' ? 'local' : 'utc')}
      >
        {zone === 'utc' ? 'UTC' : 'Local'}
      </button>
    </Tooltip>
  );
}

function ThemeButton() {
  const theme = useTheme();
  const { setColorScheme } = useMantineColorScheme();
  return (
    <Tool
      label={theme === 'dark' ? 'Light theme' : 'Dark theme'}
      icon={theme === 'dark' ? IconSun : IconMoon}
      onClick={() => setColorScheme(theme === 'dark' ? 'light' : 'dark')}
    />
  );
}

function Clew() {
  return (
    <svg
      width="20"
      height="20"
      viewBox="0 0 32 32"
      fill="none"
      stroke="currentColor"
      strokeWidth="2.6"
      strokeLinecap="round"
      aria-hidden="true"
    >
      <circle cx="14" cy="14" r="10.5" />
      <path d="M4.6 17.5C10 12 17 9.5 24 10.6M6.5 21.5C12 16 18 13.5 24.4 14.5M8.5 5.5C12 9 14 15 13.5 24.4M20.5 21.8C23 25 26 28 30 28" />
    </svg>
  );
}

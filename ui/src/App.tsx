// The routes.
import { useEffect } from 'react';
import { Redirect, Route, Switch, useLocation } from 'wouter';
import { PageBoundary } from '@/components/PageBoundary';
import { page } from '@/components/page';
import { Shell } from '@/components/Shell';
import { Readable } from '@/components/WhoMenu';
import { TimeProvider } from '@/state/time';

const search = page(() => import('@/views/search/SearchPage'));
const trace = page(() => import('@/views/trace/TracePage'));
const hosts = page(() => import('@/views/hosts/HostsPage'));
const host = page(() => import('@/views/hosts/HostPage'));
// Not at /metrics, where clew's own are for a Prometheus to scrape.
const metrics = page(() => import('@/views/metrics/MetricsPage'));
const alerts = page(() => import('@/views/alerts/AlertsPage'));
const ledger = page(() => import('@/views/ledger/LedgerPage'));
const start = page(() => import('@/views/start/StartPage'));

/** The first page's own questions go first. */
const preloadAfterMs = 1_500;

export function App() {
  const [path] = useLocation();
  useEffect(preloadWhenIdle, []);
  return (
    <TimeProvider>
      <Shell>
        <PageBoundary path={path}>
          <Readable>
            <Switch>
              <Route path="/search" component={search.Component} />
              <Route path="/trace/:id" component={trace.Component} />
              <Route path="/hosts" component={hosts.Component} />
              <Route path="/hosts/:host" component={host.Component} />
              <Route path="/explore" component={metrics.Component} />
              <Route path="/alerts" component={alerts.Component} />
              <Route path="/ledger" component={ledger.Component} />
              <Route path="/start" component={start.Component} />
              <Route>
                <Redirect to="/search" replace />
              </Route>
            </Switch>
          </Readable>
        </PageBoundary>
      </Shell>
    </TimeProvider>
  );
}

/** From a result to its trace is the way that is gone most: it shall not begin with fetching code. */
function preloadWhenIdle(): () => void {
  const timer = setTimeout(() => {
    for (const p of [search, trace, hosts, host, metrics, alerts, start]) p.preload().catch(() => {}); // said when the page is opened
  }, preloadAfterMs);
  return () => clearTimeout(timer);
}

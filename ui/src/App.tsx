// The routes. Every page is a chunk of its own, loaded when it is first opened.
import { lazy, Suspense } from 'react';
import { Redirect, Route, Switch, useLocation } from 'wouter';
import { PageBoundary } from '@/components/PageBoundary';
import { Shell } from '@/components/Shell';
import { TimeProvider } from '@/state/time';

const SearchPage = lazy(() => import('@/views/search/SearchPage'));
const TracePage = lazy(() => import('@/views/trace/TracePage'));
const StartPage = lazy(() => import('@/views/start/StartPage'));

export function App() {
  const [path] = useLocation();
  return (
    <TimeProvider>
      <Shell>
        <PageBoundary path={path}>
          <Suspense fallback={null}>
            <Switch>
              <Route path="/search" component={SearchPage} />
              <Route path="/trace/:id" component={TracePage} />
              <Route path="/start" component={StartPage} />
              <Route>
                <Redirect to="/search" replace />
              </Route>
            </Switch>
          </Suspense>
        </PageBoundary>
      </Shell>
    </TimeProvider>
  );
}

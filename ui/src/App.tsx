// The routes. Every page is a chunk of its own, loaded when it is first opened.
import { lazy, Suspense } from 'react';
import { Redirect, Route, Switch } from 'wouter';

const SearchPage = lazy(() => import('@/views/search/SearchPage'));
const TracePage = lazy(() => import('@/views/trace/TracePage'));
const StartPage = lazy(() => import('@/views/start/StartPage'));

export function App() {
  return (
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
  );
}

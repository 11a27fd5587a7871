// Pages are chunks of their own, loaded when they are first opened or, once the browser has nothing else to do, before. React.lazy would do it
// too, but Suspense holds back for 300 ms what comes right after a fallback, which is longer than most pages take to load.
import { type ComponentType, useEffect, useState } from 'react';

export interface Page {
  Component: ComponentType;
  /** Fetches the page's code, if it is not there. */
  preload(): Promise<void>;
}

export function page(load: () => Promise<{ default: ComponentType }>): Page {
  let loaded: ComponentType | undefined;
  let coming: Promise<void> | undefined;
  const preload = () => {
    coming ??= load().then(
      (module) => {
        loaded = module.default;
      },
      (e: unknown) => {
        coming = undefined; // may be asked for again
        throw new Error('A part of the application could not be loaded: is clew still running, and still the same version?', { cause: e });
      },
    );
    return coming;
  };
  const Component = () => {
    const [, setReady] = useState(loaded !== undefined);
    useEffect(() => {
      if (loaded) return;
      let gone = false;
      const fail = (e: unknown) => {
        // Thrown while rendering, where the page's boundary catches it.
        if (!gone)
          setReady(() => {
            throw e;
          });
      };
      preload().then(() => gone || setReady(true), fail);
      return () => {
        gone = true;
      };
    }, []);
    const Loaded = loaded;
    return Loaded ? <Loaded /> : null;
  };
  return { Component, preload };
}

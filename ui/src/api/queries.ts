// One cache of what the server said. Answers are never made up or patched here: a question is asked again when it is asked again.
import { QueryClient } from '@tanstack/react-query';

export const queryClient = new QueryClient({
  defaultOptions: { queries: { retry: false, refetchOnWindowFocus: false, staleTime: 30_000, gcTime: 300_000 } },
});

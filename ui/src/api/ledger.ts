// What senders have sent and what became of it.
import { useQuery } from '@tanstack/react-query';
import { ask } from './client';
import { bool, list, num, object, open, or, type Shape, str } from './validate';

export interface Counts {
  read: number;
  stored: number;
  replayed: number;
  elsewhere: number;
  missing: number;
  inFlight: number;
  refused: Record<string, unknown>;
  dropped: Record<string, unknown>;
}
export interface Flow {
  signal: string;
  counts: Counts;
  ratePerSecond: number;
  lagSeconds: number;
  missingNumbers: number;
}
export interface HostAccount {
  host: string;
  lastHeard: string;
  silent: boolean;
  flows: Flow[];
}
export interface Sender {
  service: string;
  signal: string;
  lastHeard: string;
  received: number;
  stored: number;
  refused: Record<string, unknown>;
}
export interface Ledger {
  now: string;
  since: string;
  hosts: HostAccount[];
  senders: Sender[];
}

const zero = or(num, 0);
const reasons = or(open, {});
const counts: Shape<Counts> = object<Counts>({
  read: num,
  stored: num,
  replayed: num,
  elsewhere: zero,
  missing: zero,
  inFlight: num,
  refused: reasons,
  dropped: reasons,
});
const flow = object<Flow>({ signal: str, counts, ratePerSecond: num, lagSeconds: num, missingNumbers: zero });
const host = object<HostAccount>({ host: str, lastHeard: str, silent: bool, flows: list(flow) });
const sender = object<Sender>({ service: str, signal: str, lastHeard: str, received: num, stored: num, refused: reasons });
const ledger = object<Ledger>({ now: str, since: str, hosts: list(host), senders: list(sender) });

/** Heartbeats come every ten seconds: so does the question. */
export function useLedger() {
  return useQuery({
    queryKey: ['ledger'],
    queryFn: ({ signal }) => ask('/api/v1/ledger', {}, ledger, signal),
    refetchInterval: 10_000,
    staleTime: 0,
  });
}

// The alerts of all hosts, as the rules find them now.
import { useMemo } from 'react';
import { useRules } from '@/api/alerting';
import { alertsByHost, type HostAlert } from '@/logic/hosts/alerts';

const none = new Map<string, HostAlert[]>();

/** Empty until it is known, and where no rules are evaluated: hosts are listed without it. */
export function useHostAlerts(): Map<string, HostAlert[]> {
  const { data } = useRules();
  return useMemo(() => (data ? alertsByHost(data.groups) : none), [data]);
}

// Alerts: the rules with what they found, when alerts fired, and what is silenced.
import { useEffect, useMemo, useState } from 'react';
import { useRules, useSilences } from '@/api/alerting';
import { ErrorNote } from '@/components/ErrorNote';
import { useKeys } from '@/state/keys';
import { useUrlState } from '@/state/url';
import classes from './alerts.module.css';
import { History } from './History';
import { RulesTab } from './RulesTab';
import { SilencesTab } from './SilencesTab';

type Tab = 'rules' | 'history' | 'silences';
const tabs: readonly { id: Tab; name: string }[] = [
  { id: 'rules', name: 'Rules' },
  { id: 'history', name: 'History' },
  { id: 'silences', name: 'Silences' },
];

export default function AlertsPage() {
  const { get, set } = useUrlState();
  const rules = useRules();
  const silences = useSilences();
  const [draft, setDraft] = useState('');
  const tab = tabs.find((t) => t.id === get('tab'))?.id ?? 'rules';
  const choose = (id: Tab) => set({ tab: id === 'rules' ? undefined : id });
  useEffect(() => {
    document.title = 'Alerts – clew';
  }, []);
  useKeys({ '1': () => choose('rules'), '2': () => choose('history'), '3': () => choose('silences') });
  const active = useMemo(() => (Array.isArray(silences.data) ? silences.data.filter((s) => s.state === 'active') : []), [silences.data]);
  const alerts = useMemo(() => rules.data?.groups.flatMap((g) => g.rules.flatMap((r) => r.alerts)) ?? [], [rules.data]);
  const counts: Record<Tab, number> = { rules: alerts.filter((a) => a.state === 'firing').length, history: 0, silences: active.length };
  const silence = (matchers: string) => {
    setDraft(matchers);
    choose('silences');
  };
  return (
    <div className={classes.page}>
      <h1 className="sr-only">Alerts</h1>
      <div className={classes.tabs} role="tablist" aria-label="Alerts">
        {tabs.map((t, i) => (
          <button
            key={t.id}
            id={`tab-${t.id}`}
            type="button"
            role="tab"
            aria-selected={t.id === tab}
            aria-controls="alerts-panel"
            tabIndex={t.id === tab ? 0 : -1}
            title={String(i + 1)}
            onClick={() => choose(t.id)}
            onKeyDown={(e) => {
              const by = e.key === 'ArrowRight' ? 1 : e.key === 'ArrowLeft' ? -1 : 0;
              const next = tabs[(i + by + tabs.length) % tabs.length];
              if (by === 0 || !next) return;
              choose(next.id);
              document.getElementById(`tab-${next.id}`)?.focus();
            }}
          >
            {t.name}
            {counts[t.id] > 0 && <span className={t.id === 'rules' ? classes.countFiring : classes.count}>{counts[t.id]}</span>}
          </button>
        ))}
      </div>
      <div id="alerts-panel" role="tabpanel" aria-labelledby={`tab-${tab}`} className={classes.panel}>
        {rules.error && !rules.data && tab !== 'history' && <ErrorNote error={rules.error} retry={() => void rules.refetch()} />}
        {tab === 'rules' && rules.data && <RulesTab rules={rules.data} silences={active} onSilence={silence} />}
        {tab === 'history' && <History />}
        {tab === 'silences' && <SilencesTab answer={silences} alerts={alerts} draft={draft} setDraft={setDraft} />}
      </div>
    </div>
  );
}

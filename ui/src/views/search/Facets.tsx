// The fields of what matched, each with its values and how many there are. A click narrows the query; a second one widens it again.
import { IconChevronDown, IconChevronRight, IconMinus, IconPlus } from '@tabler/icons-react';
import { useMemo, useState } from 'react';
import { useFacet, useFields } from '@/api/queries';
import { ServiceDot } from '@/components/ServiceBadge';
import { facetFields, facetValues, opensAtFirst } from '@/logic/facets';
import { formatCompact, formatCount } from '@/logic/format';
import { type Filter, filterOf, setFilter } from '@/logic/language';
import classes from './Facets.module.css';
import type { SearchState } from './state';

const valuesShown = 6;
const valuesMore = 50;

export function Facets({ state }: { state: SearchState }) {
  const { signal } = state.scope;
  const { data, isError } = useFields(state.scope);
  const [filter, setFilterText] = useState('');
  const fields = useMemo(() => facetFields(data?.fields ?? [], signal), [data, signal]);
  const shown = filter ? fields.filter((f) => f.name.toLowerCase().includes(filter.toLowerCase())) : fields;
  return (
    <aside className={classes.facets} aria-label="Facets">
      <input
        className={classes.find}
        placeholder="Find a field"
        aria-label="Find a field"
        value={filter}
        spellCheck={false}
        onChange={(e) => setFilterText(e.currentTarget.value)}
      />
      <div className={classes.list}>
        {!data && !isError && [90, 60, 120, 80].map((h) => <div key={h} className={`skeleton ${classes.waiting}`} style={{ height: h }} />)}
        {shown.map((f, i) => (
          <Facet key={`${signal} ${f.name}`} field={f.name} state={state} openAtFirst={opensAtFirst(f, i, signal)} />
        ))}
        {data && shown.length === 0 && <p className={classes.none}>{filter ? 'No such field here.' : 'Nothing matched has fields.'}</p>}
      </div>
    </aside>
  );
}

function Facet({ field, state, openAtFirst }: { field: string; state: SearchState; openAtFirst: boolean }) {
  const [opened, setOpened] = useState<boolean>();
  const [more, setMore] = useState(false);
  const open = opened ?? openAtFirst;
  const { data, error } = useFacet(state.scope, field, more ? valuesMore : valuesShown, open);
  const values = facetValues(field, data?.groups ?? []);
  const max = Math.max(1, ...values.map((v) => v.count));
  const Chevron = open ? IconChevronDown : IconChevronRight;
  return (
    <section className={classes.facet}>
      <h2 className={classes.title}>
        <button type="button" aria-expanded={open} onClick={() => setOpened(!open)} title={field}>
          <Chevron size={12} aria-hidden="true" />
          <span>{field.replace(/^resource\./, '')}</span>
        </button>
      </h2>
      {open && (
        <div className={classes.values}>
          {!data && !error && [1, 2, 3].map((n) => <div key={n} className={`skeleton ${classes.row}`} />)}
          {error && <p className={classes.none}>not counted: {error.message}</p>}
          {values.map((v) => (
            <Value key={v.value} field={field} value={v.value} count={v.count} share={v.count / max} state={state} />
          ))}
          {data && data.other > 0 && !more && (
            <button type="button" className={classes.more} onClick={() => setMore(true)}>
              more … {formatCompact(data.other)}
            </button>
          )}
          {data && values.length === 0 && <p className={classes.none}>no values</p>}
        </div>
      )}
    </section>
  );
}

function Value({ field, value, count, share, state }: { field: string; value: string; count: number; share: number; state: SearchState }) {
  const now = filterOf(state.query, field, value);
  const set = (f: Filter) => state.setQuery(setFilter(state.query, field, value, now === f ? 'none' : f));
  const label = value === '' ? '(empty)' : value;
  return (
    <div className={classes.value} data-filter={now}>
      <span className={classes.bar} style={{ width: `${Math.max(share * 100, 1)}%` }} aria-hidden="true" />
      <button
        type="button"
        className={classes.main}
        aria-pressed={now === 'in'}
        title={`${label}: ${formatCount(count)}`}
        onClick={() => set('in')}
      >
        {field === 'service' && <ServiceDot service={value} />}
        <span className={classes.label}>{label}</span>
        <span className={classes.count}>{formatCompact(count)}</span>
      </button>
      <span className={classes.tools}>
        {/* The value itself does the same: one stop of the Tab key less. */}
        <button type="button" tabIndex={-1} aria-label={`Only ${label}`} aria-pressed={now === 'in'} onClick={() => set('in')}>
          <IconPlus size={12} />
        </button>
        <button type="button" aria-label={`Without ${label}`} aria-pressed={now === 'out'} onClick={() => set('out')}>
          <IconMinus size={12} />
        </button>
      </span>
    </div>
  );
}

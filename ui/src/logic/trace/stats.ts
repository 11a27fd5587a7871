// The trace summed up by service and operation.
import { FlagError, FlagMissing, type Trace } from './model';

export interface StatRow {
  service: string;
  /** '' where a whole service is summed up. */
  name: string;
  count: number;
  errors: number;
  total: number;
  self: number;
  max: number;
}

export type StatColumn = 'service' | 'name' | 'count' | 'errors' | 'total' | 'self' | 'mean' | 'max';

/** Sums up the spans that were received. */
export function statistics(t: Trace, by: 'service' | 'operation'): StatRow[] {
  const rows = new Map<number, StatRow>();
  for (let i = 0; i < t.count; i++) {
    const flags = t.flags[i] as number;
    if (flags & FlagMissing) continue;
    const service = t.service[i] as number;
    const name = t.name[i] as number;
    const key = by === 'service' ? service : service * t.names.length + name;
    let row = rows.get(key);
    if (!row) {
      row = {
        service: t.services[service] ?? '',
        name: by === 'service' ? '' : (t.names[name] ?? ''),
        count: 0,
        errors: 0,
        total: 0,
        self: 0,
        max: 0,
      };
      rows.set(key, row);
    }
    row.count++;
    row.errors += flags & FlagError ? 1 : 0;
    row.total += t.duration[i] as number;
    row.self += t.self[i] as number;
    row.max = Math.max(row.max, t.duration[i] as number);
  }
  return [...rows.values()];
}

export const meanOf = (r: StatRow) => r.total / r.count;

/** Sorts by a column, numbers descending first; equal rows by service and name, so that the order is always the same. */
export function sortStatistics(rows: readonly StatRow[], column: StatColumn, reverse: boolean): StatRow[] {
  const compareText = (a: string, b: string) => (a < b ? -1 : a > b ? 1 : 0);
  const compare = (a: StatRow, b: StatRow) => {
    switch (column) {
      case 'service':
      case 'name':
        return compareText(a[column], b[column]);
      case 'mean':
        return meanOf(b) - meanOf(a);
      default:
        return b[column] - a[column];
    }
  };
  return [...rows].sort((a, b) => (reverse ? -1 : 1) * compare(a, b) || compareText(a.service, b.service) || compareText(a.name, b.name));
}

// Rows in words: for tooltips and for screen readers.
import { formatCount, formatDuration } from '@/logic/format';
import { logTime, remark } from '@/logic/trace/bars';
import { startOf, type Trace } from '@/logic/trace/model';
import { isLog, logOf } from '@/logic/trace/rows';

export const serviceOf = (t: Trace, node: number) => t.services[t.service[node] as number] ?? '';
export const nameOf = (t: Trace, node: number) => t.names[t.name[node] as number] ?? '';
export const kindOf = (t: Trace, node: number) => t.kinds[t.kind[node] as number] ?? '';

export function logCount(t: Trace, node: number): number {
  return (t.logs.start[node + 1] as number) - (t.logs.start[node] as number);
}

export function severityOf(t: Trace, log: number): string {
  const n = t.logs.severity[log] as number;
  return ['', 'TRACE', 'DEBUG', 'INFO', 'WARN', 'ERROR', 'FATAL'][Math.min(6, Math.ceil(n / 4))] ?? '';
}

/** One sentence about a row. */
export function rowInWords(t: Trace, row: number, raw: boolean): string {
  if (isLog(row)) {
    const log = logOf(row);
    return `log record ${severityOf(t, log)} at ${formatDuration(logTime(t, log, raw))}: ${t.logs.body[log]}`;
  }
  const parts = [`${serviceOf(t, row)} ${nameOf(t, row)}`.trim()];
  const note = remark(t, row);
  if (note) parts.push(note);
  parts.push(`starts at ${formatDuration(startOf(t, row, raw))}, lasts ${formatDuration(t.duration[row] as number)}`);
  if ((t.criticalStart[row] as number) < (t.criticalStart[row + 1] as number)) parts.push('on the critical path');
  const below = (t.end[row] as number) - row - 1;
  if (below > 0) parts.push(`${formatCount(below)} spans below`);
  const logs = logCount(t, row);
  if (logs > 0) parts.push(`${formatCount(logs)} log records`);
  return parts.join(', ');
}

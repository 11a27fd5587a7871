// The same question for a terminal: a page's search as a clew command, and as curl.
import { requestPath } from '@/api/client';
import type { TimeRange } from './timerange';

const defaultServer = 'http://127.0.0.1:7400';

/** An argument for a POSIX shell. */
export function shellQuote(text: string): string {
  return /^[A-Za-z0-9_./:@%+=-]+$/.test(text) ? text : `'${text.replaceAll("'", `'\\''`)}'`;
}

export interface Question {
  signal: 'logs' | 'spans';
  query: string;
  range: TimeRange;
  origin: string;
}

const server = (origin: string) => (origin === defaultServer ? [] : ['--server', origin]);

export function grepCommand({ signal, query, range, origin }: Question): string {
  const args = ['clew', 'grep', ...server(origin)];
  if (signal === 'spans') args.push('--signal', 'spans');
  if (query.trim()) args.push('--where', query.trim());
  args.push('--since', range.from.replace(/^now-/, ''));
  if (range.to !== 'now') args.push('--until', range.to.replace(/^now-/, ''));
  return [...args, ''].map((a) => (a === '' ? "''" : shellQuote(a))).join(' ');
}

export function traceCommand(traceId: string, origin: string): string {
  return ['clew', 'trace', ...server(origin), traceId].map(shellQuote).join(' ');
}

export function curlCommand(path: string, { signal, query, range, origin }: Question): string {
  const params = {
    signal: path.endsWith('/traces') ? undefined : signal,
    query: query.trim(),
    start: range.from,
    end: range.to === 'now' ? undefined : range.to,
  };
  return `curl -s ${shellQuote(origin + requestPath(path, params))}`;
}

// A trace id as people paste it (with spaces, dashes, capitals, or as a whole W3C traceparent), and the address of a trace.
import type { Zone } from './format';

/** The id in lower-case hex, or '' where the text is none. Leading zeros may be missing, as the API allows it. */
export function parseTraceId(text: string): string {
  const t = text.trim().toLowerCase();
  const traceparent = /^[0-9a-f]{2}-([0-9a-f]{32})-[0-9a-f]{16}-[0-9a-f]{2}$/.exec(t);
  const id = traceparent?.[1] ?? t.replace(/^0x/, '').replaceAll('-', '');
  return /^[0-9a-f]{1,32}$/.test(id) && /[1-9a-f]/.test(id) ? id : '';
}

/** The address of a trace, at one of its spans where it is given. The choice of UTC goes along: times read the same on both pages. */
export function traceHref(id: string, zone: Zone, span = ''): string {
  const params = new URLSearchParams();
  if (span) params.set('span', span);
  if (zone === 'utc') params.set('tz', 'utc');
  const query = params.toString();
  return `/trace/${id}${query ? `?${query}` : ''}`;
}

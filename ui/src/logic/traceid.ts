// A trace id as people paste it: with spaces, dashes, capitals, or as a whole W3C traceparent.

/** The id in lower-case hex, or '' where the text is none. Leading zeros may be missing, as the API allows it. */
export function parseTraceId(text: string): string {
  const t = text.trim().toLowerCase();
  const traceparent = /^[0-9a-f]{2}-([0-9a-f]{32})-[0-9a-f]{16}-[0-9a-f]{2}$/.exec(t);
  const id = traceparent?.[1] ?? t.replace(/^0x/, '').replaceAll('-', '');
  return /^[0-9a-f]{1,32}$/.test(id) && /[1-9a-f]/.test(id) ? id : '';
}

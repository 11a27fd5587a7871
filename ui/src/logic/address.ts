// Addresses of pages, for links that lead there from elsewhere.
import type { Millis, Zone } from './format';
import { rangeOf, type TimeRange } from './timerange';

/** A search; the choice of UTC goes along: times read the same on both pages. */
export function searchHref(zone: Zone, params: Record<string, string> = {}): string {
  return withZone('/search', zone, params);
}

/** A page's address with parameters; the choice of UTC goes along. */
export function withZone(path: string, zone: Zone, params: Record<string, string> = {}): string {
  const query = new URLSearchParams({ ...params, ...(zone === 'utc' ? { tz: 'utc' } : {}) }).toString();
  return query ? `${path}?${query}` : path;
}

const hourMs = 3_600_000;

/** What a search around something of old looks at: nothing special where the usual last hour has it, else the time around it. */
export function around(start: Millis, end: Millis, now: Millis, margin: Millis): Partial<TimeRange> {
  return start > now - hourMs && end <= now ? {} : rangeOf(start - margin, end + margin);
}

// A page of a search's answer. A list of 100,000 records is 100,000 small trees of objects: hundreds of megabytes that the garbage collector
// walks through again and again while one scrolls. So a page keeps its answer as it came, as one text, which costs the collector nothing, and
// makes records of it when they are looked at. The few pages looked at last stay made.
import type { Nanos } from '@/logic/format';
import { type AnyRecord, isSpan } from '@/logic/record';
import { logRecord, type Stats, spanRecord, stats } from './records';
import { list, object, or, str } from './validate';

const answer = object<{ logs: AnyRecord[]; spans: AnyRecord[]; cursor: string; stats: Stats }>({
  logs: or(list<AnyRecord>(logRecord), []),
  spans: or(list<AnyRecord>(spanRecord), []),
  cursor: or(str, ''),
  stats,
});

function read(text: string) {
  const { logs, spans, cursor, stats } = answer(JSON.parse(text), '');
  return { records: spans.length > 0 ? spans : logs, cursor, stats };
}

/** What is in sight, and a page before and after it. */
const madeMax = 4;
const made = new Map<RecordPage, AnyRecord[]>();

export class RecordPage {
  readonly count: number;
  readonly cursor: string;
  readonly stats: Stats;
  /** Of the longest span; 0 for log records. */
  readonly longest: Nanos;

  /** Throws where the text is no answer of a search. */
  constructor(private readonly text: string) {
    const { records, cursor, stats } = read(text);
    this.count = records.length;
    this.cursor = cursor;
    this.stats = stats;
    this.longest = records.reduce((max, r) => (isSpan(r) ? Math.max(max, r.durationNano) : max), 0);
    this.keep(records);
  }

  at(i: number): AnyRecord | undefined {
    const records = made.get(this);
    return (records ? this.keep(records) : this.keep(read(this.text).records))[i];
  }

  /** The place of a record; -1 if it is not on the page. Ids have no character that JSON would escape. */
  indexOf(id: string): number {
    if (!this.text.includes(id)) return -1;
    for (let i = 0; i < this.count; i++) if (this.at(i)?.id === id) return i;
    return -1;
  }

  private keep(records: AnyRecord[]): AnyRecord[] {
    made.delete(this);
    made.set(this, records); // the map's order is that of use
    const oldest = made.size > madeMax ? made.keys().next().value : undefined;
    if (oldest) made.delete(oldest);
    return records;
  }
}

/** Pages one after the other, as one list. */
export class Records {
  readonly count: number;
  readonly longest: Nanos;
  private readonly ends: number[]; // how many records there are up to the end of each page

  constructor(private readonly pages: readonly RecordPage[]) {
    let count = 0;
    this.ends = pages.map((p) => {
      count += p.count;
      return count;
    });
    this.count = count;
    this.longest = pages.reduce((max, p) => Math.max(max, p.longest), 0);
  }

  at(i: number): AnyRecord | undefined {
    if (i < 0 || i >= this.count) return undefined;
    let low = 0;
    for (let high = this.ends.length - 1; low < high; ) {
      const middle = (low + high) >> 1;
      if ((this.ends[middle] as number) > i) high = middle;
      else low = middle + 1;
    }
    const page = this.pages[low];
    return page?.at(i - ((this.ends[low] as number) - page.count));
  }

  /** -1 if none of the pages has it. */
  indexOf(id: string): number {
    if (id === '') return -1;
    for (let p = 0; p < this.pages.length; p++) {
      const page = this.pages[p] as RecordPage;
      const i = page.indexOf(id);
      if (i >= 0) return (this.ends[p] as number) - page.count + i;
    }
    return -1;
  }
}

// Package wordindex is bleve over the vocabularies of many segments at once. It speeds up questions about words over large vocabularies, completes
// names and values, and knows the words that are nearly the one that was asked for. It is a cache: whatever it does not hold is matched directly, so that
// answers are the same with it empty; its directory may be deleted whenever it is closed.
//
// An entry is written once, however many segments have it; a document costs about a tenth of a millisecond, so one goroutine feeds it (Feed), beside
// everything else. What it holds is a generation: a directory of its own. Documents are never deleted one by one. The index knows in which
// segment it met each entry last; when that segment is gone (retention, deletion, compaction) and no newer one had the entry, the entry is dead. Once the
// dead are many (Stale), the feeder makes a new generation of what the segments hold now (Rebuild), which then takes the old one's place in one step: the
// file CURRENT names it. A generation that was not finished when the process ended is removed at the next start.
//
// Full, it takes no more, and counts what it passes over; a tenant fills at most half of it while there are others. A rebuild begins with the newest segments,
// so that it is the oldest entries that are left out then.
package wordindex

package traceindex

import "time"

// Limits bound what an Index takes.
type Limits struct {
	// Entries is how many (trace, segment) pairs are kept: 4 to 6 bytes of disk each. What comes when there are as many is not taken, and searches open
	// its segments as if there were no index.
	Entries int64
}

// DefaultLimits are for 1 to 1.3 GiB of disk: the traces of some 250 GB of spans as they are sent.
func DefaultLimits() Limits { return Limits{Entries: 256 << 20} }

const (
	// bucketEntries is about how many entries are read for a lookup: half a kilobyte, which costs no more than one of them would.
	bucketEntries = 128
	// bucketBitsMax bounds a run's directory, which is in memory: 4 bytes for each of 2^bucketBitsMax buckets.
	bucketBitsMax = 22
	// runSegmentsMax is how many segments a run may have: they are numbered in two bytes.
	runSegmentsMax = 1 << 16
	// runEntriesMax keeps offsets in a run below 4 GiB.
	runEntriesMax = 128 << 20
	// segmentIDBytesMax bounds a segment's id, as index/segment does.
	segmentIDBytesMax = 200
	// mergeRuns runs of about a size become one: an entry is written again for each factor of mergeRuns by which the index grows beyond tierEntries, and a
	// lookup reads from at most mergeRuns-1 runs of each size.
	mergeRuns   = 4
	tierEntries = 4096
	// listsMax is how many tenants and signals it is remembered for which of their segments are not covered.
	listsMax = 256
	// lookupsPerSegment is how many reads of the index a segment is worth: asking an open segment's own filter takes some 18 us, a read here 2.
	lookupsPerSegment = 4

	// batchEntries and batchSegments are how much is read from segments before it is written as a run: 8 bytes an entry in memory.
	batchEntries  = 1 << 20
	batchSegments = 4096
	// segmentRowsMax is the largest segment that is read: 4 bytes a row at the most in memory. Seals make a million rows, compaction a few.
	segmentRowsMax = 32 << 20
	// retryAfter is how long a segment that could not be read is left alone, and how often what was passed over is looked at again.
	retryAfter = 10 * time.Minute
	// feederRest is how long the feeder rests for each segment of the catalog between two looks at all of them, which take some 3 us each on a busy machine: with a million, and several
	// commits a second, it would do nothing else.
	feederRest = 20 * time.Microsecond
)

package metrics

import "time"

const (
	// indexBytesMax bounds the translated label sets of parts that are kept: some 300 bytes a series and part, so that a day of a hundred thousand series
	// in segments of half an hour needs more than is kept, and is translated anew at 10 microseconds a series.
	indexBytesMax = 128 << 20
	// decodedBytesMax bounds the histograms that a query keeps decoded, so that a histogram's buckets, which are series of their own, share the work.
	decodedBytesMax = 32 << 20

	// lentBytesMax bounds what is lent to another process at once, borrowedBytesMax what one query borrows of all, in bytes of memory: a row of 120 points takes 250 to 1,200, so that
	// the latter is more than the points that PromQL takes (promapi's limit). Who asks for more has to narrow the time or the series.
	lentBytesMax     = 256 << 20
	borrowedBytesMax = 512 << 20
	// borrowedTogetherMax bounds what all queries together have borrowed, as engine.Limits.MemoryTotal does for records, and lentTogetherMax what is lent and not yet sent: others
	// may ask as many questions at once as they like, and read the answers as slowly.
	borrowedTogetherMax = 1 << 30
	lentTogetherMax     = 1 << 30

	// exemplarsMax bounds the exemplars of an answer.
	exemplarsMax = 20_000

	// stepWindows is how many windows there are at least in a step, and rangeWindows in a range whatever the step: what a window's ends cut off of a range is
	// a hundredth of it then.
	stepWindows  = 5
	rangeWindows = 100
	// spreadMin is how close the points are at the least that a window is spread to: no closer than points came.
	spreadMin = 10 * time.Second
)

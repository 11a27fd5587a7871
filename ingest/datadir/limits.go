package datadir

import "time"

const (
	// logBytesMax is set on the log while it is open here; the next run sets its own bound again.
	logBytesMax = 1 << 40

	// sealingMost is how much older than its commit a segment may be, by its name, to be taken for one that a lost commit added: the time
	// from the segment's name to its commit is the time to write it.
	sealingMost = 10 * time.Minute
)

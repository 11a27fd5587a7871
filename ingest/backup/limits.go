package backup

import "time"

const (
	// commitAfterMost is how much later than a segment's name its commit may be: the time to write and upload it.
	commitAfterMost = 10 * time.Minute
	// comparedRows is of how many rows of a shard, tenant and signal sums are in memory at once, 50 bytes each. Beyond it every second row is compared, every third, and so on.
	comparedRows = 8 << 20
	// snapshotsMax is how often a newer snapshot of the catalog is taken because a segment went meanwhile. Each round copies what is new
	// only, which is soon less than merging brings.
	snapshotsMax = 20
	// objectBytesMax bounds what is read whole: a catalog's snapshot.
	objectBytesMax = 1 << 30
)

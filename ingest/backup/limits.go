package backup

const (
	// snapshotsMax is how often a newer snapshot of the catalog is taken because a segment went meanwhile. Each round copies what is new
	// only, which is soon less than merging brings.
	snapshotsMax = 20
	// objectBytesMax bounds what is read whole: a catalog's snapshot.
	objectBytesMax = 1 << 30
)

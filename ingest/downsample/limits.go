package downsample

import "time"

const (
	// rowPoints is how many points a row has before another is begun, at the end of a window: as a head's rows, so that short ranges of time are read quickly.
	rowPoints = 120
	// rowGap is between windows of one row at the most: a row says from when to when it has points, and what loads last year's points beside today's must
	// not be read for all that lies between.
	rowGap = 24 * time.Hour
	// bucketsMax bounds the buckets of a point that deltas are summed to; beyond, the sum is told in several points.
	bucketsMax = 4096
	// checkEvery is how many rows are looked at between two looks at the context.
	checkEvery = 4096
	// pauseEvery is how many series are made between two looks at the pace: some 100 microseconds each.
	pauseEvery = 16
)

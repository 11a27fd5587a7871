package stored

import "time"

const (
	// labelNamesMax is how many translated names of attributes are remembered; beyond it all are forgotten.
	labelNamesMax = 50_000
	// SamplesOfRowMax bounds what a damaged row can make a reader allocate; rows have 120 points at the most.
	SamplesOfRowMax = 1 << 16
	// bucketsMax bounds the buckets of a point and the distinct bounds of a histogram in a part.
	bucketsMax = 4096
	// CheckEvery is how many series are looked at between two looks at the context.
	CheckEvery = 4096
	// Lookback is how long Prometheus looks back for a series' last point. target_info, which says what a resource is, has a point at least every
	// half of it while the resource has points at most a lookback apart.
	Lookback = 5 * time.Minute
)

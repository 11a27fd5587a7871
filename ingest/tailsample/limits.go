package tailsample

import (
	"math"
	"time"
)

const (
	// leavesMax is how many conditions all policies may have together: a trace keeps one bit for each.
	leavesMax = 64
	// depthMax bounds policies within policies.
	depthMax = 8
	// latencyMsMax keeps thresholds in nanoseconds within an int64.
	latencyMsMax = math.MaxInt64 / int64(time.Millisecond)
	// waitMax bounds the decision wait: spans are not searchable meanwhile, and their messages are in memory.
	waitMax = 10 * time.Minute
	// lateMax bounds how long a decision is remembered: a restart reads as much of the log again.
	lateMax = time.Hour
	// floorMargin is how much further than the remembered time a replay begins: a second's budget of spans is spent on whole seconds.
	floorMargin = 2 * time.Second
	// markEvery is how far apart the log positions are whose times are remembered.
	markEvery = time.Second
	// heldOverhead is counted for a held message beside its bytes, rowBytes for each of its spans.
	heldOverhead = 256
	rowBytes     = 8
)

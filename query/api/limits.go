package api

import "time"

const (
	// searchDefault and searchMax bound the records of one page; a cursor gives the rest.
	searchDefault = 100
	searchMax     = 10_000
	// groupsDefault and groupsMax bound the groups and values that one answer lists.
	groupsDefault = 20
	groupsMax     = 10_000
	// histogramBuckets is how many buckets an answer has about, where no step is given.
	histogramBuckets = 60
	// contextMax bounds the records before and after one.
	contextMax = 1000
	// headerTimeout and idleTimeout free connections of clients that say nothing.
	headerTimeout = 10 * time.Second
	idleTimeout   = 2 * time.Minute
	// shutdownTimeout is how long answers under way may take once the process is to end.
	shutdownTimeout = 5 * time.Second
)

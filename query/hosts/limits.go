package hosts

import "time"

const (
	// hostsMax bounds the hosts that are known of a tenant, some 2 KB each: those last heard of are kept, and the answer says that there are others.
	hostsMax = 10_000
	// tenantsMax bounds the tenants whose hosts are remembered; one more makes all be found again.
	tenantsMax = 100
	// telemetrySilentAfter is when a host without an agent of ours is called silent. Nobody says how often it would be heard of: metrics are usually sent every minute at
	// least, and Prometheus' own patience is this long.
	telemetrySilentAfter = 5 * time.Minute
	// rateWindow is what rates of signals are taken over.
	rateWindow = time.Minute
	// wholeEvery is how often all that is kept is asked for hosts at least; in between, what came lately is. A host whose last records were deleted, and one whose first
	// records were sent late, is told wrongly for as long. Where it takes little it is done more often: wholeShare times as long as it takes, but not before
	// wholeEveryMin.
	wholeEvery    = 10 * time.Minute
	wholeEveryMin = 5 * time.Second
	wholeShare    = 50
	// lackingShare is wholeShare after an answer that lacked something, as one does while a log is read at a start: hosts that were missing are not to be missing for minutes.
	lackingShare = 10
	// recentLogs is how old records may be that come in between, and recentPoints the same for metrics, whose rows are ordered by their first of up to 120 points.
	recentLogs   = 15 * time.Minute
	recentPoints = 2*time.Hour + recentLogs
	// loadWindow is what rates of counters are taken over: two points at least where metrics are sent once a minute.
	loadWindow = "150s"
	// factBytesMax cuts what a host says of itself: names, not novels.
	factBytesMax = 200
)

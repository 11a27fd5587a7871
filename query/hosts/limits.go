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
	// wholeEvery is how often all that is kept is asked for hosts; in between, what came since is. So a host whose last records were deleted is still listed for
	// as long.
	wholeEvery = 10 * time.Minute
	// recentLogs is how old records may be that come in between, and recentPoints the same for metrics, whose rows are ordered by their first of up to 120 points.
	recentLogs   = 15 * time.Minute
	recentPoints = 2*time.Hour + recentLogs
	// loadWindow is what rates of counters are taken over: two points at least where metrics are sent once a minute.
	loadWindow = "150s"
	// factBytesMax cuts what a host says of itself: names, not novels.
	factBytesMax = 200
)

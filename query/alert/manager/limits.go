package manager

import "time"

// Bounds, and the times that the stock Alertmanager gives the same things.
const (
	// alertsMax bounds alerts, so that a client of the API cannot take the memory: about 2 KB each. Those that ended count until they are forgotten.
	alertsMax = 50_000
	// groupsOfAlertMax bounds of how many groups it is remembered that they told an alert's end: routes that continue make several.
	groupsOfAlertMax = 32
	// silencesMax and silenceBytesMax bound silences.
	silencesMax     = 10_000
	silenceBytesMax = 64 << 10
	// bodyBytesMax bounds a request: some thousand alerts.
	bodyBytesMax = 16 << 20
	// configBytesMax bounds the file.
	configBytesMax = 16 << 20
	// endedKeep is for how long an alert that has ended is remembered: a receiver that is away that long is told of its end.
	endedKeep = 24 * time.Hour
	// retention is for how long silences are kept after their end, and at most what was notified.
	retention = 120 * time.Hour
	// tickEvery is how often the journals are looked after, and how exactly an end by timeout is remembered.
	tickEvery = time.Second
	// collectEvery is how often silences and notifications that are past retention are forgotten, and alerts that ended leave the memory of the router.
	collectEvery = 15 * time.Minute
	// groupsEvery is how often groups without alerts are removed.
	groupsEvery = 30 * time.Second
	// underWayMax is how long notifications under way may take when the configuration changes or the process ends. A receiver that took one should not get it again.
	underWayMax = 5 * time.Second
	// requestTimeout bounds an answer of the API.
	requestTimeout = 30 * time.Second
	// shareTimeout bounds the sharing of what changed at once, and shareAtOnce how much of it is under way: each waits for a quorum of disks.
	shareTimeout = 20 * time.Second
	shareAtOnce  = 64
	// turnRetry is how long to wait before the turn to notify is asked for again.
	turnRetry = time.Second
	// triesMax bounds how often a broken configuration is read to find where it is broken.
	triesMax = 2000
)

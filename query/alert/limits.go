package alert

import "time"

// Bounds of evaluation, and the times that Prometheus gives the same things.
const (
	// DefaultInterval is how often a group is evaluated that does not say.
	DefaultInterval = time.Minute
	// resendDelay is how often an active alert is sent again: an Alertmanager that was away learns of it.
	resendDelay = time.Minute
	// resolvedRetention is for how long a resolved alert is still sent: whoever was away learns that it is over.
	resolvedRetention = 15 * time.Minute
	// graceMax bounds for how long after an absence what was firing is not resolved: it is what PromQL looks back.
	graceMax = 5 * time.Minute
	// outageMax is the longest absence over which a pending alert stays pending. (Prometheus' outage tolerance.)
	outageMax = time.Hour
	// catchUpMax is how many late evaluations a running group makes up for; older ones are reported as missed.
	catchUpMax = 10
	// recordCatchUpMax is how many evaluations of recording rules are made up for after an absence: four hours of a rule a minute.
	recordCatchUpMax = 240
	// groupsMax bounds the values of by together, as each is an alert.
	groupsMax = 1000
	// alertsMax bounds a rule's active alerts, so that a rule without a limit cannot take the memory.
	alertsMax = 10_000
	// examplesMax is how many examples an alert carries.
	examplesMax = 5
	// evidencePerEvaluation bounds for how many alerts of one evaluation examples are looked for: hundreds that fire at once need not each have them.
	evidencePerEvaluation = 20
	// examplesEvery is how often the examples of an alert that goes on firing are looked for again: what shows why it fires now is not what did hours ago. It is no news to
	// receivers, who are not told again for that.
	examplesEvery = 10 * time.Minute
	// exampleBytesMax bounds an example's text.
	exampleBytesMax = 500
	// evaluationTimeout bounds a rule's evaluation.
	evaluationTimeout = 2 * time.Minute
	// reloadEvery is how often the files are looked at for changes.
	reloadEvery = 5 * time.Second
	// readyEvery is how often a process that is not ready is asked again.
	readyEvery = 100 * time.Millisecond
	// watchEvery is how often a process looks at what others make of the groups that they evaluate.
	watchEvery = 3 * time.Second
	// leaseRetry is how long to wait before trying again for a lease after an error.
	leaseRetry = time.Second
	// bucketsAtOnce is how many buckets of a timeline are asked for in one question: below the engine's bound.
	bucketsAtOnce = 5000
	// bucketsMax bounds a timeline of a rule on records: four weeks at five seconds.
	bucketsMax = 500_000
	// stateBytesMax bounds a group's state when it is read.
	stateBytesMax = 64 << 20
	// sendTimeout bounds a call of the Notifier.
	sendTimeout = 30 * time.Second
)

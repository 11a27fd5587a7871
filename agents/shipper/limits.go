package shipper

import "time"

const (
	// queueBytesDefault holds some hours of a busy host: 2,000 lines a second take about 150 KB/s on disk.
	queueBytesDefault = 1 << 30
	// exportTimeout is for a collector to answer. It fsyncs before it does, and answers at once when it is overloaded.
	exportTimeout = 10 * time.Second
	// connectTimeout is for a connection: a collector that is not there must not hold up the others for long.
	connectTimeout = 3 * time.Second
	// backoffMin and backoffMax bound the pause before a failed collector is tried again; each failure doubles it. The jitter of a half in both
	// directions spreads the agents that lost it in the same moment.
	backoffMin = 500 * time.Millisecond
	backoffMax = 30 * time.Second
	// rampBytesPerSecond is how fast a collector that came back is sent to at first; it doubles every second for rampFor, then there is no bound. Everything it
	// missed waits in the queues of all its agents.
	rampBytesPerSecond = 512 << 10
	rampFor            = 8 * time.Second
	// doubtfulMax is how often a batch is offered that collectors answer with an error that is neither "later" nor "never". One of these must not
	// hold up a lane for ever.
	doubtfulMax = 12
	// heartbeatEvery is how often collectors are told how the agent is.
	heartbeatEvery = 10 * time.Second
	// answerBytesMax bounds a collector's answer.
	answerBytesMax = 1 << 20
	// retryAfter is what a source that cannot wait is told when the queue is full.
	retryAfter = 5 * time.Second
	// retryDelayMax bounds the pause that a collector may ask for.
	retryDelayMax = 2 * time.Minute
)

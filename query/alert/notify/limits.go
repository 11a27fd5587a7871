package notify

import "time"

// Bounds of the queues.
const (
	// queueMax bounds an Alertmanager's queue, in alerts: Prometheus' bound. What finds no room is told again by rules a minute later.
	queueMax = 10_000
	// batchMax is how many alerts a request has: Prometheus'.
	batchMax = 256
	// requestTimeout bounds a request: Prometheus'.
	requestTimeout = 10 * time.Second
	// pauseMin and pauseMax bound the pauses between attempts.
	pauseMin = 500 * time.Millisecond
	pauseMax = 30 * time.Second
	// endedKeep is for how long the end of an alert waits for an Alertmanager that is away.
	endedKeep = 24 * time.Hour
	// answerBytesMax bounds what is read of an answer.
	answerBytesMax = 4 << 10
	// emptyAfterBytes is how large a journal may be whose queue is empty. Until it is emptied, a start sends again what it has, which is harmless.
	emptyAfterBytes = 64 << 10
	// lastWords is how long deliveries go on when the process ends.
	lastWords = 2 * time.Second
)

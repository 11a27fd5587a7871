package pair

import "time"

const (
	// patience is for servers of NATS that have just started and elect their leaders; retryEvery paces the attempts.
	patience   = time.Minute
	retryEvery = 500 * time.Millisecond
	// identityBytesMax is more than any identity has.
	identityBytesMax = 1 << 10
)

package fluent

import "time"

const (
	// frameBytesMax bounds a message, compressed and decompressed. Fluent Bit sends chunks of 2 MiB, fluentd of 8 MiB by default.
	frameBytesMax = 32 << 20
	// inFlightBytesMax bounds what all messages of a receiver take, with what they decode to.
	inFlightBytesMax = 256 << 20
	// valueCost is what a value takes as pdata, beside its text.
	valueCost = 100
	// depthMax bounds values within values, as deep as clew keeps them.
	depthMax = 32
	// readStep is how much memory is taken at a time for what a sender only announces.
	readStep = 64 << 10
	// connsMax bounds the connections; further ones wait to be accepted.
	connsMax = 512
	// frameTimeout is how long a message may take from its first byte to its last.
	frameTimeout = time.Minute
	// writeTimeout bounds the writing of an acknowledgement, which is some bytes.
	writeTimeout = 10 * time.Second
	// retryFor is how long the pipeline is offered what it has refused, while nothing more is read of the connection: only for senders that ask for no
	// acknowledgement, and so do not send again.
	retryFor = 5 * time.Minute
)

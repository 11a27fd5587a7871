package logexporter

import "time"

const (
	// envelopeBytes is kept free in a log message for the envelope around the batch: tenant (150 bytes at most), one
	// source, and the fixed fields.
	envelopeBytes = 512

	// groupRunsMax bounds the requests whose records share a message, and so the sources that its envelope names, at runBytesMax each; the estimate of a
	// group's size leaves room for them.
	groupRunsMax = 256
	runBytesMax  = 128
	runsBytesMax = groupRunsMax * runBytesMax

	// idleBuildersMax bounds the empty builders a lane keeps for reuse. A builder's dictionaries are worth keeping (they
	// are the larger part of its cost), but there is one kind for each signal and tenant, and tenants are many.
	idleBuildersMax = 8

	// attemptTimeoutMin is the least time that one append is given: a deadline shorter than a disk's slow fsync would
	// turn every slow append into an unknown outcome.
	attemptTimeoutMin = 250 * time.Millisecond

	// retryPause is the pause before an append of unknown outcome is repeated, so that a log that fails at once is
	// not asked in a tight loop.
	retryPause = 50 * time.Millisecond

	// timeOutGrace is how long a request whose time is up waits for the verdict of a writer that has its records.
	timeOutGrace = 2 * attemptTimeoutMin

	// slowRetryAfter is what senders are told to wait when the log does not keep up.
	slowRetryAfter = 2 * time.Second
)

const (
	// servicesCounted bounds the services of one request that are counted one by one: they are looked for one after the other.
	servicesCounted = 64
	otherServices   = "(others)"
)

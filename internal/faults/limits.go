package faults

import "time"

const (
	// hostsMax bounds the last byte of addresses. The cluster has eleven hosts.
	hostsMax = 128
	// packetBytesMax is the MTU. Large packets cost the switch little; these are jumbo frames.
	packetBytesMax = 9000
	// queuePackets is how many packets wait in a device or on a slow link: 18 MB of the largest.
	queuePackets = 2000

	// sources send at the same time, each one batch after the other, half of them to each collector first.
	sources = 8
	// batchRecords are sent in one request.
	batchRecords = 500
	// sendTimeout is how long a sender waits for an answer, before it goes to the other collector with the same batch.
	sendTimeout = 5 * time.Second
	// retryAfter is between two attempts.
	retryAfter = 200 * time.Millisecond

	// askEvery is between two questions to a query process, askTimeout how long an answer may take.
	askEvery   = 250 * time.Millisecond
	askTimeout = 10 * time.Second

	// staleMax is by how much an answer that calls itself whole may be behind what is acknowledged: an owner that is cut off has its lease for six seconds, and
	// the machine is busy.
	staleMax = 10 * time.Second
	// sharedMax is how long shards may take to be shared out again: an owner that is back gets some after five seconds without change, twice if there was one.
	sharedMax = 20 * time.Second
	// settleMax is how long everything may take to be whole and complete after the last record.
	settleMax = 2 * time.Minute
	// outputBytesMax is what is shown of a process's output when a run has failed.
	outputBytesMax = 6000
	// clockSlack is how far a clock may be from what it was set to: no process is asked and answers within less on a machine that is busy.
	clockSlack = time.Minute
	// failoverMax is what is promised.
	failoverMax = 15 * time.Second
)

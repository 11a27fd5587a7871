package shardlog

import "time"

// timing is how long what takes: a server within the process answers or is stuck, servers elsewhere fail over.
type timing struct {
	// ack is when a publish without an answer is called unknown.
	ack time.Duration
	// api bounds one request to the JetStream API.
	api time.Duration
	// beat is how often the server says, while there is nothing to read, that a reader still exists; two missing beats end the reader.
	beat time.Duration
	// leasePoll paces those who wait for a lease.
	leasePoll time.Duration
	// leaseTry bounds one attempt to renew a lease, leaseRetry is the pause after one that failed.
	leaseTry, leaseRetry time.Duration
	// beyond is for how long a stream may seem to end before a reader's position: a server that has just become a stream's leader may
	// not have applied all that is committed.
	beyond time.Duration
	// away is how long a publish waits for a connection, or for a stream to have a leader, before it is refused.
	away time.Duration
	// watch paces the look whether a stream that is read is still the same; 0: nobody else can change it.
	watch time.Duration
}

var (
	embeddedTiming = timing{
		ack: ackTimeout, api: apiTimeout, beat: 15 * time.Second, leasePoll: leasePollEvery,
		leaseTry: apiTimeout, leaseRetry: leasePollEvery,
	}
	clusterTiming = timing{
		ack: clusterAckTimeout, api: clusterAPITimeout, beat: clusterBeat, leasePoll: clusterLeasePoll,
		leaseTry: clusterLeaseTry, leaseRetry: clusterLeaseRetry, beyond: clusterBeyond, watch: clusterWatch, away: clusterAwayWait,
	}
)

package shardlog

import "time"

const (
	// messageBytesMax bounds one message of the log. Larger ones gain nothing: from 1 MB on an append is bound by the disk, and a
	// message is held in memory several times on its way.
	messageBytesMax = 4 << 20
	// payloadBytesMax is the embedded server's max_payload: a message and room for the largest commit.
	payloadBytesMax = 8 << 20
	// payloadReserve is what we leave of any server's max_payload for headers that the client or a proxy may add.
	payloadReserve = 64 << 10
	// commitBytesMax bounds one commit. A commit names objects and positions: a few KB; a snapshot of the catalog is not a commit.
	commitBytesMax = payloadBytesMax - payloadReserve

	// sourcesMax bounds the sources of one message: the collector groups at most this many requests into one.
	sourcesMax = 1 << 16
	// sourceIDBytesMax bounds a source's id: a UUID or a host name with a start time.
	sourceIDBytesMax = 256
	// recordsMax bounds what a message claims to hold. A record costs more than one byte.
	recordsMax = messageBytesMax

	// rescueTries bounds the look for a message that was not met where it should be, while NATS does not answer.
	rescueTries = 20
	// rescueMessages is how far back a reader compares what it has read with the stream: as far as a witness remembers, and far more than NATS acknowledges in the second in
	// which that matters. rescueBytes bounds what is held in memory of it.
	rescueMessages = 1024
	rescueBytes    = 256 << 20

	// appendsBytesInFlight bounds the messages handed to NATS and not yet acknowledged, well below the 128 MB at which the server
	// starts to drop.
	appendsBytesInFlight = 32 << 20
	// prefetchBytes bounds what one reader has asked of the server and not yet consumed. The server sends at most 64 MB
	// to a slow client before it cuts the connection.
	prefetchBytes = 16 << 20
	// prefetchMessages is how many messages a reader keeps places for. Without it the client makes places for a million, 16 MB of pointers that each
	// garbage collection looks through.
	prefetchMessages = 8 << 10

	// ackTimeout is when we stop waiting for an acknowledgement and call the outcome unknown: longer than any disk should take.
	ackTimeout = 30 * time.Second
	// stuckCheckAfter is how long a publish waits before we ask the server whether its stream has failed (JetStream never answers a
	// publish that it could not write).
	stuckCheckAfter = 250 * time.Millisecond
	// apiTimeout bounds one request to the JetStream API.
	apiTimeout = 10 * time.Second
	// openTimeout bounds the start of the embedded server: recovery reads every byte of a log that was not closed.
	openTimeout = 5 * time.Minute
	// writeTimeout is after how long the server gives up on a connection within this process that does not read. It has to
	// exceed every pause of the process.
	writeTimeout = 2 * time.Minute

	// retryAfterDisk and retryAfterBytes are what a refused sender is told to wait: the first needs a person or retention, the second
	// ends with the next seal.
	retryAfterDisk  = 10 * time.Second
	retryAfterBytes = 2 * time.Second
	// retryAfterAway is what a sender is told while NATS elects a leader or cannot be reached.
	retryAfterAway = 2 * time.Second
	// retryAfterBack is what a sender is told while a shard's stream is behind what was read of it: its owner mends that within seconds, if there is one.
	retryAfterBack = 2 * time.Second
	// retryAfterRestart is how long a restart of the embedded server takes, roughly.
	retryAfterRestart = 5 * time.Second

	// clusterAckTimeout is when an append to servers elsewhere counts as unanswered. An election of a stream's leader takes 2 to 5 seconds at the most; the sender
	// of the append waits some 8, and the same message is sent again under the same source.
	clusterAckTimeout = 3 * time.Second
	// clusterAPITimeout bounds a request to servers elsewhere: one that was under way when its server died is never answered.
	clusterAPITimeout = 2 * time.Second
	// clusterBeat is how often a reader hears of its consumer. A consumer dies with the server that it is on, and nobody says so.
	clusterBeat = time.Second
	// clusterLeasePoll paces those who wait for a lease: each look is a request to the stream's leader.
	clusterLeasePoll = 500 * time.Millisecond
	// clusterLeaseTry bounds an attempt to renew a lease: it takes milliseconds, or is not answered at all. clusterLeaseRetry is the pause after one that failed: whoever
	// waits for the lease polls at half that pace, so that its holder comes first when the stream has a leader again.
	clusterLeaseTry   = time.Second
	clusterLeaseRetry = 250 * time.Millisecond
	// clusterPing and clusterPingsOut are when a server that hangs counts as gone: 2 to 3 seconds. That has to be less than the time after which others take this process for gone (ingest/members),
	// which hears and is heard by way of that server.
	clusterPing     = time.Second
	clusterPingsOut = 2
	clusterBeyond   = 15 * time.Second
	// goneKept is for how long what a reader has found counts, that its stream does not exist, for whoever makes it anew: the sealing of heads lies between.
	goneKept = 2 * time.Minute
	// clusterWatch paces an owner's look whether its stream is still the one that it reads: a request for each shard.
	clusterWatch    = 2 * time.Second
	clusterAwayWait = 1500 * time.Millisecond
	// clusterConnectTimeout bounds the first connection; afterwards it is tried for ever.
	clusterConnectTimeout = 5 * time.Second
	// clusterPrepareTimeout bounds the making of the streams: servers that have just started take some seconds to elect leaders.
	clusterPrepareTimeout = time.Minute
	// clusterPrepareQuiet is how long that may take before whoever watches is told what is missing.
	clusterPrepareQuiet = 5 * time.Second
	// clusterCreateTimeout bounds the making of one stream, which takes an election on several servers.
	clusterCreateTimeout = 5 * time.Second
	// clusterMessageBytesMin is the least that a message has to be able to hold: less would cost an append for a few hundred records.
	clusterMessageBytesMin = 256 << 10
	// LeaseTTLDefault makes a failover some 8 seconds: the lease's end, a poll, and the replay.
	LeaseTTLDefault = 6 * time.Second
	// replicasDefault survives the loss of one server; replicasMax is JetStream's.
	replicasDefault, replicasMax = 3, 5
	// settingsEvery paces the look at what holds for all processes.
	settingsEvery = 2 * time.Second

	// reconnectWait paces readers and commits while the log is away.
	reconnectWait = 100 * time.Millisecond
	// spaceCheckEvery paces the look at the disk while a stream is stuck.
	spaceCheckEvery = 500 * time.Millisecond
	// reserveBytesMax is what is kept for a start on a full disk, if that is not more than half of the watermark. A start writes some 100 KB: a message
	// to each of two streams, and what NATS notes of all; a snapshot of the catalog may come beside it. reserveEvery is how often it is looked whether it can be kept again.
	reserveBytesMax = 8 << 20
	reserveEvery    = time.Minute
	// restartBackoffMax bounds the wait between attempts to start the server again.
	restartBackoffMax = 10 * time.Second
	// duplicateWindow is for how long JetStream looks for repeated message ids, which we do not use: the shortest that it takes.
	duplicateWindow = 100 * time.Millisecond
	// leasePollEvery paces those who wait for a lease.
	leasePollEvery = 100 * time.Millisecond
	// releaseTimeout bounds the giving back of a lease.
	releaseTimeout = 2 * time.Second
	// pullExpiry is how long one request of a reader stands at the server: the client's own default.
	pullExpiry = 30 * time.Second
	// consumerIdle is when the server forgets a reader that vanished.
	consumerIdle = 10 * time.Minute

	// shardsMax bounds the shards: each is a directory with open files.
	shardsMax = 1024
	// OtherLeases is the first number of leases that are no shard's: whoever else needs turns (alerting) takes numbers from it, below leasesMax.
	OtherLeases = shardsMax
	leasesMax   = 2 * shardsMax
	// leaseTTLMin keeps renewals from being a load.
	leaseTTLMin = time.Second
)

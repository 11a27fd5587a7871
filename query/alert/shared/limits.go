package shared

import "time"

const (
	// historyDepth: only the newest word on a key is of use.
	historyDepth = 1
	// bytesMax bounds the bucket: 50,000 alerts of 2 KB, 10,000 silences, and the groups' states, with room for what has not been compacted.
	bytesMax = 1 << 30
	// valueBytesMax bounds a value once it is compressed. NATS takes 1 MiB unless it is told otherwise, with headers.
	valueBytesMax = 1<<20 - 16<<10
	// unpackedBytesMax bounds what a compressed state may become.
	unpackedBytesMax = 64 << 20
	// requestTimeout bounds a call to NATS.
	requestTimeout = 5 * time.Second
	// openTimeout bounds the opening at the start of a process, as that of the log's streams.
	openTimeout = time.Minute
	// claimTries bounds how often a state is read again because its owner before goes on writing: it has lost its lease, so it ends soon.
	claimTries = 20
	// claimPause is between them.
	claimPause = 50 * time.Millisecond
	// followAgain is how long to wait before a broken watch is begun anew.
	followAgain = 500 * time.Millisecond
	// LeasesMax is how many leases a cluster's alerting has. More would spread the groups no better over a few processes.
	LeasesMax = 16
)

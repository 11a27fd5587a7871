package catalog

const (
	// commitBytesMax bounds one commit: an external NATS server takes messages of 1 MiB by default, and a commit is one message.
	commitBytesMax = 1 << 20
	// snapshotBytesMax bounds a snapshot: a million segments of 300 bytes each, with room.
	snapshotBytesMax = 1 << 30
	// idBytesMax bounds a segment's id: it becomes part of a file name.
	idBytesMax = 200
	// sourceIDBytesMax bounds a source's id: real ones are random and short.
	sourceIDBytesMax = 128
	// reasonBytesMax bounds a commit's reason, a word.
	reasonBytesMax = 64
	// deletionsMax is how many deletions' sums are kept, at about 60 bytes each in every snapshot.
	deletionsMax = 1000
	// blockSegments bounds the segments of a list that a commit copies together; a million of them are 4,000 blocks at 56 bytes, which it copies too.
	blockSegments = 256
	// lossesMax bounds the losses that are kept of a shard, at some 200 bytes each. Each is a line for people; who has more has more to do than read them.
	lossesMax = 32
	// lossByMax bounds who accepted one: the name of an identity.
	lossByMax = 200
	// shardMax bounds the shard's number, so that a damaged commit can't make a table of shards explode.
	shardMax = 1 << 16
)

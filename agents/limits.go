package agents

import "time"

const (
	// queueBytesDefault is a day of a quiet host and an hour of a busy one: 2,000 lines and 200 spans a second are about 300 KB a second before compression.
	queueBytesDefault = 1 << 30
	// queueBytesLeast holds a few batches of each lane; below it the queue would refuse what it has room for.
	queueBytesLeast = 16 << 20
	// MemoryBytes is Go's soft limit: 150 MB is promised, and the runtime's limit does not count the program itself.
	MemoryBytes = 110 << 20
	// Processors is GOMAXPROCS: an agent is a guest. Two let it shorten a burst; the garbage collector takes a quarter of them.
	Processors = 2
	// lookupWithin bounds the look whether a collector's name, with the port of OTLP, is this host's.
	lookupWithin = 2 * time.Second
	// filesListedMax bounds what --check prints of the files that it found, by pattern.
	filesListedMax = 20
)

package journal

import "time"

const (
	// batchMax bounds a batch: a hundred records are worth an fsync, and are read in a few milliseconds.
	batchMax = 200
	// batchWait is how long the first record of a batch waits for others: the cursor is fsynced once a batch.
	batchWait = 100 * time.Millisecond
	// fieldBytesMax cuts a field's value (core dumps are fields); fieldBytesRefused is what no journal has, so that a length beyond it is
	// no journal's.
	fieldBytesMax     = 256 << 10
	fieldBytesRefused = 1 << 30
	// fieldsMax bounds the fields of a record.
	fieldsMax = 256
	// restartMin and restartMax bound the pause before a journalctl that ended is started again.
	restartMin = 500 * time.Millisecond
	restartMax = 30 * time.Second
)

package witness

const (
	// ReceiptsMax is how many receipts a message carries. Appends to a shard that are in flight at once are fewer, so that each receipt is carried several times. 16 take
	// some 50 bytes.
	ReceiptsMax = 16
	// window is how far back a reader remembers the numbers of a writer: far more than are in flight at once. A power of two.
	window = 256
	// writersMax bounds the writers that a reader remembers, at 1.2 KB each: processes that have written to the shard lately.
	writersMax = 1024
	// timesKept is of how many messages a reader remembers when the log took them, to say about when a lost one came. A power of two.
	timesKept = 1024
	// badKept is how many spans of bad positions a witness remembers: receipts come within a few messages.
	badKept = 64
)

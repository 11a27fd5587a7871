package series

import "time"

const (
	// samplesMax is how many points a row has at the most: what Prometheus puts into a chunk. A reader decodes a chunk from its start, so more would
	// make short ranges slow; fewer, and labels and chunk headers would weigh more than the points.
	samplesMax = 120

	// histogramSamplesMax is the same for histograms, whose points are kept as they came until the row is full: some 500 bytes each.
	histogramSamplesMax = 32

	// bucketsMax is how many buckets the points of an exponential histogram's row may span together; if it is more, the row is stored as
	// OTLP. SDKs keep 160.
	bucketsMax = 4096

	// futureMax is how far a point's time may be ahead of the receiver's clock. Points beyond are kept with their time, in rows of their own
	// that are ordered by the time they were received.
	futureMax = time.Hour

	// headBytesMax bounds a head: its keys' arenas have 32-bit offsets. Heads are sealed long before.
	headBytesMax = 1 << 31

	// decodeSamplesMax bounds what a damaged row can make a reader allocate.
	decodeSamplesMax = 1 << 16

	// wireBytesMax bounds what a head remembers of the bytes that series have in messages; beyond it starts anew. It is 100 to 200 bytes a series, and
	// more only where senders write the same attributes in ever new orders.
	wireBytesMax = 32 << 20
)

package otlpreceiver

import "time"

const (
	// nestingMax bounds arrays and maps within each other in an attribute or body. Decoders recurse: without a bound, a
	// body of some megabytes overflows the stack, which ends the process. Real telemetry nests less than ten deep.
	nestingMax = 64

	// jsonNestingMax is nestingMax in brackets. A record's attribute is within twelve; from there an array takes three
	// brackets a level ({"arrayValue":{"values":[) and a map four, so that no value passes that protobuf would refuse.
	jsonNestingMax = 12 + 3*nestingMax

	// jsonObjectCost is about how many bytes pdata allocates for one JSON object of a body.
	jsonObjectCost = 96

	// readChunk is by how much the buffer for a body of unknown length grows at first.
	readChunk = 64 << 10

	// pooledBodyMax is the largest body buffer that is kept for the next request.
	pooledBodyMax = 8 << 20

	// decoderWindowMax bounds the window that a zstd frame may ask for: it is allocated before any data arrives.
	decoderWindowMax = 8 << 20

	// shutdownTimeout is how long requests in flight may take when the receiver stops. It is above the time after which
	// the exporter gives up, so that only senders that stopped in the middle of a body are cut off.
	shutdownTimeout = 12 * time.Second

	// headerTimeout bounds how long a connection may take for a request's header.
	headerTimeout = 10 * time.Second

	// streamWindow and connectionWindow are how much of gRPC requests a connection holds before it is read, which is memory that
	// admission does not know: what is refused is never read. A mebibyte in flight is 10 MB/s to a sender 100 ms away.
	streamWindow     = 1 << 20
	connectionWindow = 2 << 20

	// pingAfter and pingTimeout find connections whose other end is gone without a word.
	pingAfter   = time.Minute
	pingTimeout = 20 * time.Second

	// pathElementsMax bounds a field's path in an error: nested values would fill the whole message.
	pathElementsMax = 10

	// futureSkewMax is how far ahead of our clock a record's time may be before it is counted as restated (design: such a
	// record keeps its time, but is ordered and retained by the observed one).
	futureSkewMax = time.Hour
)

// Defaults that the configuration can change.
const (
	// defaultBodyBytesMax bounds one decompressed body.
	defaultBodyBytesMax = 64 << 20
	// defaultReadTimeout bounds how long a sender may take for a body; a stalled one holds memory.
	defaultReadTimeout = 30 * time.Second
)

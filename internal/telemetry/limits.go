package telemetry

// Bounds on what one record or batch may make the process do. Nothing that passes a bound is lost unless the comment says so.
const (
	// ValueDepthMax is how deep arrays and maps may nest, counted from an attribute or body. Text forms are written and read recursively, so
	// this bounds the stack. Protobuf implementations stop at 100 messages, which is 33 to 50 levels. What lies deeper is
	// replaced by the string TooDeep. (The receiver refuses bodies that nest deeper than it takes long before.)
	ValueDepthMax = 200

	// flattenDepthMax is how many levels of nested maps become columns; a map below that is one JSON column. Each level repeats its
	// parents' keys in the column's name.
	flattenDepthMax = 16

	// columnKeyBytesMax is how long an attribute's key may be to name a column: names are repeated in every schema. Longer keys go to
	// the overflow.
	columnKeyBytesMax = 512

	// attributesMax is how many attribute columns a batch has (rows and sets each). Further ones go to the overflow. A column costs about a
	// kilobyte of schema and some microseconds on every read of the batch.
	attributesMax = 2000

	// candidatesMax is how many attribute columns a builder keeps while it collects, among which Build chooses attributesMax. It bounds
	// the memory that keys alone can take (about 400 bytes each).
	candidatesMax = 16384

	// A column's array has a cell for every row. Columns with a value in at least one of denseShare rows always keep their array; the
	// others share sparseCellsMax cells, fullest first, and the rest goes to the overflow.
	denseShare     = 32
	sparseCellsMax = 4 << 20

	// decodedBytesMax bounds the content of one encoded batch, uncompressed, and so what it may ask Decode to allocate. Messages of the shard log
	// are a few megabytes.
	decodedBytesMax = 128 << 20

	// What a builder keeps between batches: buffers up to keptBytesMax each, dictionaries up to keptEntriesMax entries each, and all
	// columns as long as there are no more than keptColumnsMax; beyond, those that the last batch needed.
	keptBytesMax   = 8 << 20
	keptEntriesMax = 64 << 10
	keptColumnsMax = 512
)

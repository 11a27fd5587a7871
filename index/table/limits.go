package table

const (
	// groupRows is the size of a head's row groups. 64k lets a row's number fit in 16 bits, and expanding one column of
	// one group (256 KB of codes) stays inside the second-level cache.
	groupRows = 1 << 16

	// listRowsMax is how many values a column may have in a row group before their row numbers (2 bytes each) cost more
	// than a bitmap of the whole group (8 KB).
	listRowsMax = groupRows / 16

	// kindCheckRows is how many values of a string column are seen before its kind is questioned the first time: fewer
	// say little about how many distinct values there will be.
	kindCheckRows = 4096

	// kindSureRows is how many values tell how many distinct ones there will be in a head of about a million rows.
	kindSureRows = 1 << 16

	// textBytesMean is the mean length above which near-unique strings without spaces are kept as text rather than as raw
	// values: such values (URLs, stack traces) have static parts worth finding and storing once.
	textBytesMean = 64

	// kindSample is how many values are coded as texts to see what they look like.
	kindSample = 1024

	// textStaticMin is how many bytes of a near-unique value its template must hold for it to be kept as text. Shorter ones ("order-17") are ids that
	// people look for as a whole: a raw column answers that from its filter.
	textStaticMin = 20
	// textPathsMin and textPathStaticMin are the same for values of several templates: those are paths ("/cart/17", "/products/17") and not ids with
	// a prefix, and fewer bytes make it worth it.
	textPathsMin      = 3
	textPathStaticMin = 8

	// apartBytesMin is how long the variables of a text are that have memory of their own; apartOverhead is what that takes besides.
	apartBytesMin = 64 << 10
	apartOverhead = 32

	// markEvery is how many values of a heap share one stored offset; the others are found by adding lengths.
	markEvery = 16

	// tableBytesMax bounds a table: offsets into its arenas and heaps are 32 bits wide. Heads are sealed long before.
	tableBytesMax = 1 << 31

	// histogramCodesMax is how many distinct codes a full row group may have for its histogram to be kept.
	histogramCodesMax = 4096
)

package writer

const (
	// RowGroupRowsDefault: large enough that a chunk's fixed costs (page header, histogram, filter) vanish, small enough that a
	// decoded column (1 MB of int64) fits a core's cache and that pruning row groups prunes something.
	RowGroupRowsDefault = 128 << 10
	// rowGroupBytesDefault: a column of a row group is in memory three times while it is written (values, page, compressed), and decoded whole where it is
	// read. 128k rows of usual size stay below it. Without it, merging 400 lines of a megabyte into one row group took 1.7 GB.
	rowGroupBytesDefault = 32 << 20
	// PageRowsDefault: a trace's few rows are read by the page of each column. A page of a thousand rows would be read no faster (the
	// request is the cost then), and compresses worse.
	PageRowsDefault = 8 << 10
	// rowsMax is what a segment may hold: global row numbers are uint32 while writing. Seals are about a million rows.
	rowsMax = 64 << 20
	// AttributeColumnsMax: each column costs a chunk in every row group even where it is empty, and Parquet readers parse a footer
	// entry for each. Tried: 1,000 columns in 64 row groups cost 5 MB of footer.
	AttributeColumnsMax = 1000

	// IntDistinctMax is how many distinct numbers an int or double column may have to become a value column, where also each must
	// be there at least intRepeats times on average. Beyond it, comparing numbers is cheaper than looking at their texts.
	IntDistinctMax = 1024
	IntRepeats     = 8
	// RawDistinctMax is how many distinct values a raw column may have to become a value column, where also each must be there
	// at least rawRepeats times on average.
	RawDistinctMax = 32 << 10
	RawRepeats     = 4
	// ValueDistinctMax: a value column with more distinct values than this, of which most are there once, becomes a raw column. Its
	// vocabulary would be as large as the column and pruning is a filter's work then.
	ValueDistinctMax = 64 << 10

	// TextDistinctMin is how many distinct values a value column has when it is asked whether they are few templates: below it, the whole vocabulary
	// is less than a page or two, and groups and histograms come from codes. textSample of them are looked at, and textStaticMin is how many bytes of each a
	// template must save.
	TextDistinctMin = 16 << 10
	textSample      = 2048
	textStaticMin   = 8

	// dictionaryDistinctMax and dictionarySample bound the search for a dictionary of a variable column: given up once there are
	// more distinct values than the former, or more than half of the first dictionarySample values are distinct.
	dictionaryDistinctMax = 16 << 10
	dictionarySample      = 1024

	// widthGain is the share (1/16) that codes of whole bytes must save over packed ones: they are larger when decompressed.
	widthGain = 16
	// tableBits is about what a symbol takes in a Huffman code's table.
	tableBits = 5

	// holeBytesGrow is what a buffer of variables begins with: it doubles then.
	holeBytesGrow = 4 << 10
	// wordBytesMean is how long words are, about, with what is between them.
	wordBytesMean = 8
)

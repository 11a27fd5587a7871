package format

const (
	// RowGroupRowsMax keeps row numbers within a row group, and a chunk of 8-byte values, far from 32-bit overflow.
	RowGroupRowsMax = 1 << 20
	// ChunkBytesMax is how large one page may be: Parquet counts in int32, Bytes.Offsets in uint32.
	ChunkBytesMax = 1 << 30
	// MetaBytesMax bounds what a reader allocates for metadata it has not checked yet (1,000 columns x 500 row groups fit).
	MetaBytesMax = 256 << 20
	// CompressGain is the share (1/16) that zstd must save for a chunk to be stored compressed: packed numbers and random ids do not
	// shrink, and then reading them should cost nothing.
	CompressGain = 16
)

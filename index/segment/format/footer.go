package format

// ParquetMagic begins and ends a Parquet file.
const ParquetMagic = "PAR1"

// Keys of the Parquet file's own metadata.
const (
	KeyVersion  = "clew.version" // of the segment format
	KeySegment  = "clew.segment" // the id
	KeySignal   = "clew.signal"
	KeyReplaces = "clew.replaces" // ids of the segments that it was made of, see segment.Segment.Replaces
	// Of down-sampled metrics only: the width of the windows, and the ids of the segments that these were made of.
	KeyResolution = "clew.resolution"
	KeySamples    = "clew.samples"
)

package writer

import (
	"fmt"
	"time"

	"clew/index/segment/format"
)

// Options are what a caller may choose. The zero value means the defaults.
type Options struct {
	// RowGroupRows is how many rows a row group has at the most (default 131,072).
	RowGroupRows int
	// RowGroupBytes is about how much memory the largest column of a row group takes at the most, as far as the inputs can tell (default 32 MiB): a row group
	// of lines of a megabyte has few rows.
	RowGroupBytes int64
	// PageRows is how many rows a data page has at the most (default 8,192): what is read to see few rows. A multiple of 64.
	PageRows int
	// AttributeColumnsMax is how many attribute columns get Parquet columns of their own (default 1,000); rarer ones share one.
	AttributeColumnsMax int
	// Replaces are the ids of the segments that this one takes the place of; none for new records. Only repair reads it (segment.Segment.Replaces).
	Replaces []string
	// Resolution is the width of the windows of down-sampled metrics, 0 for points as they came; Samples are the ids of the segments that these were made of,
	// which it stands beside. Only repair reads them (segment.Segment.Samples).
	Resolution time.Duration
	Samples    []string
}

func (o Options) withDefaults() (Options, error) {
	if o.RowGroupRows == 0 {
		o.RowGroupRows = RowGroupRowsDefault
	}
	if o.RowGroupBytes == 0 {
		o.RowGroupBytes = rowGroupBytesDefault
	}
	if o.PageRows == 0 {
		o.PageRows = PageRowsDefault
	}
	if o.AttributeColumnsMax == 0 {
		o.AttributeColumnsMax = AttributeColumnsMax
	}
	if o.RowGroupRows < 1 || o.RowGroupRows > format.RowGroupRowsMax {
		return o, fmt.Errorf("row group rows %d: want 1 to %d", o.RowGroupRows, format.RowGroupRowsMax)
	}
	if o.RowGroupBytes < 1 {
		return o, fmt.Errorf("row group bytes %d: want at least 1", o.RowGroupBytes)
	}
	if o.PageRows < 64 || o.PageRows > format.RowGroupRowsMax || o.PageRows%64 != 0 {
		return o, fmt.Errorf("page rows %d: want a multiple of 64, up to %d", o.PageRows, format.RowGroupRowsMax)
	}
	if o.AttributeColumnsMax < 1 {
		return o, fmt.Errorf("attribute columns max %d: want at least 1", o.AttributeColumnsMax)
	}
	return o, nil
}

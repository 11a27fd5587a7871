package telemetry

import (
	"github.com/apache/arrow/go/v15/arrow"
)

// Batch is records of one signal and tenant.
//
// For spans and logs, Rows has one row per record. Its first column is "set" (uint32): the row of Sets that holds the
// record's resource and scope columns (LevelResource, LevelScope and the Field*Resource*/Field*Scope* fields). All other
// columns of Rows are LevelField and LevelRecord. Field names are Column.String(); the column's identity is in
// the field's metadata (keys "level", "key", "type") and is read with ColumnOf. Arrow types: TypeString is utf8, or
// dictionary<uint32, utf8> where values repeat; TypeJSON likewise; TypeInt and TypeTime int64; TypeDouble float64; TypeBool bool;
// TypeBytes binary (ids: fixed_size_binary 16 or 8). A null means that the record has no such field.
// The columns' order is Column.Compare's. Every set is of some row, so Sets has at most as many rows as Rows. Check says whether all of this holds.
//
// Metrics come in two shapes. On their way in, OTLP holds the lossless OTLP protobuf (ExportMetricsServiceRequest), and Rows and Sets are
// nil. Rows of series (ingest/series) are a batch like those of spans and logs.
type Batch struct {
	Signal Signal
	Tenant string
	Sets   arrow.Record
	Rows   arrow.Record
	OTLP   []byte
	// Records counts log records, spans or metric data points.
	Records int
}

// Release frees the records' memory. The batch must not be used afterwards.
func (b *Batch) Release() {
	if b.Sets != nil {
		b.Sets.Release()
	}
	if b.Rows != nil {
		b.Rows.Release()
	}
}

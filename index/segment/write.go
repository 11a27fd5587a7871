package segment

import (
	"context"
	"fmt"
	"io"

	"clew/index"
	"clew/index/segment/writer"
	"clew/index/store"
	"clew/internal/telemetry"
)

// Options are what a caller of Write may choose.
type Options = writer.Options

// Write writes a segment of all rows of parts, which must be of one signal and tenant, and returns once both objects are durable.
// The segment exists when the second object (.index) does; what a failed Write leaves is at worst a .parquet that nothing names.
//
// Memory: the row order (20 bytes a row), the merged vocabularies, and one row group of one column at a time.
func Write(ctx context.Context, st store.Store, id string, parts []index.Part, opt Options) (Stats, error) {
	stats, err := write(ctx, st, id, parts, opt)
	if err != nil {
		return Stats{}, fmt.Errorf("write segment %s: %w", id, err)
	}
	return stats, nil
}

func write(ctx context.Context, st store.Store, id string, parts []index.Part, opt Options) (Stats, error) {
	if id == "" || len(id) > idBytesMax {
		return Stats{}, fmt.Errorf("id of %d bytes: want 1 to %d", len(id), idBytesMax)
	}
	w, err := writer.New(ctx, id, parts, opt)
	if err != nil {
		return Stats{}, err
	}
	parquetName, indexName := Names(id)
	parquetBytes, err := st.Put(ctx, parquetName, func(out io.Writer) error { return w.WriteParquet(ctx, out) })
	if err != nil {
		return Stats{}, err
	}
	m := w.Meta()
	if parquetBytes != m.ParquetBytes {
		return Stats{}, fmt.Errorf("put %s: store took %d bytes of %d", parquetName, parquetBytes, m.ParquetBytes)
	}
	w.Finish()
	indexBytes, err := st.Put(ctx, indexName, w.WriteIndex)
	if err != nil {
		return Stats{}, err
	}
	return Stats{
		ID: id, Signal: m.Info.Signal, Tenant: m.Info.Tenant, Shard: m.Info.Shard, Rows: m.Info.Rows, Records: int(m.Records),
		MinTime: m.Info.MinTime, MaxTime: m.Info.MaxTime, Columns: len(m.Columns), RowGroups: len(m.Groups),
		Bytes: parquetBytes + indexBytes, ParquetBytes: parquetBytes, IndexBytes: indexBytes,
	}, nil
}

// Stats describe a segment that was written.
type Stats struct {
	ID        string
	Signal    telemetry.Signal
	Tenant    string
	Shard     int
	Rows      int
	Records   int   // rows, but for metrics the data points in them
	MinTime   int64 // of the ordering time, nanoseconds
	MaxTime   int64 // likewise; metrics: of the end
	Columns   int
	RowGroups int
	// Bytes of both objects together, and of each.
	Bytes        int64
	ParquetBytes int64
	IndexBytes   int64
}

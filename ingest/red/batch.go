package red

import (
	"context"

	"github.com/apache/arrow/go/v15/arrow"
	"github.com/apache/arrow/go/v15/arrow/array"

	"clew/index/table"
	"clew/internal/telemetry"
)

// AddBatch counts those of a batch's spans for which lost is true: they are not among the generation's rows.
func (t *Tally) AddBatch(ctx context.Context, b *telemetry.Batch, lost []bool) error {
	rows := columnsOf(b.Rows, func(c telemetry.Column) bool {
		switch c.Key {
		case telemetry.FieldStart, telemetry.FieldDuration, telemetry.FieldName, telemetry.FieldKind, telemetry.FieldStatus, telemetry.FieldTraceID, telemetry.FieldSpanID:
			return c.Level == telemetry.LevelField
		}
		return false
	})
	defer rows.Release()
	sets := columnsOf(b.Sets, func(c telemetry.Column) bool { return c.Level == telemetry.LevelResource && c.Key == serviceName })
	defer sets.Release()
	read := table.New(t.id, t.signal, t.tenant, t.shard)
	if err := read.Append(&telemetry.Batch{Signal: b.Signal, Tenant: b.Tenant, Sets: sets, Rows: rows, Records: b.Records}, lost); err != nil {
		return err
	}
	return t.Add(ctx, read.Snapshot())
}

// columnsOf is a record with some of its columns, and with the one that says which set a row is of.
func columnsOf(rec arrow.Record, wanted func(telemetry.Column) bool) arrow.Record {
	var fields []arrow.Field
	var arrays []arrow.Array
	for i, f := range rec.Schema().Fields() {
		if c, err := telemetry.ColumnOf(f); err == nil && !wanted(c) || err != nil && f.Name != telemetry.SetColumn {
			continue
		}
		fields, arrays = append(fields, f), append(arrays, rec.Column(i))
	}
	return array.NewRecord(arrow.NewSchema(fields, nil), arrays, rec.NumRows())
}

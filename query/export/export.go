// Package export turns the records of answers into forms that other programs read: OTLP requests that can be sent to any collector, and Parquet with
// plain columns.
//
// An answer's records have typed fields, which is all that OTLP had: Batch puts them back into the columns that came from the collector, and
// telemetry gives those back as OTLP. So what is exported and sent in again is the same record.
package export

import (
	"fmt"
	"slices"
	"strconv"

	"github.com/apache/arrow/go/v15/arrow"
	"github.com/apache/arrow/go/v15/arrow/array"
	"github.com/apache/arrow/go/v15/arrow/memory"
	"go.opentelemetry.io/collector/pdata/plog"
	"go.opentelemetry.io/collector/pdata/ptrace"

	"clew/internal/telemetry"
	"clew/query/engine"
)

// OTLP is the records as the JSON of one OTLP export request: what POST /v1/logs or /v1/traces takes. records must not be empty.
func OTLP(signal telemetry.Signal, records []engine.Record) ([]byte, error) {
	b, err := Batch(signal, records)
	if err != nil {
		return nil, err
	}
	defer b.Release()
	if signal == telemetry.Spans {
		traces, err := b.Traces()
		if err != nil {
			return nil, err
		}
		return (&ptrace.JSONMarshaler{}).MarshalTraces(traces)
	}
	logs, err := b.Logs()
	if err != nil {
		return nil, err
	}
	return (&plog.JSONMarshaler{}).MarshalLogs(logs)
}

// Batch is the records as the collector made them: rows, and the sets of resource and scope that they share. records must not be empty.
func Batch(signal telemetry.Signal, records []engine.Record) (*telemetry.Batch, error) {
	var rows, sets columnBuilder
	numbers := map[string]uint32{}
	of := make([]uint32, 0, len(records))
	var key []byte
	for i := range records {
		key = key[:0]
		for _, f := range records[i].Fields {
			if isSetColumn(f.Column) {
				text := f.Text()
				key = strconv.AppendInt(append(append(key, f.Column.String()...), 0), int64(len(text)), 10)
				key = append(append(key, 0), text...)
			}
		}
		set, known := numbers[string(key)]
		if !known {
			set = uint32(len(numbers))
			numbers[string(key)] = set
		}
		of = append(of, set)
		for _, f := range records[i].Fields {
			switch {
			case !isSetColumn(f.Column):
				rows.add(i, f)
			case !known:
				sets.add(int(set), f)
			}
		}
	}
	setRecord, err := sets.record(len(numbers), nil)
	if err != nil {
		return nil, err
	}
	rowRecord, err := rows.record(len(records), of)
	if err != nil {
		return nil, err
	}
	return telemetry.NewBatch(signal, telemetry.DefaultTenant, setRecord, rowRecord)
}

// isSetColumn says whether a column is of resource and scope.
func isSetColumn(c telemetry.Column) bool {
	switch c.Level {
	case telemetry.LevelResource, telemetry.LevelScope:
		return true
	case telemetry.LevelField:
		switch c.Key {
		case telemetry.FieldResourceSchemaURL, telemetry.FieldResourceDroppedAttributes, telemetry.FieldResourceExact,
			telemetry.FieldScopeName, telemetry.FieldScopeVersion, telemetry.FieldScopeSchemaURL,
			telemetry.FieldScopeDroppedAttributes, telemetry.FieldScopeExact, telemetry.FieldResourceOverflow, telemetry.FieldScopeOverflow:
			return true
		}
	}
	return false
}

// columnBuilder makes an Arrow record of fields that come row by row.
type columnBuilder struct {
	columns map[telemetry.Column]array.Builder
}

func (b *columnBuilder) add(row int, f engine.Field) {
	if b.columns == nil {
		b.columns = map[telemetry.Column]array.Builder{}
	}
	c := b.columns[f.Column]
	if c == nil {
		c = array.NewBuilder(memory.DefaultAllocator, f.Column.ArrowType(idWidth(f.Column)))
		b.columns[f.Column] = c
	}
	for c.Len() < row {
		c.AppendNull()
	}
	appendValue(c, f)
}

// idWidth is the length of the ids in a column of ids, or 0.
func idWidth(c telemetry.Column) int {
	if c.Level != telemetry.LevelField || c.Type != telemetry.TypeBytes {
		return 0
	}
	switch c.Key {
	case telemetry.FieldTraceID:
		return 16
	case telemetry.FieldSpanID, telemetry.FieldParentSpanID:
		return 8
	}
	return 0
}

func appendValue(c array.Builder, f engine.Field) {
	switch c := c.(type) {
	case *array.StringBuilder:
		c.Append(f.Value.Text)
	case *array.Int64Builder:
		c.Append(f.Value.Int)
	case *array.TimestampBuilder:
		c.Append(arrow.Timestamp(f.Value.Int))
	case *array.Float64Builder:
		c.Append(f.Value.Double)
	case *array.BooleanBuilder:
		c.Append(f.Value.Int != 0)
	case *array.BinaryBuilder:
		c.Append([]byte(f.Value.Text))
	case *array.FixedSizeBinaryBuilder:
		c.Append([]byte(f.Value.Text))
	}
}

// record ends the columns at a number of rows. sets, if not nil, is the first column.
func (b *columnBuilder) record(rows int, sets []uint32) (arrow.Record, error) {
	var fields []arrow.Field
	var arrays []arrow.Array
	if sets != nil {
		c := array.NewUint32Builder(memory.DefaultAllocator)
		c.AppendValues(sets, nil)
		fields = append(fields, arrow.Field{Name: telemetry.SetColumn, Type: arrow.PrimitiveTypes.Uint32})
		arrays = append(arrays, c.NewArray())
	}
	all := make([]telemetry.Column, 0, len(b.columns))
	for id := range b.columns {
		all = append(all, id)
	}
	slices.SortFunc(all, telemetry.Column.Compare)
	for _, id := range all {
		c := b.columns[id]
		if c.Len() > rows {
			return nil, fmt.Errorf("column %s has %d values for %d rows", id, c.Len(), rows)
		}
		for c.Len() < rows {
			c.AppendNull()
		}
		fields = append(fields, telemetry.FieldOf(id, c.Type()))
		arrays = append(arrays, c.NewArray())
	}
	return array.NewRecord(arrow.NewSchema(fields, nil), arrays, int64(rows)), nil
}

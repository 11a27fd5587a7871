package series

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/apache/arrow/go/v15/arrow"
	"github.com/apache/arrow/go/v15/arrow/array"
	"github.com/apache/arrow/go/v15/arrow/memory"
	"go.opentelemetry.io/collector/pdata/pcommon"
	"go.opentelemetry.io/collector/pdata/plog"
	"go.opentelemetry.io/collector/pdata/pmetric"

	"clew/internal/points"
	"clew/internal/telemetry"
)

// Keys of the columns (telemetry.LevelField) that only metric rows have; telemetry.FieldName is the metric's name, telemetry.FieldTime the first
// point's time and what orders the row.
const (
	FieldUnit        = "unit"        // TypeString; absent when empty
	FieldDescription = "description" // TypeString; absent when empty
	FieldType        = "type"        // TypeString: gauge sum histogram exponential_histogram summary
	FieldTemporality = "temporality" // TypeString: unspecified delta cumulative, or the number; absent for gauges and summaries
	FieldMonotonic   = "monotonic"   // TypeBool: sums only
	FieldEnd         = "end"         // TypeTime: the last point's time
	FieldSamples     = "samples"     // TypeInt: points
	FieldChunkKind   = "chunk_kind"  // TypeString: xor2 histogram otlp
	FieldChunk       = "chunk"       // TypeBytes
	FieldExtra       = "extra"       // TypeBytes: see extra.go; absent when empty
)

// Rows returns all points so far as a batch that index/table takes: a row is up to 120 points of a series in one time range, sorted by
// time; a point that came late is in a row of its own time range, which may overlap others. Rows are ordered by resource and scope,
// metric, series and time. Records is the number of rows. Nothing is taken out of the head.
//
// Of points further than an hour in the future, time and end are when they were received, and stated_time is the first one's own.
func (h *Head) Rows(ctx context.Context) (*telemetry.Batch, error) {
	h.mu.Lock()
	defer h.mu.Unlock()
	return h.rowsLocked(ctx)
}

// ctxEvery is how many rows are made between two looks at the context.
const ctxEvery = 1000

func (h *Head) rowsLocked(ctx context.Context) (*telemetry.Batch, error) {
	rows := slices.Clone(h.rows)
	metas := make([]meta, h.metas.Len())
	for code := range metas {
		m, err := h.metaOf(uint32(code))
		if err != nil {
			return nil, fmt.Errorf("metric %d: %w", code, err)
		}
		metas[code] = m
	}
	for i := range h.series {
		if i%ctxEvery == 0 && ctx.Err() != nil {
			return nil, ctx.Err()
		}
		s := &h.series[i]
		more, err := s.rows(uint32(i), &metas[s.meta])
		if err != nil {
			return nil, fmt.Errorf("series of metric %q: %w", metas[s.meta].name, err)
		}
		rows = append(rows, more...)
	}
	slices.SortStableFunc(rows, func(a, b row) int {
		ma, mb := h.series[a.series].meta, h.series[b.series].meta
		return cmp.Or(cmp.Compare(metas[ma].set, metas[mb].set), cmp.Compare(ma, mb), cmp.Compare(a.series, b.series), cmp.Compare(a.min, b.min))
	})
	labels, err := h.labels(ctx, rows, metas)
	if err != nil {
		return nil, err
	}
	defer labels.Release()
	return h.batch(labels, rows, metas)
}

// labels makes the columns of attributes, scopes and resources. They are those of a log record with a series' attributes, so that there is one way
// in which attributes become columns.
func (h *Head) labels(ctx context.Context, rows []row, metas []meta) (*telemetry.Batch, error) {
	b := telemetry.NewBuilder(telemetry.Logs, h.tenant)
	record := plog.NewLogRecord()
	set, last := int64(-1), int64(-1)
	for i, r := range rows {
		if i%ctxEvery == 0 && ctx.Err() != nil {
			return nil, ctx.Err()
		}
		if m := metas[h.series[r.series].meta]; int64(m.set) != set {
			set = int64(m.set)
			res, scope := pcommon.NewResource(), pcommon.NewInstrumentationScope()
			resURL, scopeURL, err := readSet(h.sets.At(m.set), res, scope)
			if err != nil {
				return nil, fmt.Errorf("resource and scope %d: %w", set, err)
			}
			b.UseSet(res, resURL, scope, scopeURL)
		}
		if int64(r.series) != last {
			last = int64(r.series)
			record = plog.NewLogRecord()
			in := points.Reader{Rest: h.keys.At(r.series)}
			in.Uint()
			if err := in.Attributes(record.Attributes()); err != nil {
				return nil, fmt.Errorf("series %d: %w", r.series, err)
			}
		}
		b.AppendLog(record, time.Unix(0, r.min))
	}
	return b.Build(), nil
}

// isLabel says whether a column of rows tells the attributes. The others that labels' builder makes are of log records.
func isLabel(c telemetry.Column) bool {
	switch c.Level {
	case telemetry.LevelRecord:
		return true
	case telemetry.LevelField:
		return c.Key == telemetry.FieldExact || c.Key == telemetry.FieldOverflow || c.Key == telemetry.FieldInvalidUTF8
	}
	return false
}

// columns collects the columns of a record.
type columns struct {
	ids    []telemetry.Column
	arrays []arrow.Array
}

func (c *columns) add(key string, t telemetry.Type, b array.Builder) {
	defer b.Release()
	c.ids = append(c.ids, telemetry.Column{Key: key, Type: t})
	c.arrays = append(c.arrays, b.NewArray())
}

// batch puts labels and the rows' own columns together.
func (h *Head) batch(labels *telemetry.Batch, rows []row, metas []meta) (*telemetry.Batch, error) {
	var cols columns
	for i, f := range labels.Rows.Schema().Fields()[1:] {
		id, err := telemetry.ColumnOf(f)
		if err != nil {
			return nil, err
		}
		if isLabel(id) {
			arr := labels.Rows.Column(i + 1)
			arr.Retain()
			cols.ids, cols.arrays = append(cols.ids, id), append(cols.arrays, arr)
		}
	}
	h.addMeta(&cols, rows, metas)
	addPoints(&cols, rows)
	order := make([]int, len(cols.ids))
	for i := range order {
		order[i] = i
	}
	slices.SortFunc(order, func(i, j int) int { return cols.ids[i].Compare(cols.ids[j]) })
	fields := []arrow.Field{labels.Rows.Schema().Field(0)}
	arrays := []arrow.Array{labels.Rows.Column(0)}
	for _, i := range order {
		fields = append(fields, telemetry.FieldOf(cols.ids[i], cols.arrays[i].DataType()))
		arrays = append(arrays, cols.arrays[i])
	}
	rec := array.NewRecord(arrow.NewSchema(fields, nil), arrays, int64(len(rows)))
	for _, arr := range cols.arrays {
		arr.Release()
	}
	labels.Sets.Retain()
	b, err := telemetry.NewBatch(telemetry.Metrics, h.tenant, labels.Sets, rec)
	if err != nil {
		return nil, fmt.Errorf("rows of metrics: %w", err)
	}
	return b, nil
}

// words builds a string column with a dictionary.
func words(rows []row, of func(r *row) string) array.Builder {
	b := array.NewDictionaryBuilder(memory.DefaultAllocator, &arrow.DictionaryType{
		IndexType: arrow.PrimitiveTypes.Uint32, ValueType: arrow.BinaryTypes.String,
	}).(*array.BinaryDictionaryBuilder)
	b.Reserve(len(rows))
	for i := range rows {
		if s := of(&rows[i]); s == "" {
			b.AppendNull()
		} else if err := b.AppendString(s); err != nil {
			b.AppendNull() // only a wrong index type fails
		}
	}
	return b
}

// addMeta adds the columns that a metric's points share.
func (h *Head) addMeta(cols *columns, rows []row, metas []meta) {
	metaOf := func(r *row) *meta { return &metas[h.series[r.series].meta] }
	text := func(key string, of func(m *meta) string) {
		cols.add(key, telemetry.TypeString, words(rows, func(r *row) string {
			return strings.ToValidUTF8(of(metaOf(r)), "\uFFFD")
		}))
	}
	text(telemetry.FieldName, func(m *meta) string { return m.name })
	text(FieldUnit, func(m *meta) string { return m.unit })
	text(FieldDescription, func(m *meta) string { return m.description })
	text(FieldType, func(m *meta) string { return typeNames[m.kind] })
	text(FieldTemporality, (*meta).temporalityName)
	cols.add(FieldChunkKind, telemetry.TypeString, words(rows, func(r *row) string { return r.kind }))
	b := array.NewBooleanBuilder(memory.DefaultAllocator)
	for i := range rows {
		if m := metaOf(&rows[i]); m.kind == pmetric.MetricTypeSum {
			b.Append(m.monotonic)
		} else {
			b.AppendNull()
		}
	}
	cols.add(FieldMonotonic, telemetry.TypeBool, b)
}

// addPoints adds the columns of the points themselves.
func addPoints(cols *columns, rows []row) {
	ints := func(key string, t telemetry.Type, of func(r *row) (v int64, ok bool)) {
		b := array.NewInt64Builder(memory.DefaultAllocator)
		b.Reserve(len(rows))
		for i := range rows {
			if v, ok := of(&rows[i]); ok {
				b.Append(v)
			} else {
				b.AppendNull()
			}
		}
		cols.add(key, t, b)
	}
	raw := func(key string, of func(r *row) []byte) {
		b := array.NewBinaryBuilder(memory.DefaultAllocator, arrow.BinaryTypes.Binary)
		b.Reserve(len(rows))
		for i := range rows {
			if v := of(&rows[i]); len(v) > 0 {
				b.Append(v)
			} else {
				b.AppendNull()
			}
		}
		cols.add(key, telemetry.TypeBytes, b)
	}
	ints(telemetry.FieldTime, telemetry.TypeTime, func(r *row) (int64, bool) { return r.min, true })
	ints(FieldEnd, telemetry.TypeTime, func(r *row) (int64, bool) { return r.max, true })
	ints(telemetry.FieldStatedTime, telemetry.TypeTime, func(r *row) (int64, bool) { return r.stated, r.stated != 0 })
	ints(FieldSamples, telemetry.TypeInt, func(r *row) (int64, bool) { return int64(r.samples), true })
	raw(FieldChunk, func(r *row) []byte { return r.chunk })
	raw(FieldExtra, func(r *row) []byte { return r.extra })
}

package series

import (
	"errors"
	"fmt"

	"github.com/apache/arrow/go/v15/arrow"
	"github.com/apache/arrow/go/v15/arrow/array"
	"go.opentelemetry.io/collector/pdata/pmetric"

	"clew/internal/points"
	"clew/internal/telemetry"
)

// Row is what a row's columns say of its points.
type Row struct {
	Type      string // FieldType
	ChunkKind string // FieldChunkKind
	Samples   int    // FieldSamples
	Chunk     []byte // FieldChunk
	Extra     []byte // FieldExtra
}

// AppendPoints adds the row's points, without attributes, to m, which must be a metric of the row's type (SetType), and gives m the metadata that the
// row has. The error says what is wrong with the row; m may then have some of the points.
//
// Chunks must come from where they were checked (a head, or a segment with its checksums): a wrong one is an error here too, but Prometheus'
// decoder of histograms believes the sizes it finds.
func (r *Row) AppendPoints(m pmetric.Metric) (err error) {
	defer func() {
		if p := recover(); p != nil {
			err = fmt.Errorf("%s chunk of %d bytes: %v", r.ChunkKind, len(r.Chunk), p)
		}
	}()
	if r.Samples < 1 || r.Samples > decodeSamplesMax || typeNames[m.Type()] != r.Type {
		return fmt.Errorf("row of %d points of a %q for a metric of type %v", r.Samples, r.Type, m.Type())
	}
	found, err := points.Sections(r.Extra)
	if err != nil {
		return err
	}
	if text := found[points.SectionMetadata]; text != nil && m.Metadata().Len() == 0 {
		if err := telemetry.ParseMap(string(text), m.Metadata()); err != nil {
			return fmt.Errorf("metadata: %w", err)
		}
	}
	switch {
	case r.ChunkKind == points.ChunkOTLP:
		return r.appendOTLP(m)
	case r.ChunkKind == points.ChunkCounts && (m.Type() == pmetric.MetricTypeSum || m.Type() == pmetric.MetricTypeExponentialHistogram):
		return r.appendCounts(m, &found)
	case r.ChunkKind == points.ChunkXOR2 && m.Type() == pmetric.MetricTypeGauge, r.ChunkKind == points.ChunkXOR2 && m.Type() == pmetric.MetricTypeSum:
		p, err := readNumbers(r.Chunk, &found, r.Samples)
		if err != nil {
			return err
		}
		if m.Type() == pmetric.MetricTypeSum {
			return p.appendTo(m.Sum().DataPoints())
		}
		return p.appendTo(m.Gauge().DataPoints())
	case r.ChunkKind == points.ChunkHistogram && (m.Type() == pmetric.MetricTypeHistogram || m.Type() == pmetric.MetricTypeExponentialHistogram):
		p, err := readHistograms(r.Chunk, &found, r.Samples, m.Type() == pmetric.MetricTypeExponentialHistogram)
		if err != nil {
			return err
		}
		return p.appendTo(m)
	}
	return fmt.Errorf("chunk of kind %.20q is not known for a %s", r.ChunkKind, r.Type)
}

// appendOTLP adds the points of a chunk that is an OTLP message.
func (r *Row) appendOTLP(m pmetric.Metric) error {
	metrics, err := (&pmetric.ProtoUnmarshaler{}).UnmarshalMetrics(r.Chunk)
	if err != nil {
		return fmt.Errorf("otlp chunk: %w", err)
	}
	if metrics.DataPointCount() != r.Samples || metrics.MetricCount() != 1 {
		return fmt.Errorf("otlp chunk has %d points of %d metrics, the row %d", metrics.DataPointCount(), metrics.MetricCount(), r.Samples)
	}
	for i := range metrics.ResourceMetrics().Len() {
		for j := range metrics.ResourceMetrics().At(i).ScopeMetrics().Len() {
			all := metrics.ResourceMetrics().At(i).ScopeMetrics().At(j).Metrics()
			for k := range all.Len() {
				if err := moveOTLP(all.At(k), m); err != nil {
					return err
				}
			}
		}
	}
	return nil
}

// moveOTLP moves the points of one metric to the end of another's.
func moveOTLP(from, to pmetric.Metric) error {
	if from.Type() != to.Type() {
		return fmt.Errorf("otlp chunk is of type %v, the metric %v", from.Type(), to.Type())
	}
	switch to.Type() {
	case pmetric.MetricTypeGauge:
		from.Gauge().DataPoints().MoveAndAppendTo(to.Gauge().DataPoints())
	case pmetric.MetricTypeSum:
		from.Sum().DataPoints().MoveAndAppendTo(to.Sum().DataPoints())
	case pmetric.MetricTypeHistogram:
		from.Histogram().DataPoints().MoveAndAppendTo(to.Histogram().DataPoints())
	case pmetric.MetricTypeExponentialHistogram:
		from.ExponentialHistogram().DataPoints().MoveAndAppendTo(to.ExponentialHistogram().DataPoints())
	case pmetric.MetricTypeSummary:
		from.Summary().DataPoints().MoveAndAppendTo(to.Summary().DataPoints())
	}
	return nil
}

// SetType makes m a metric of the type that FieldType, FieldTemporality and FieldMonotonic say, without points.
func SetType(m pmetric.Metric, typ, temporality string, monotonic bool) error {
	known := false
	for kind, name := range typeNames {
		if name == typ {
			setKind(m, kind)
			known = true
		}
	}
	if !known {
		return fmt.Errorf("metric type %.40q is not known", typ)
	}
	t := pmetric.AggregationTemporalityUnspecified
	if temporality != "" {
		var n int32
		named := false
		for value, name := range temporalityNames {
			if name == temporality {
				t, named = value, true
			}
		}
		if !named {
			if _, err := fmt.Sscan(temporality, &n); err != nil {
				return fmt.Errorf("temporality %.40q is not known", temporality)
			}
			t = pmetric.AggregationTemporality(n)
		}
	}
	switch m.Type() {
	case pmetric.MetricTypeSum:
		m.Sum().SetAggregationTemporality(t)
		m.Sum().SetIsMonotonic(monotonic)
	case pmetric.MetricTypeHistogram:
		m.Histogram().SetAggregationTemporality(t)
	case pmetric.MetricTypeExponentialHistogram:
		m.ExponentialHistogram().SetAggregationTemporality(t)
	}
	return nil
}

// Metrics gives the points of a batch of rows back as OTLP: a metric for each row.
func Metrics(b *telemetry.Batch) (pmetric.Metrics, error) {
	out := pmetric.NewMetrics()
	if b.Signal != telemetry.Metrics || b.Rows == nil {
		return out, errors.New("batch holds no rows of metrics")
	}
	cols, err := readColumns(b.Rows)
	if err != nil {
		return out, err
	}
	labels := labelsOf(b)
	defer labels.Release()
	logs, err := labels.Logs()
	if err != nil {
		return out, err
	}
	// Each set is one ResourceLogs, in the order in which the rows first name them; its records are in the rows' order.
	setOf, err := telemetry.CellsOf(b.Rows.Column(0))
	if err != nil {
		return out, err
	}
	place := map[uint32]int{}
	var next []int
	for i, set := range setOf.Codes() {
		at, ok := place[set]
		if !ok {
			at = len(next)
			place[set] = at
			next = append(next, 0)
			from, to := logs.ResourceLogs().At(at), out.ResourceMetrics().AppendEmpty()
			from.Resource().CopyTo(to.Resource())
			to.SetSchemaUrl(from.SchemaUrl())
			sm := to.ScopeMetrics().AppendEmpty()
			from.ScopeLogs().At(0).Scope().CopyTo(sm.Scope())
			sm.SetSchemaUrl(from.ScopeLogs().At(0).SchemaUrl())
		}
		record := logs.ResourceLogs().At(at).ScopeLogs().At(0).LogRecords().At(next[at])
		next[at]++
		m := out.ResourceMetrics().At(at).ScopeMetrics().At(0).Metrics().AppendEmpty()
		if err := cols.metric(i, m); err != nil {
			return out, fmt.Errorf("row %d: %w", i, err)
		}
		setAttributes(m, func(points attributed) { record.Attributes().CopyTo(points.Attributes()) })
	}
	return out, nil
}

// labelsOf is the batch's labels as log records.
func labelsOf(b *telemetry.Batch) *telemetry.Batch {
	fields := []arrow.Field{b.Rows.Schema().Field(0)}
	arrays := []arrow.Array{b.Rows.Column(0)}
	for i, f := range b.Rows.Schema().Fields()[1:] {
		if id, err := telemetry.ColumnOf(f); err == nil && isLabel(id) {
			fields, arrays = append(fields, f), append(arrays, b.Rows.Column(i+1))
		}
	}
	b.Sets.Retain()
	rec := array.NewRecord(arrow.NewSchema(fields, nil), arrays, b.Rows.NumRows())
	return &telemetry.Batch{Signal: telemetry.Logs, Tenant: b.Tenant, Sets: b.Sets, Rows: rec, Records: int(b.Rows.NumRows())}
}

// rowColumns are a batch's columns that Row and SetType ask for.
type rowColumns map[string]*telemetry.Cells

func readColumns(rec arrow.Record) (rowColumns, error) {
	out := rowColumns{}
	for i, f := range rec.Schema().Fields()[1:] {
		id, err := telemetry.ColumnOf(f)
		if err != nil {
			return nil, err
		}
		if id.Level != telemetry.LevelField || isLabel(id) {
			continue
		}
		cells, err := telemetry.CellsOf(rec.Column(i + 1))
		if err != nil {
			return nil, fmt.Errorf("column %v: %w", id, err)
		}
		out[id.Key] = &cells
	}
	for _, key := range []string{FieldType, FieldChunkKind, FieldSamples, FieldChunk} {
		if out[key] == nil {
			return nil, fmt.Errorf("rows of metrics have no column %s", key)
		}
	}
	return out, nil
}

func (c rowColumns) bytes(key string, row int) []byte {
	if cells := c[key]; cells != nil && cells.Valid(row) {
		return cells.Bytes(row)
	}
	return nil
}

// metric makes m the metric of a row, with its points.
func (c rowColumns) metric(row int, m pmetric.Metric) error {
	m.SetName(string(c.bytes(telemetry.FieldName, row)))
	m.SetUnit(string(c.bytes(FieldUnit, row)))
	m.SetDescription(string(c.bytes(FieldDescription, row)))
	monotonic := c[FieldMonotonic]
	typ := string(c.bytes(FieldType, row))
	err := SetType(m, typ, string(c.bytes(FieldTemporality, row)), monotonic != nil && monotonic.Valid(row) && monotonic.Bool(row))
	if err != nil {
		return err
	}
	r := Row{Type: typ, ChunkKind: string(c.bytes(FieldChunkKind, row)), Chunk: c.bytes(FieldChunk, row), Extra: c.bytes(FieldExtra, row)}
	if samples := c[FieldSamples]; samples.Valid(row) {
		r.Samples = int(samples.Int(row))
	}
	return r.AppendPoints(m)
}

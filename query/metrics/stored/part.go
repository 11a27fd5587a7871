package stored

import (
	"context"
	"fmt"
	"math"
	"strconv"

	"github.com/prometheus/prometheus/model/labels"

	"clew/index"
	"clew/internal/points"
	"clew/internal/telemetry"
)

// Values of telemetry.FieldMetricType.
const (
	typeGauge       = "gauge"
	typeSum         = "sum"
	typeHistogram   = "histogram"
	typeExponential = "exponential_histogram"
	typeSummary     = "summary"
)

// Row is a row of a part: points of one series of OTLP.
type Row struct {
	Min, Max int64 // milliseconds, both inclusive
	rg, Row  uint32
	Samples  uint32
	Chunk    ChunkKind
	Plain    bool // the chunk's points are all there is to say
}

// ChunkKind is how the points of a row are written.
type ChunkKind uint8

const (
	ChunkXOR2 ChunkKind = iota
	ChunkHistogram
	ChunkOTLP
	ChunkNumbers // no chunk: the points of a gauge or a sum are in a list (growing.go)
	ChunkCounts
	ChunkUnknown
)

func chunkKindOf(name string) ChunkKind {
	switch name {
	case points.ChunkXOR2:
		return ChunkXOR2
	case points.ChunkHistogram:
		return ChunkHistogram
	case points.ChunkCounts:
		return ChunkCounts
	case points.ChunkOTLP:
		return ChunkOTLP
	}
	return ChunkUnknown
}

// Base is a series of OTLP in a part.
type Base struct {
	Family *Family
	target *target
	Type   string
	Delta  bool
	Rows   []Row // in no order
	// numbers are the head's own of the series whose points it is, ascending; nil if it is of no head.
	numbers []uint32
	// labels are those of its series, but for the name and what tells its series apart.
	labels labels.Labels
}

// fields are the columns of a part that say what a row is.
type fields struct {
	part index.Part
	cols map[string]int
}

func fieldsOf(part index.Part) fields {
	f := fields{part: part, cols: map[string]int{}}
	for i, c := range part.Columns() {
		if c.Level == telemetry.LevelField {
			f.cols[c.Key] = i
		}
	}
	return f
}

func (f *fields) ints(ctx context.Context, key string, rg, rows int) (index.Ints, error) {
	col, ok := f.cols[key]
	if !ok {
		return index.Ints{}, fmt.Errorf("part %s has no column %s", f.part.Info().ID, key)
	}
	c := f.part.Columns()[col]
	if c.Kind == index.KindInt {
		v, err := f.part.Ints(ctx, col, rg)
		if err == nil && len(v.Values) != rows {
			err = fmt.Errorf("column %s has %d values for %d rows", key, len(v.Values), rows)
		}
		return v, err
	}
	w, err := newWords(ctx, f.part, col)
	if err != nil {
		return index.Ints{}, err
	}
	if err := w.load(ctx, rg, rows); err != nil {
		return index.Ints{}, err
	}
	out := index.Ints{Values: make([]int64, rows), Valid: make([]uint64, (rows+63)/64)}
	for i := range rows {
		if code := w.code(i); code != index.NullCode {
			if v, err := strconv.ParseInt(w.text(code), 10, 64); err == nil {
				out.Values[i] = v
				out.Valid[i>>6] |= 1 << (i & 63)
			}
		}
	}
	return out, nil
}

// values are the byte strings of a column in a row group, whatever its kind.
type values struct {
	raw   index.Bytes
	words *words // not nil: instead
	none  bool
}

func (f *fields) values(ctx context.Context, key string, rg, rows int) (values, error) {
	col, ok := f.cols[key]
	if !ok {
		return values{none: true}, nil
	}
	c := f.part.Columns()[col]
	if c.Kind == index.KindRaw || c.Overflow {
		raw, err := f.part.Bytes(ctx, col, rg)
		if err == nil && len(raw.Offsets) != rows+1 {
			err = fmt.Errorf("column %s has %d values for %d rows", key, len(raw.Offsets)-1, rows)
		}
		return values{raw: raw}, err
	}
	w, err := newWords(ctx, f.part, col)
	if err != nil {
		return values{}, err
	}
	w.info.Type = telemetry.TypeString // as they are
	return values{words: w}, w.load(ctx, rg, rows)
}

func (v *values) at(i int) []byte {
	switch {
	case v.none:
		return nil
	case v.words != nil:
		return []byte(v.words.text(v.words.code(i)))
	case !index.IsValid(v.raw.Valid, i):
		return nil
	}
	return v.raw.At(i)
}

// builder finds the series of a part.
type builder struct {
	t      *Translator
	part   index.Part
	fields fields

	resources *groups
	metrics   *groups // with the scope
	records   *groups
	kinds     *words

	targets    []*target
	families   []metricShape
	attributes [][]attribute
	bases      []*Base
	byKey      map[baseKey]*Base
	byMarks    map[markedMetric]*Family
	byMetadata map[string]Marks
	spans      map[*target]*intervals
}

type metricShape struct {
	name, unit, help string
	shape
}

type markedMetric struct {
	metric uint32
	marks  Marks
}

type baseKey struct {
	resource, metric, record uint32
	marks                    Marks
}

// build reads what a part's rows are of.
func build(ctx context.Context, t *Translator, part index.Part) (*builder, error) {
	b := &builder{
		t: t, part: part, fields: fieldsOf(part), byKey: map[baseKey]*Base{}, byMarks: map[markedMetric]*Family{},
		byMetadata: map[string]Marks{}, spans: map[*target]*intervals{},
	}
	var resources, metrics, records []*words
	var all []*words
	for col, c := range part.Columns() {
		if c.NonNull == 0 {
			continue
		}
		var to *[]*words
		switch {
		case c.Level == telemetry.LevelResource || c.Level == telemetry.LevelField && (c.Key == telemetry.FieldResourceExact || c.Key == telemetry.FieldResourceOverflow):
			to = &resources
		case c.Level == telemetry.LevelRecord || c.Level == telemetry.LevelField && (c.Key == telemetry.FieldExact || c.Key == telemetry.FieldOverflow):
			to = &records
		case c.Level == telemetry.LevelScope:
			to = &metrics
		case c.Key == telemetry.FieldChunkKind:
		default:
			switch c.Key {
			case telemetry.FieldName, telemetry.FieldUnit, telemetry.FieldDescription, telemetry.FieldMetricType, telemetry.FieldTemporality,
				telemetry.FieldMonotonic, telemetry.FieldScopeName, telemetry.FieldScopeVersion, telemetry.FieldScopeExact, telemetry.FieldScopeOverflow:
				to = &metrics
			default:
				continue
			}
		}
		w, err := newWords(ctx, part, col)
		if err != nil {
			return nil, err
		}
		all = append(all, w)
		if to == nil {
			b.kinds = w
			continue
		}
		*to = append(*to, w)
	}
	if b.kinds == nil {
		return nil, fmt.Errorf("part %s has no column %s", part.Info().ID, telemetry.FieldChunkKind)
	}
	b.resources, b.metrics, b.records = newGroups(resources), newGroups(metrics), newGroups(records)
	for rg, g := range part.RowGroups() {
		for _, w := range all {
			if err := w.load(ctx, rg, g.Rows); err != nil {
				return nil, err
			}
		}
		if err := b.rowGroup(ctx, rg, g.Rows); err != nil {
			return nil, err
		}
	}
	return b, nil
}

// rowGroup gives each row of a row group to its series.
func (b *builder) rowGroup(ctx context.Context, rg, rows int) error {
	times, err := b.fields.ints(ctx, telemetry.FieldTime, rg, rows)
	if err != nil {
		return err
	}
	ends, err := b.fields.ints(ctx, telemetry.FieldEnd, rg, rows)
	if err != nil {
		return err
	}
	samples, err := b.fields.ints(ctx, telemetry.FieldSamples, rg, rows)
	if err != nil {
		return err
	}
	var stated index.Ints
	if _, ok := b.fields.cols[telemetry.FieldStatedTime]; ok {
		if stated, err = b.fields.ints(ctx, telemetry.FieldStatedTime, rg, rows); err != nil {
			return err
		}
	}
	extras, err := b.fields.values(ctx, telemetry.FieldExtra, rg, rows)
	if err != nil {
		return err
	}
	for i := range rows {
		if i%CheckEvery == 0 && ctx.Err() != nil {
			return ctx.Err()
		}
		r := Row{
			Min: Millis(times.Values[i]), Max: Millis(ends.Values[i]), rg: uint32(rg), Row: uint32(i),
			Samples: uint32(max(0, min(samples.Values[i], SamplesOfRowMax+1))), Chunk: chunkKindOf(b.kinds.text(b.kinds.code(i))),
		}
		if stated.Values != nil && index.IsValid(stated.Valid, i) {
			r.Min, r.Max = Millis(stated.Values[i]), math.MaxInt64 // points of the future; where they end is not said
		}
		found, err := points.Sections(extras.at(i))
		if err != nil {
			return fmt.Errorf("row %d: %w", i, err)
		}
		r.Plain = found[points.SectionFlags] == nil
		b.add(i, r, &found)
	}
	return nil
}

// add gives a row to its series.
func (b *builder) add(i int, r Row, found *points.Found) {
	var key baseKey
	var fresh bool
	if key.resource, fresh = b.resources.of(i); fresh {
		t := b.t.target(b.resources.attributes())
		b.targets = append(b.targets, &t)
	}
	if key.metric, fresh = b.metrics.of(i); fresh {
		b.families = append(b.families, b.metricShape())
	}
	if key.record, fresh = b.records.of(i); fresh {
		b.attributes = append(b.attributes, b.records.attributes())
	}
	if metadata := found[points.SectionMetadata]; metadata != nil {
		m, ok := b.byMetadata[string(metadata)]
		if !ok {
			m = readMarks(metadata)
			b.byMetadata[string(metadata)] = m
		}
		key.marks = m
	}
	to := b.byKey[key]
	if to == nil {
		to = b.newBase(key)
		b.byKey[key] = to
		b.bases = append(b.bases, to)
	}
	to.Rows = append(to.Rows, r)
	if to.target.info.Len() > 0 && r.Max != math.MaxInt64 {
		s := b.spans[to.target]
		if s == nil {
			s = &intervals{}
			b.spans[to.target] = s
		}
		s.add(r.Min, r.Max)
	}
}

func (b *builder) newBase(key baseKey) *Base {
	shape := &b.families[key.metric]
	f := b.byMarks[markedMetric{key.metric, key.marks}]
	if f == nil {
		translated := b.t.family(shape.name, shape.unit, shape.help, shape.shape, key.marks)
		f = &translated
		b.byMarks[markedMetric{key.metric, key.marks}] = f
	}
	to := &Base{Family: f, target: b.targets[key.resource], Type: shape.typ, Delta: shape.delta}
	lb := labels.NewBuilder(labels.EmptyLabels())
	b.t.labels(lb, f, to.target, b.attributes[key.record])
	to.labels = lb.Labels()
	return to
}

// metricShape reads the metric at hand.
func (b *builder) metricShape() (m metricShape) {
	for c, w := range b.metrics.columns {
		code := b.metrics.scratch[c]
		if w.info.Level != telemetry.LevelField || code == index.NullCode {
			continue
		}
		text := w.text(code)
		switch w.info.Key {
		case telemetry.FieldName:
			m.name = text
		case telemetry.FieldUnit:
			m.unit = text
		case telemetry.FieldDescription:
			m.help = text
		case telemetry.FieldMetricType:
			m.typ = text
		case telemetry.FieldTemporality:
			m.delta = text == "delta"
		case telemetry.FieldMonotonic:
			m.monotonic = text == "true"
		}
	}
	return m
}

// Millis is the millisecond that a time is in, as chunks have it.
func Millis(nanos int64) int64 {
	ms := nanos / 1_000_000
	if nanos%1_000_000 < 0 {
		ms--
	}
	return ms
}

// intervals are ranges of time, in milliseconds, of which those less than a lookback apart are one.
type intervals struct{ all [][2]int64 }

// add joins a range with those it meets. There are few: rows of a resource follow each other.
func (s *intervals) add(from, to int64) {
	const apart = int64(Lookback / 1e6)
	kept := s.all[:0]
	for _, r := range s.all {
		if r[0]-apart <= to && from-apart <= r[1] {
			from, to = min(from, r[0]), max(to, r[1])
			continue
		}
		kept = append(kept, r)
	}
	s.all = append(kept, [2]int64{from, to})
}

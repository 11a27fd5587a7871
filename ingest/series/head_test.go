package series

import (
	"context"
	"slices"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"go.opentelemetry.io/collector/pdata/pcommon"
	"go.opentelemetry.io/collector/pdata/pmetric"

	"clew/internal/points"
	"clew/internal/telemetry"
)

var testNow = time.Unix(1_700_000_000, 123)

// TestRoundTrip: the points of random metrics of all kinds come back from the rows exactly.
func TestRoundTrip(t *testing.T) {
	iterations := uint64(300)
	if testing.Short() {
		iterations = 60
	}
	kinds := map[string]int{}
	for seed := range iterations {
		r := newRandom(seed)
		h := New("h", "t", 0)
		all := pmetric.NewMetrics()
		now := time.Unix(0, r.base+int64(time.Hour))
		for range 1 + r.IntN(3) {
			m := overWire(t, r.metrics(r.IntN(200)))
			if err := h.Append(m, now); err != nil {
				t.Fatal(err)
			}
			m.ResourceMetrics().MoveAndAppendTo(all.ResourceMetrics())
		}
		b, err := h.Rows(context.Background())
		if err != nil {
			t.Fatalf("seed %d: %v", seed, err)
		}
		got, err := Metrics(b)
		if err != nil {
			t.Fatalf("seed %d: %v", seed, err)
		}
		if d := cmp.Diff(canonical(all, now), canonical(got, now)); d != "" {
			t.Fatalf("seed %d: %.3000s", seed, d)
		}
		if h.Points() != all.DataPointCount() {
			t.Errorf("seed %d: %d points, want %d", seed, h.Points(), all.DataPointCount())
		}
		cols, err := readColumns(b.Rows)
		if err != nil {
			t.Fatal(err)
		}
		for row := range int(b.Rows.NumRows()) {
			kinds[string(cols.bytes(FieldType, row))+" "+string(cols.bytes(FieldChunkKind, row))]++
		}
		b.Release()
	}
	t.Log(kinds)
	for _, want := range []string{
		"gauge xor2", "sum xor2", "histogram histogram", "exponential_histogram histogram", "summary otlp",
		"histogram otlp", "exponential_histogram otlp",
	} {
		if kinds[want] == 0 {
			t.Errorf("no row is of kind %q", want)
		}
	}
}

// overWire passes metrics through protobuf, as all that reach a head have gone: it knows no -0 in some fields.
func overWire(t testing.TB, m pmetric.Metrics) pmetric.Metrics {
	t.Helper()
	b, err := telemetry.NewMetricsBatch("t", m)
	if err != nil {
		t.Fatal(err)
	}
	out, err := b.Metrics()
	if err != nil {
		t.Fatal(err)
	}
	return out
}

// gauge makes a gauge metric named name whose points have these times (seconds after testNow) and their numbers as values.
func gauge(name string, seconds ...int) pmetric.Metrics {
	out := pmetric.NewMetrics()
	m := out.ResourceMetrics().AppendEmpty().ScopeMetrics().AppendEmpty().Metrics().AppendEmpty()
	m.SetName(name)
	g := m.SetEmptyGauge()
	for i, s := range seconds {
		dp := g.DataPoints().AppendEmpty()
		dp.SetTimestamp(pcommon.NewTimestampFromTime(testNow.Add(time.Duration(s) * time.Second)))
		dp.SetDoubleValue(float64(i))
	}
	return out
}

// rowsOf returns h's rows.
func rowsOf(t *testing.T, h *Head) (*telemetry.Batch, rowColumns) {
	t.Helper()
	b, err := h.Rows(context.Background())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(b.Release)
	cols, err := readColumns(b.Rows)
	if err != nil {
		t.Fatal(err)
	}
	return b, cols
}

// TestLatePoints: points out of order and of the same time are kept, sorted by time, those of the same time in the order they came.
func TestLatePoints(t *testing.T) {
	h := New("h", "t", 0)
	if err := h.Append(gauge("g", 3, 1, 2, 1), testNow); err != nil {
		t.Fatal(err)
	}
	b, _ := rowsOf(t, h)
	got, err := Metrics(b)
	if err != nil {
		t.Fatal(err)
	}
	var values []float64
	for _, p := range got.ResourceMetrics().At(0).ScopeMetrics().At(0).Metrics().At(0).Gauge().DataPoints().All() {
		values = append(values, p.DoubleValue())
	}
	if want := []float64{1, 3, 2, 0}; !slices.Equal(values, want) {
		t.Errorf("points in the order %v, want %v", values, want)
	}
}

// TestFuturePoints: points further than an hour ahead keep their time but are ordered by when they were received, apart from the others.
func TestFuturePoints(t *testing.T) {
	h := New("h", "t", 0)
	if err := h.Append(gauge("g", 0, 10_000, 10), testNow); err != nil {
		t.Fatal(err)
	}
	b, cols := rowsOf(t, h)
	if b.Rows.NumRows() != 2 {
		t.Fatalf("%d rows, want 2", b.Rows.NumRows())
	}
	for row := range 2 {
		from, to := cols[telemetry.FieldTime].Int(row), cols[FieldEnd].Int(row)
		switch samples := cols[FieldSamples].Int(row); samples {
		case 2:
			if from != testNow.UnixNano() || to != testNow.Add(10*time.Second).UnixNano() || cols[telemetry.FieldStatedTime].Valid(row) {
				t.Errorf("row of two points is from %d to %d", from, to)
			}
		case 1:
			stated := cols[telemetry.FieldStatedTime].Int(row)
			if from != testNow.UnixNano() || to != from || stated != testNow.Add(10_000*time.Second).UnixNano() {
				t.Errorf("row of the future is from %d to %d, stated %d", from, to, stated)
			}
		default:
			t.Errorf("a row has %d points", samples)
		}
	}
}

// TestAttributeOrder: the same attributes in another order are the same series, also where a key occurs twice.
func TestAttributeOrder(t *testing.T) {
	parse := func(attributes string) pmetric.Metrics {
		m, err := (&pmetric.JSONUnmarshaler{}).UnmarshalMetrics([]byte(`{"resourceMetrics":[{"scopeMetrics":[{"metrics":[{"name":"m","gauge":{
			"dataPoints":[{"timeUnixNano":"1700000000000000000","asInt":"9007199254740993","attributes":[` + attributes + `]}]}}]}]}]}`))
		if err != nil {
			t.Fatal(err)
		}
		return m
	}
	a, b, c := `{"key":"a","value":{"intValue":"1"}}`, `{"key":"b","value":{"stringValue":"x"}}`, `{"key":"a","value":{"stringValue":"twice"}}`
	h := New("h", "t", 0)
	all := pmetric.NewMetrics()
	for i, text := range []string{a + "," + b, b + "," + a, a + "," + b + "," + c} {
		m := parse(text)
		if err := h.Append(m, testNow); err != nil {
			t.Fatal(err)
		}
		m.ResourceMetrics().MoveAndAppendTo(all.ResourceMetrics())
		if want := []int{1, 1, 2}[i]; h.Series() != want {
			t.Errorf("after %s: %d series, want %d", text, h.Series(), want)
		}
	}
	rows, _ := rowsOf(t, h)
	got, err := Metrics(rows)
	if err != nil {
		t.Fatal(err)
	}
	if d := cmp.Diff(canonical(all, testNow), canonical(got, testNow)); d != "" {
		t.Error(d)
	}
}

// TestSnapshot: the part of unsealed points has the rows' columns, and stays as it was.
func TestSnapshot(t *testing.T) {
	h := New("h", "t", 4)
	if err := h.Append(gauge("g", 1, 2), testNow); err != nil {
		t.Fatal(err)
	}
	first, err := h.Snapshot(context.Background())
	if err != nil {
		t.Fatal(err)
	}
	if err := h.Append(gauge("other", 1), testNow); err != nil {
		t.Fatal(err)
	}
	second, err := h.Snapshot(context.Background())
	if err != nil {
		t.Fatal(err)
	}
	info := second.Info()
	if first.Info().Rows != 1 || info.Rows != 2 || info.Signal != telemetry.Metrics || info.Shard != 4 || info.ID != "h" {
		t.Errorf("%d rows, then %+v", first.Info().Rows, info)
	}
	if info.MinTime != testNow.Add(time.Second).UnixNano() || info.MaxTime != testNow.Add(2*time.Second).UnixNano() {
		t.Errorf("times %d to %d", info.MinTime, info.MaxTime)
	}
	found := map[string]bool{}
	for _, c := range second.Columns() {
		found[c.Name()] = true
	}
	for _, name := range []string{"name", "time", "end", "chunk", "chunk_kind", "samples", "type"} {
		if !found[name] {
			t.Errorf("no column %s", name)
		}
	}
}

// TestChunks: well-behaved series take as few rows as their points allow, in the form that PromQL reads, and few bytes.
func TestChunks(t *testing.T) {
	for _, c := range []struct {
		name       string
		histograms bool
		rounds     int
		rows       int
		kind       string
		bytes      int // a point, at most
	}{
		{"gauges", false, 3 * samplesMax, 3, points.ChunkXOR2, 8},
		{"histograms", true, 2 * histogramSamplesMax, 2, points.ChunkHistogram, 24},
	} {
		t.Run(c.name, func(t *testing.T) {
			h := New("h", "t", 0)
			for i := range c.rounds {
				m := scrape(i, c.histograms)
				m.ResourceMetrics().At(0).ScopeMetrics().At(0).Metrics().RemoveIf(func(m pmetric.Metric) bool {
					return m.Name() != "http.server.metric.7"
				})
				if err := h.Append(m, testNow); err != nil {
					t.Fatal(err)
				}
			}
			b, cols := rowsOf(t, h)
			if got, want := int(b.Rows.NumRows()), c.rows*h.Series(); got != want {
				t.Errorf("%d rows, want %d", got, want)
			}
			size := 0
			for row := range int(b.Rows.NumRows()) {
				if k := string(cols.bytes(FieldChunkKind, row)); k != c.kind {
					t.Fatalf("row %d is of kind %s, want %s", row, k, c.kind)
				}
				size += len(cols.bytes(FieldChunk, row)) + len(cols.bytes(FieldExtra, row))
			}
			if perPoint := size / h.Points(); perPoint > c.bytes {
				t.Errorf("%d bytes a point, want at most %d", perPoint, c.bytes)
			}
		})
	}
}

// TestBytes: the estimate follows what is held: it grows with points and does not run away when rows are made.
func TestBytes(t *testing.T) {
	h := New("h", "t", 0)
	last := int64(0)
	for i := range 4 * samplesMax {
		if err := h.Append(gauge("g", 10*i), testNow.Add(time.Duration(i)*10*time.Second)); err != nil {
			t.Fatal(err)
		}
		if h.pending < 0 || h.Bytes() <= 0 {
			t.Fatalf("after %d points: %d bytes pending, %d in all", i+1, h.pending, h.Bytes())
		}
		last = max(last, h.Bytes())
	}
	if last > 20_000 {
		t.Errorf("%d bytes for one series", last)
	}
}

// TestReadWhileAppending reads rows while points are appended; meant for the race detector.
func TestReadWhileAppending(t *testing.T) {
	h := New("h", "t", 0)
	done := make(chan struct{})
	go func() {
		defer close(done)
		for i := range 100 {
			if err := h.Append(gauge("g", i, i+1, i+2), testNow); err != nil {
				t.Error(err)
			}
		}
	}()
	for {
		p, err := h.Snapshot(context.Background())
		if err != nil {
			t.Fatal(err)
		}
		if p.Info().Rows > 3 {
			t.Fatalf("%d rows of 300 points", p.Info().Rows)
		}
		select {
		case <-done:
			if h.Points() != 300 {
				t.Errorf("%d points", h.Points())
			}
			return
		default:
		}
	}
}

// FuzzRow: a damaged row is an error or points, never a panic. Histogram chunks are left out: their decoder believes the sizes it finds, so they are
// only read after their checksum.
func FuzzRow(f *testing.F) {
	for seed := range uint64(4) {
		h := New("h", "t", 0)
		r := newRandom(seed)
		if err := h.Append(r.metrics(5), testNow); err != nil {
			f.Fatal(err)
		}
		b, err := h.Rows(context.Background())
		if err != nil {
			f.Fatal(err)
		}
		cols, err := readColumns(b.Rows)
		if err != nil {
			f.Fatal(err)
		}
		for row := range min(3, int(b.Rows.NumRows())) {
			f.Add(string(cols.bytes(FieldType, row)), string(cols.bytes(FieldChunkKind, row)), int(cols[FieldSamples].Int(row)),
				cols.bytes(FieldChunk, row), cols.bytes(FieldExtra, row))
		}
	}
	f.Fuzz(func(t *testing.T, typ, kind string, samples int, chunk, extra []byte) {
		m := pmetric.NewMetric()
		if kind == points.ChunkHistogram || SetType(m, typ, "delta", true) != nil {
			t.Skip()
		}
		row := Row{Type: typ, ChunkKind: kind, Samples: samples, Chunk: chunk, Extra: extra}
		if row.AppendPoints(m) != nil {
			return
		}
		n := 0
		setAttributes(m, func(attributed) { n++ })
		if n != samples {
			t.Fatalf("%d points of a row of %d", n, samples)
		}
	})
}

package red

import (
	"context"
	"fmt"
	"math"
	"slices"
	"testing"
	"time"

	"go.opentelemetry.io/collector/pdata/pcommon"
	"go.opentelemetry.io/collector/pdata/ptrace"

	"clew/index/table"
	"clew/ingest/series"
	"clew/internal/telemetry"
)

func TestOperation(t *testing.T) {
	for name, want := range map[string]string{
		"GET /products/{id}":          "GET /products/{id}",
		"GET /api/v2/users/42/orders": "GET /api/v2/users/<*>/orders",
		"s3.GetObject":                "s3.GetObject",
		"HTTP/1.1":                    "HTTP/<*>.<*>",
		"retry 3":                     "retry <*>",
		"/items/3f2504e0-4f89-11d3-9a0c-0305e82c3301/x": "/items/<*>/x",
		"/sha/da39a3ee5e6b4b0d3255":                     "/sha/<*>",
		"/words/deadbeef":                               "/words/deadbeef", // no digit: it may be a word
		"/b2b/cafe1":                                    "/b2b/cafe1",
		"":                                              "",
		"naïve 12":                                      "naïve <*>",
		"db_2":                                          "db_2",
		"\xff7":                                         "\uFFFD7",
	} {
		if got := operation([]byte(name)); got != want {
			t.Errorf("%q: %q, want %q", name, got, want)
		}
	}
}

func FuzzOperation(f *testing.F) {
	f.Add([]byte("GET /users/42/3f2504e0-4f89-11d3-9a0c-0305e82c3301"))
	f.Fuzz(func(t *testing.T, name []byte) {
		got := operation(name)
		if len(got) > textMax {
			t.Fatalf("%d bytes", len(got))
		}
		if len(name) < textMax/4 && operation([]byte(got)) != got {
			t.Fatalf("%q becomes %q, and that becomes %q", name, got, operation([]byte(got)))
		}
	})
}

// TestBucketOf holds OTLP's definition: bucket i is above base^i and at most base^(i+1).
func TestBucketOf(t *testing.T) {
	base := math.Exp2(math.Exp2(-scale))
	for _, nanos := range []int64{1, 2, 3, 999, 1000, 123_456, 1e6, 7_654_321, 250e6, 5e8, 1e9, 1e9 + 1, 2e9, 4e9, 1e10, int64(durationMax)} {
		i, v := float64(bucketOf(nanos)), float64(nanos)/1e9
		if low, high := math.Pow(base, i), math.Pow(base, i+1); v <= low*(1-1e-12) || v > high*(1+1e-12) {
			t.Errorf("%d ns is in the bucket from %g to %g", nanos, low, high)
		}
	}
	for exponent := -30; exponent < 12; exponent++ { // bounds belong to the bucket below
		if nanos := math.Exp2(float64(exponent)) * 1e9; nanos == math.Trunc(nanos) {
			if got := bucketOf(int64(nanos)); int(got) != exponent<<scale-1 {
				t.Errorf("2^%d s is in bucket %d, want %d", exponent, got, exponent<<scale-1)
			}
		}
	}
}

var start = time.Date(2026, 1, 2, 3, 4, 0, 0, time.UTC)

// spans appends n spans to a table: operation i%operations of a service, one each millisecond, each of i%7 ms.
func spans(t testing.TB, to *table.Table, first, n, operations int) *telemetry.Batch {
	t.Helper()
	b := telemetry.NewBuilder(telemetry.Spans, "a")
	res := pcommon.NewResource()
	res.Attributes().PutStr("service.name", "shop")
	b.UseSet(res, "", pcommon.NewInstrumentationScope(), "")
	for i := first; i < first+n; i++ {
		s := ptrace.NewSpan()
		s.SetTraceID(pcommon.TraceID{1, byte(i >> 16), byte(i >> 8), byte(i)})
		s.SetSpanID(pcommon.SpanID{1, byte(i >> 16), byte(i >> 8), byte(i)})
		s.SetName(fmt.Sprintf("op %c%c", 'a'+i%operations/26, 'a'+i%operations%26))
		s.SetKind(ptrace.SpanKindServer)
		at := start.Add(time.Duration(i) * time.Millisecond)
		s.SetStartTimestamp(pcommon.NewTimestampFromTime(at))
		s.SetEndTimestamp(pcommon.NewTimestampFromTime(at.Add(time.Duration(i%7) * time.Millisecond)))
		b.AppendSpan(s, start)
	}
	batch := b.Build()
	if err := to.Append(batch, nil); err != nil {
		t.Fatal(err)
	}
	return batch
}

// count is how many records a tally has, and how many series and buckets.
func (t *Tally) count() (records, series, cells int) {
	t.mu.Lock()
	defer t.mu.Unlock()
	for _, s := range t.series {
		for _, c := range s.cells {
			records += int(c.count)
			n := c.zero
			for _, b := range c.buckets {
				n += b.count
			}
			if t.signal == telemetry.Spans && n != c.count {
				panic("a histogram's buckets don't sum up to its count")
			}
		}
	}
	return records, len(t.series), t.cells
}

// However often a generation is read while it grows, each row is counted once.
func TestReadGrowing(t *testing.T) {
	tb := table.New("g", telemetry.Spans, "a", 0)
	often, once := New("g", telemetry.Spans, "a", 0), New("h", telemetry.Spans, "a", 0)
	const n = 150_000 // more than two row groups
	for i := 0; i < n; i += 3000 {
		spans(t, tb, i, 3000, 3)
		for range 2 {
			if err := often.Read(t.Context(), tb.Snapshot()); err != nil {
				t.Fatal(err)
			}
		}
	}
	if err := once.Read(t.Context(), tb.Snapshot()); err != nil {
		t.Fatal(err)
	}
	for _, tally := range []*Tally{often, once} {
		if records, series, cells := tally.count(); records != n || series != 3 || cells != 3*16 {
			t.Errorf("%d records in %d series and %d buckets, want %d, 3 and 48", records, series, cells, n)
		}
	}
	a, err := often.Part(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	b, err := once.Part(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	if a.Info().Rows == 0 || a.Info().Rows != b.Info().Rows || a.Info().MinTime != b.Info().MinTime || a.Info().MaxTime != b.Info().MaxTime {
		t.Errorf("%+v and %+v", a.Info(), b.Info())
	}
	if want := start.Add(160 * time.Second).UnixNano(); a.Info().MaxTime != want {
		t.Errorf("the last bucket ends at %s", time.Unix(0, a.Info().MaxTime).UTC())
	}
}

// What is read while it grows adds up to what is counted, however often it is asked for.
func TestLive(t *testing.T) {
	tb := table.New("g", telemetry.Spans, "a", 0)
	tally := New("g", telemetry.Spans, "a", 0)
	heads := map[uint64]bool{}
	for i := range 600 {
		spans(t, tb, i*11, 50, 3) // one after the other, and many in buckets of before
		if err := tally.Read(t.Context(), tb.Snapshot()); err != nil {
			t.Fatal(err)
		}
		part, err := tally.Live(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		heads[part.(*series.Live).Head()] = true
		if again, err := tally.Live(t.Context()); err != nil || again != part {
			t.Fatalf("without anything new: %v, %v", again, err)
		}
		told := map[string]uint64{}
		points := 0
		rows, err := tally.live.head.Rows(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		points = tally.live.head.Points()
		rows.Release()
		for _, s := range tally.series {
			for _, c := range s.cells {
				known := s.told[c.n]
				if c.changed || known.count != c.count || known.sum != c.sum || !slices.Equal(known.buckets, c.buckets) {
					t.Fatalf("%+v is not told: %+v", c, known)
				}
				told[tally.labels[s.name]] += uint64(known.count)
			}
		}
		if n := told["op aa"] + told["op ab"] + told["op ac"]; n != uint64(50*(i+1)) {
			t.Fatalf("%d of %d are told", n, 50*(i+1))
		}
		if points > livePoints*tally.cells+liveSlack+len(tally.series)*2 {
			t.Fatalf("%d points for %d buckets", points, tally.cells)
		}
	}
	if len(heads) < 2 || len(heads) > 20 {
		t.Errorf("it was made anew %d times", len(heads))
	}
}

// Series are bounded, and what is beyond the bound is counted all the same.
func TestOverflow(t *testing.T) {
	tb := table.New("g", telemetry.Spans, "a", 0)
	tally := New("g", telemetry.Spans, "a", 0)
	b := telemetry.NewBuilder(telemetry.Spans, "a")
	const services, operations = 100, 50
	for i := range services * operations {
		res := pcommon.NewResource()
		res.Attributes().PutStr("service.name", fmt.Sprint("service-", i/operations))
		b.UseSet(res, "", pcommon.NewInstrumentationScope(), "")
		s := ptrace.NewSpan()
		s.SetTraceID(pcommon.TraceID{1})
		s.SetSpanID(pcommon.SpanID{1})
		s.SetName(fmt.Sprintf("op %c%c", 'a'+i%operations/26, 'a'+i%operations%26))
		s.SetStartTimestamp(pcommon.NewTimestampFromTime(start))
		b.AppendSpan(s, start)
	}
	if err := tb.Append(b.Build(), nil); err != nil {
		t.Fatal(err)
	}
	if err := tally.Read(context.Background(), tb.Snapshot()); err != nil {
		t.Fatal(err)
	}
	records, series, _ := tally.count()
	if records != services*operations || series != seriesMax+services-seriesMax/operations {
		t.Errorf("%d records in %d series", records, series)
	}
	if n := tally.Overflow(); n != services*operations-seriesMax {
		t.Errorf("%d records are beyond the bound", n)
	}
	if n := tally.Overflow(); n != 0 {
		t.Errorf("%d records are beyond the bound since", n)
	}
}

// BenchmarkRead is what counting a span costs when its generation is sealed, and BenchmarkPart what making rows of it does.
func BenchmarkRead(b *testing.B) {
	tb := table.New("g", telemetry.Spans, "a", 0)
	for i := 0; i < 60_000; i += 1000 {
		spans(b, tb, i, 1000, 40)
	}
	part := tb.Snapshot()
	for b.Loop() {
		if err := New("g", telemetry.Spans, "a", 0).Read(b.Context(), part); err != nil {
			b.Fatal(err)
		}
	}
	b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N)/60_000, "ns/span")
}

func BenchmarkPart(b *testing.B) {
	tb := table.New("g", telemetry.Spans, "a", 0)
	for i := 0; i < 600_000; i += 1000 {
		spans(b, tb, i, 1000, 40)
	}
	tally := New("g", telemetry.Spans, "a", 0)
	if err := tally.Read(b.Context(), tb.Snapshot()); err != nil {
		b.Fatal(err)
	}
	_, _, cells := tally.count()
	for b.Loop() {
		tally.part = nil
		if _, err := tally.Part(b.Context()); err != nil {
			b.Fatal(err)
		}
	}
	b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N)/float64(cells), "ns/point")
}

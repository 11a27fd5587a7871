package engine

import (
	"log/slog"
	"runtime"
	"testing"
	"time"

	"clew/index/segment"
	"clew/index/traceindex"
	"clew/internal/telemetry"
	"clew/query/parts"
	"clew/query/parts/partstest"
)

// BenchmarkTraceOfMany looks a trace up among 2,000 segments: the first time, when all are opened, and again; and with the trace index, which it also feeds.
func BenchmarkTraceOfMany(b *testing.B) {
	const n = 2000
	c, st := partstest.Many(b, n)
	ask := func(e *Engine, i int) {
		got, err := e.Trace(b.Context(), "default", telemetry.TraceID(partstest.Trace(i)), 0, 0)
		if err != nil || len(got.Spans) != 3 {
			b.Fatal(got, err)
		}
	}
	b.Run("first", func(b *testing.B) {
		var before, after runtime.MemStats
		for b.Loop() {
			runtime.GC()
			runtime.ReadMemStats(&before)
			e := newEngine(b, parts.NewSegments(c, st, segment.NewCache(64<<20, 0), nil, slog.New(slog.DiscardHandler)))
			ask(e, 12345)
			runtime.GC()
			runtime.ReadMemStats(&after)
			runtime.KeepAlive(e)
		}
		b.ReportMetric(float64(int64(after.HeapAlloc)-int64(before.HeapAlloc))/n, "B/segment")
		b.ReportMetric(float64(b.Elapsed().Microseconds())/float64(b.N)/n, "us/segment")
	})
	b.Run("again", func(b *testing.B) {
		e := newEngine(b, parts.NewSegments(c, st, segment.NewCache(64<<20, 0), nil, slog.New(slog.DiscardHandler)))
		ask(e, 12345)
		i := 0
		for b.Loop() {
			ask(e, i%(100*n))
			i += 7919
		}
		b.ReportMetric(float64(b.Elapsed().Microseconds())/float64(b.N)/n, "us/segment")
	})
	ix, err := traceindex.Open(b.TempDir(), traceindex.DefaultLimits(), slog.New(slog.DiscardHandler))
	if err != nil {
		b.Fatal(err)
	}
	defer ix.Close()
	began := time.Now()
	if _, err := traceindex.NewFeeder(ix, c, st, slog.New(slog.DiscardHandler)).Pass(b.Context()); err != nil {
		b.Fatal(err)
	}
	feeding := float64(time.Since(began).Microseconds()) / n
	indexed := func(b *testing.B) *Engine {
		source := parts.NewSegments(c, st, segment.NewCache(64<<20, 0), nil, slog.New(slog.DiscardHandler))
		source.UseTraces(ix)
		return newEngine(b, source)
	}
	b.Run("first by index", func(b *testing.B) {
		for b.Loop() {
			ask(indexed(b), 12345)
		}
		b.ReportMetric(feeding, "us-fed/segment")
	})
	b.Run("again by index", func(b *testing.B) {
		e := indexed(b)
		i := 0
		for b.Loop() {
			ask(e, i%(100*n))
			i += 7919
		}
	})
}

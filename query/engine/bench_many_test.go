package engine

import (
	"encoding/binary"
	"fmt"
	"log/slog"
	"runtime"
	"testing"
	"time"

	"go.opentelemetry.io/collector/pdata/pcommon"
	"go.opentelemetry.io/collector/pdata/ptrace"

	"clew/index/catalog"
	"clew/index/segment"
	"clew/index/store"
	"clew/index/table"
	"clew/index/traceindex"
	"clew/internal/telemetry"
)

// manySegments writes n segments of 300 spans of 100 traces each, a minute of time a segment, and the catalog that knows them.
func manySegments(b testing.TB, n int) (*catalog.Catalog, store.Store) {
	b.Helper()
	st, err := store.OpenDir(b.TempDir())
	if err != nil {
		b.Fatal(err)
	}
	cm := catalog.Commit{Version: catalog.CommitVersion, Reason: "seal"}
	for i := range n {
		t := table.New("h", telemetry.Spans, "default", 0)
		builder := telemetry.NewBuilder(telemetry.Spans, "default")
		builder.UseSet(pcommon.NewResource(), "", pcommon.NewInstrumentationScope(), "")
		for j := range 300 {
			s := ptrace.NewSpan()
			s.SetTraceID(manyTrace(i*100 + j/3))
			var span pcommon.SpanID
			binary.BigEndian.PutUint64(span[:], uint64(i*300+j+1))
			s.SetSpanID(span)
			s.SetName(fmt.Sprint("op ", j%7))
			s.SetStartTimestamp(pcommon.NewTimestampFromTime(testNow.Add(time.Duration(i)*time.Minute + time.Duration(j)*time.Millisecond)))
			s.Attributes().PutInt("n", int64(j))
			s.Attributes().PutStr("url", fmt.Sprint("/a/b", j%13))
			builder.AppendSpan(s, testNow)
		}
		batch := builder.Build()
		if err := t.Append(batch, nil); err != nil {
			b.Fatal(err)
		}
		batch.Release()
		p := sealed(b, st, nil, t.Snapshot())
		info := p.Info()
		cm.Added = append(cm.Added, catalog.Segment{
			ID: info.ID, Signal: info.Signal, Tenant: info.Tenant, Rows: info.Rows, Records: info.Rows, MinTime: info.MinTime, MaxTime: info.MaxTime, Bytes: info.Bytes,
		})
	}
	c := catalog.New()
	if err := c.Apply(1, cm); err != nil {
		b.Fatal(err)
	}
	return c, st
}

func manyTrace(i int) (id pcommon.TraceID) {
	binary.BigEndian.PutUint64(id[:], uint64(i+1)*0x9E3779B97F4A7C15)
	binary.BigEndian.PutUint64(id[8:], uint64(i+1))
	return id
}

// BenchmarkTraceOfMany looks a trace up among 2,000 segments: the first time, when all are opened, and again; and with the trace index, which it also feeds.
func BenchmarkTraceOfMany(b *testing.B) {
	const n = 2000
	c, st := manySegments(b, n)
	ask := func(e *Engine, i int) {
		got, err := e.Trace(b.Context(), "default", telemetry.TraceID(manyTrace(i)), 0, 0)
		if err != nil || len(got.Spans) != 3 {
			b.Fatal(got, err)
		}
	}
	b.Run("first", func(b *testing.B) {
		var before, after runtime.MemStats
		for b.Loop() {
			runtime.GC()
			runtime.ReadMemStats(&before)
			e := newEngine(b, NewSegments(c, st, segment.NewCache(64<<20, 0), nil, slog.New(slog.DiscardHandler)))
			ask(e, 12345)
			runtime.GC()
			runtime.ReadMemStats(&after)
			runtime.KeepAlive(e)
		}
		b.ReportMetric(float64(int64(after.HeapAlloc)-int64(before.HeapAlloc))/n, "B/segment")
		b.ReportMetric(float64(b.Elapsed().Microseconds())/float64(b.N)/n, "us/segment")
	})
	b.Run("again", func(b *testing.B) {
		e := newEngine(b, NewSegments(c, st, segment.NewCache(64<<20, 0), nil, slog.New(slog.DiscardHandler)))
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
		source := NewSegments(c, st, segment.NewCache(64<<20, 0), nil, slog.New(slog.DiscardHandler))
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

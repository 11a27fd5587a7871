package traceindex

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"testing"
	"time"

	"clew/index/catalog"
	"clew/internal/telemetry"
)

// BenchmarkLookup picks the segments of a trace among 100,000 of 100 traces each, fed by thousands as a feeder does after it was lost.
func BenchmarkLookup(b *testing.B) {
	const segments, traces = 100_000, 100
	w := newWorld(b, DefaultLimits())
	began, adding := time.Now(), time.Duration(0)
	cm := catalog.Commit{Version: catalog.CommitVersion, Epoch: 1, Reason: "seal"}
	var asked []uint64
	for at := 0; at < segments; at += batchSegments {
		var batch []Traces
		for n := at; n < min(at+batchSegments, segments); n++ {
			t := Traces{Segment: fmt.Sprintf("0-spans-20261121T120000.000000000Z-%016x", w.random.Uint64()), Hashes: make([]uint32, traces)}
			for i := range t.Hashes {
				trace := w.random.Uint64()
				t.Hashes[i] = hashOf(trace)
				if n%100 == 0 && i == 0 {
					asked = append(asked, trace)
				}
			}
			slices.Sort(t.Hashes)
			t.Hashes = slices.Compact(t.Hashes)
			batch = append(batch, t)
			cm.Added = append(cm.Added, catalog.Segment{
				ID: t.Segment, Signal: telemetry.Spans, Tenant: "default", Rows: 1, Records: 1, Bytes: 1, MinTime: int64(n), MaxTime: int64(n),
			})
		}
		add := time.Now()
		if err := w.index.add(batch); err != nil {
			b.Fatal(err)
		}
		if err := w.index.tidy(b.Context(), func(string) bool { return true }); err != nil {
			b.Fatal(err)
		}
		adding += time.Since(add)
	}
	if err := w.catalog.Apply(1, cm); err != nil {
		b.Fatal(err)
	}
	s := w.index.Stats()
	b.Logf("%d entries in %d runs, %d bytes on disk, about %d in memory; made in %v (of %v)", s.Entries, s.Runs, s.Bytes, s.Memory, adding, time.Since(began))
	v := w.catalog.Acquire()
	defer v.Release()
	all := v.Segments("default", telemetry.Spans, 0, segments)
	pick := func(b *testing.B, trace uint64) int {
		return len(w.index.Pick(v, "default", telemetry.Spans, all, []uint64{trace}))
	}
	b.Run("there", func(b *testing.B) {
		more := 0
		for i := 0; b.Loop(); i++ {
			more += pick(b, asked[i%len(asked)]) - 1
		}
		b.ReportMetric(float64(more)/float64(b.N), "false/op")
	})
	b.Run("nowhere", func(b *testing.B) {
		more := 0
		for b.Loop() {
			more += pick(b, rand.Uint64())
		}
		b.ReportMetric(float64(more)/float64(b.N), "false/op")
	})
	b.Run("read", func(b *testing.B) { // without the pass over the segments
		more := 0
		for b.Loop() {
			trace := rand.Uint64()
			for _, r := range w.index.runs {
				if err := r.lookup(trace, func(string) { more++ }); err != nil {
					b.Fatal(err)
				}
			}
		}
		b.ReportMetric(float64(more)/float64(b.N), "false/op")
	})
	b.Run("new version", func(b *testing.B) {
		for b.Loop() {
			clear(w.index.lists)
			pick(b, rand.Uint64())
		}
	})
	b.Run("open", func(b *testing.B) {
		for b.Loop() {
			w.index.Close()
			w.open(DefaultLimits())
		}
	})
}

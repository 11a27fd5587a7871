package catalog

import (
	"flag"
	"fmt"
	"math"
	"math/rand/v2"
	"runtime"
	"testing"
	"time"

	"clew/internal/telemetry"
)

// manySegments is what a catalog of n segments holds: a week of them, of 3 signals and of tenants of whom one has half of all; one in a hundred holds
// records that are days older than the others'.
func manySegments(n int) []Segment {
	rng := rand.New(rand.NewPCG(1, 2))
	week := time.Date(2026, 1, 2, 0, 0, 0, 0, time.UTC)
	segments := make([]Segment, n)
	for i := range segments {
		at := week.Add(time.Duration(float64(i) / float64(n) * float64(7*24*time.Hour)))
		tenant := "default"
		if i%2 == 1 {
			tenant = fmt.Sprint("tenant-", rng.IntN(100))
		}
		s := Segment{
			ID:     fmt.Sprintf("%04d-%s-%s-%016x", i%4, telemetry.Signals[i/2%3], at.Format("20060102T150405.000000000Z"), rng.Uint64()),
			Signal: telemetry.Signals[i/2%3], Tenant: tenant, Rows: 1_000_000, Records: 1_000_000, Bytes: 50 << 20, Created: at,
			MinTime: at.Add(-15 * time.Minute).UnixNano(), MaxTime: at.UnixNano(),
		}
		if i%100 == 7 {
			s.MinTime = at.Add(-time.Duration(rng.IntN(72)) * time.Hour).UnixNano()
		}
		segments[i] = s
	}
	return segments
}

func manyCatalog(b *testing.B, n int) *Catalog {
	b.Helper()
	c := New()
	segments := manySegments(n)
	var seq uint64
	for len(segments) > 0 {
		k := min(len(segments), 5000)
		seq++
		cm := Commit{Version: CommitVersion, Reason: "seal", Last: c.Current().Shard(0).Last, Added: segments[:k]}
		for i := range cm.Added {
			cm.Added[i].Shard = 0
		}
		if err := c.Apply(seq, cm); err != nil {
			b.Fatal(err)
		}
		segments = segments[k:]
	}
	return c
}

// segments is how many a catalog has here: docs/scale.md has the figures of a million.
var segments = flag.Int("segments", 100_000, "of the catalog in benchmarks")

// BenchmarkPlan chooses the segments of a query.
func BenchmarkPlan(b *testing.B) {
	many := *segments
	c := manyCatalog(b, many)
	end := manySegments(many)[many-1].MaxTime
	for _, span := range []time.Duration{time.Hour, 24 * time.Hour, 7 * 24 * time.Hour} {
		for _, back := range []time.Duration{0, 3 * 24 * time.Hour} {
			b.Run(fmt.Sprintf("last=%v/back=%v", span, back), func(b *testing.B) {
				to := end - int64(back)
				found := 0
				for b.Loop() {
					v := c.Acquire()
					found = len(v.Segments("default", telemetry.Spans, to-int64(span), to))
					v.Release()
				}
				b.ReportMetric(float64(found), "segments")
			})
		}
	}
}

// BenchmarkApplyMany folds one commit after the other into a large catalog: seals, which add a segment to the newest, and merges, which put one into the place of
// eight. So the lists that change are the largest.
func BenchmarkApplyMany(b *testing.B) {
	for _, merge := range []bool{false, true} {
		b.Run(fmt.Sprintf("merge=%v", merge), func(b *testing.B) {
			c := manyCatalog(b, *segments)
			old := c.Current().Segments("default", telemetry.Spans, 0, math.MaxInt64)
			at := old[0].MaxTime
			n := 0
			for b.Loop() {
				n++
				at += int64(time.Second)
				seq := c.Current().Sequence()
				cm := Commit{Version: CommitVersion, Reason: "seal", Last: c.Current().Shard(0).Last, Added: []Segment{{
					ID: fmt.Sprintf("0000-spans-%08d", n), Signal: telemetry.Spans, Tenant: "default", Rows: 1_000_000, Records: 1_000_000, Bytes: 50 << 20, MinTime: at - int64(15*time.Minute), MaxTime: at,
				}}}
				if merge && len(old) > 8 {
					for _, s := range old[:8] {
						cm.Removed = append(cm.Removed, s.ID)
					}
					old = old[8:]
				}
				if err := c.Apply(seq+1, cm); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}

// BenchmarkSnapshot writes a large catalog down and loads it again, and says what it takes in memory.
func BenchmarkSnapshot(b *testing.B) {
	many := *segments
	c := manyCatalog(b, many)
	data, err := c.Current().Snapshot()
	if err != nil {
		b.Fatal(err)
	}
	b.Run("write", func(b *testing.B) {
		b.SetBytes(int64(len(data)))
		b.ReportMetric(float64(len(data))/float64(many), "stored-B/segment")
		for b.Loop() {
			if _, err := c.Current().Snapshot(); err != nil {
				b.Fatal(err)
			}
		}
	})
	b.Run("load", func(b *testing.B) {
		b.SetBytes(int64(len(data)))
		var loaded *Catalog
		for b.Loop() {
			loaded = New()
			if err := loaded.Load(data); err != nil {
				b.Fatal(err)
			}
		}
		var before, after runtime.MemStats
		runtime.GC()
		runtime.ReadMemStats(&after)
		if loaded.Current().Len() != many {
			b.Fatal("segments are missing")
		}
		loaded = nil
		runtime.GC()
		runtime.ReadMemStats(&before)
		b.ReportMetric(float64(int64(after.HeapAlloc)-int64(before.HeapAlloc))/float64(many), "B/segment")
	})
}

package ingest

import (
	"log/slog"
	"syscall"
	"testing"
	"time"

	"clew/ingest/shardlog"
	"clew/ingest/sources"
	"clew/internal/telemetry"
)

// BenchmarkIngest takes messages of 5,000 records from the log to committed segments: consumed, deduplicated, appended, sealed. The records are small;
// appending to the log and encoding are not measured.
func BenchmarkIngest(b *testing.B) {
	for name, make := range map[string]func(first, n int) *telemetry.Batch{
		"logs":  func(first, n int) *telemetry.Batch { return logBatch(tenant, first, n) },
		"spans": func(first, n int) *telemetry.Batch { return spanBatch(tenant, first, n) },
	} {
		b.Run(name, func(b *testing.B) {
			const messages, rows = 40, 5000
			var cpu, bytes int64
			for b.Loop() {
				b.StopTimer()
				dir := b.TempDir()
				r, err := newRig(b.Context(), dir, testConfig(), nil, slog.New(slog.DiscardHandler))
				if err != nil {
					b.Fatal(err)
				}
				r.settle(b)
				o := r.owner(0)
				r.stop() // the log stays closed: the owner is given its messages by hand
				var entries []shardlog.Entry
				bytes = 0
				for i := range messages {
					batch := make(i*rows, rows)
					m := shardlog.Message{Tenant: tenant, Signal: batch.Signal, Records: rows, Batch: encoded(b, batch)}
					bytes += int64(len(m.Batch))
					entries = append(entries, shardlog.Entry{Position: uint64(i + 1), Time: testTime, Message: m})
				}
				fresh := &owner{in: r.Ingest, epoch: 1, ctx: b.Context(), stop: func(error) {}, log: o.log, heads: map[headKey]*head{}}
				fresh.spans, fresh.sources = sources.NewSpans(sources.SpansRemembered), sources.New(nil)
				b.StartTimer()
				before := cpuTime(b)
				for _, e := range entries {
					if err := fresh.consume(e); err != nil {
						b.Fatal(err)
					}
				}
				for _, h := range fresh.allHeads() {
					g := h.freeze()
					if _, err := r.write(b.Context(), r.store, h, g); err != nil {
						b.Fatal(err)
					}
				}
				cpu += cpuTime(b) - before
			}
			b.SetBytes(bytes)
			b.ReportAllocs()
			b.ReportMetric(float64(messages*rows*b.N)/(float64(cpu)/1e9), "records/CPU-s")
		})
	}
}

// cpuTime is the process's, in nanoseconds.
func cpuTime(b *testing.B) int64 {
	b.Helper()
	var u syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &u); err != nil {
		b.Fatal(err)
	}
	return int64(time.Duration(u.Utime.Nano() + u.Stime.Nano()))
}

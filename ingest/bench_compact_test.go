package ingest

import (
	"fmt"
	"runtime"
	runtimemetrics "runtime/metrics"
	"syscall"
	"testing"
	"time"

	"clew/internal/telemetry"
)

func processCPU(b *testing.B) time.Duration {
	b.Helper()
	var u syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &u); err != nil {
		b.Fatal(err)
	}
	return time.Duration(u.Utime.Nano() + u.Stime.Nano())
}

func heapBytes() uint64 {
	s := []runtimemetrics.Sample{{Name: "/memory/classes/heap/objects:bytes"}}
	runtimemetrics.Read(s)
	return s[0].Value.Uint64()
}

// BenchmarkCompact merges 100 segments of 4,000 records each and says how much of a core and of the heap that took.
func BenchmarkCompact(b *testing.B) {
	for _, share := range []float64{1, 0.25, 0.1} {
		for signal, batch := range map[telemetry.Signal]func(string, int, int) *telemetry.Batch{telemetry.Logs: logBatch, telemetry.Spans: spanBatch} {
			b.Run(fmt.Sprintf("%s/share=%v", signal, share), func(b *testing.B) {
				cfg := testConfig()
				r := openRig(b, b.TempDir(), cfg, nil)
				for i := range 100 {
					r.send(b, batch(tenant, i*4000, 4000))
					if err := r.Seal(b.Context()); err != nil {
						b.Fatal(err)
					}
				}
				r.cfg.Compaction.Share = share
				runtime.GC()
				before, peak := heapBytes(), uint64(0)
				done := make(chan struct{})
				stopped := make(chan struct{})
				go func() {
					defer close(stopped)
					for {
						select {
						case <-done:
							return
						case <-time.After(5 * time.Millisecond):
							peak = max(peak, heapBytes())
						}
					}
				}()
				b.ResetTimer()
				cpu, began := processCPU(b), time.Now()
				n, err := r.Compact(b.Context(), closed())
				if err != nil || n == 0 {
					b.Fatal(n, err)
				}
				took := time.Since(began)
				cpu = processCPU(b) - cpu
				close(done)
				<-stopped
				b.ReportMetric(cpu.Seconds()/took.Seconds(), "cores")
				b.ReportMetric(400_000/cpu.Seconds(), "records/cpu-s")
				b.ReportMetric(float64(peak-min(before, peak))/(1<<20), "MiB")
				b.ReportMetric(float64(n), "merges")
			})
		}
	}
}

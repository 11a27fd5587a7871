package shardlog_test

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"clew/ingest/shardlog"
	"clew/internal/telemetry"
)

// payload is a message with size bytes that do not compress, with a source.
func payload(size int) *shardlog.Message {
	m := &shardlog.Message{
		Tenant: "default", Signal: telemetry.Logs, Records: size / 200,
		Sources: []shardlog.SourceSeq{{ID: "bench", Seq: 1, Count: uint32(size / 200)}},
		Batch:   make([]byte, size),
	}
	r := rand.NewChaCha8([32]byte{1})
	_, _ = r.Read(m.Batch)
	return m
}

// cpuSeconds is what this process has used of the CPU.
func cpuSeconds() float64 {
	var u unix.Rusage
	if err := unix.Getrusage(unix.RUSAGE_SELF, &u); err != nil {
		panic(err)
	}
	return time.Duration(u.Utime.Nano() + u.Stime.Nano()).Seconds()
}

// BenchmarkAppend appends from one and from eight goroutines, and trims as an owner would. It reports CPU per MB, the
// server's included.
func BenchmarkAppend(b *testing.B) {
	for _, size := range []int{64 << 10, 256 << 10, 1 << 20, 4<<20 - 4096} {
		for _, workers := range []int{1, 8} {
			b.Run(fmt.Sprintf("%dKB/%d", size>>10, workers), func(b *testing.B) {
				e := open(b, small(b.TempDir()))
				m := payload(size)
				b.SetBytes(int64(size))
				b.ReportAllocs()
				cpu := cpuSeconds()
				b.ResetTimer()
				var left atomic.Int64
				left.Store(int64(b.N))
				var wg sync.WaitGroup
				for range workers {
					wg.Go(func() {
						for left.Add(-1) >= 0 {
							p, err := e.Append(b.Context(), 0, m)
							if err != nil {
								b.Error(err)
								return
							}
							if every := shardlog.Position(64 << 20 / size); p%every == 0 {
								if err := e.Trim(b.Context(), 0, p-every/2); err != nil {
									b.Error(err)
								}
							}
						}
					})
				}
				wg.Wait()
				b.StopTimer()
				b.ReportMetric((cpuSeconds()-cpu)*1000/(float64(b.N)*float64(size)/1e6), "cpu-ms/MB")
			})
		}
	}
}

// BenchmarkConsume replays 256 MB.
func BenchmarkConsume(b *testing.B) {
	const total = 256 << 20
	for _, size := range []int{64 << 10, 256 << 10, 1 << 20} {
		b.Run(fmt.Sprintf("%dKB", size>>10), func(b *testing.B) {
			e := open(b, small(b.TempDir()))
			m := payload(size)
			var wg sync.WaitGroup
			for range 4 {
				wg.Go(func() {
					for range total / size / 4 {
						if _, err := e.Append(b.Context(), 0, m); err != nil {
							b.Error(err)
						}
					}
				})
			}
			wg.Wait()
			b.SetBytes(total)
			b.ReportAllocs()
			cpu := cpuSeconds()
			b.ResetTimer()
			for range b.N {
				n := 0
				err := e.Consume(context.Background(), 0, 0, func(en shardlog.Entry) error {
					if n++; n == total/size {
						return errStop
					}
					return en.Damage
				})
				if !errors.Is(err, errStop) {
					b.Fatal(err)
				}
			}
			b.StopTimer()
			b.ReportMetric((cpuSeconds()-cpu)*1000/(float64(b.N)*total/1e6), "cpu-ms/MB")
		})
	}
}

var errStop = errors.New("stop")

package engine

import (
	"math/rand/v2"
	"testing"
	"time"

	"clew/internal/telemetry"
	"clew/query/engine/sched"
)

// What tests of several processes use (cluster_test.go), which import packages that import this one.

// TestNow is the time of the random records and queries.
var TestNow = testNow

// RandomQuery is a random query about random records.
func RandomQuery(rng *rand.Rand, signal telemetry.Signal) string { return randomQuery(rng, signal, 3) }

// RandomBatches are n random records, in batches. Spans are of few traces each.
func RandomBatches(rng *rand.Rand, signal telemetry.Signal, n, batches int) (out []*telemetry.Batch, times []int64) {
	records := randomRecords(rng, signal, n)
	for _, r := range records {
		times = append(times, r.time)
	}
	for i := range batches {
		some := records[i*n/batches : (i+1)*n/batches]
		if signal == telemetry.Spans {
			out = append(out, spanBatch(toTraces(some)))
		} else {
			out = append(out, logBatch(toLogs(some)))
		}
	}
	return out, times
}

// UseNow makes a time the engine's.
func (e *Engine) UseNow(t testing.TB, now time.Time) {
	t.Helper()
	e.now = func() time.Time { return now }
}

// Describe are all values of a record.
func Describe(r Record) string { return describe(r) }

// UseLimits changes the engine's limits.
func (e *Engine) UseLimits(change func(*Limits)) { change(&e.limits) }

// UseMemory makes all queries together take so many bytes at the most.
func (e *Engine) UseMemory(bytesMax int64) { e.memory = sched.NewMemory(bytesMax) }

// MemoryUsed is how many bytes queries have taken.
func (e *Engine) MemoryUsed() int64 { return e.memory.Used() }

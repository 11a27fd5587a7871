package main

import (
	"os"
	"runtime"
	"runtime/debug"
	"runtime/metrics"
)

const (
	// heapTarget is the heap, garbage included, up to which it may double between collections. What lives is mostly columns, which have no
	// pointers: collecting them more often is cheap, and doubling them would be most of the process's memory. Go keeps a tenth more than the heap's target from the
	// system, so that this decides the peak: 32 MiB more here were 40 MB more there.
	heapTarget = 368 << 20
	// garbageMin is how much garbage there may be, however much lives: at a gigabyte a second of allocations it is collected twelve times a second, which
	// costs little, since of a heap so large most are columns and lines.
	garbageMin = 84 << 20
	// gcPercentMin bounds what collecting may cost when gigabytes live.
	gcPercentMin = 10
	gcPercentMax = 100
)

// paceCollector makes the garbage collector run earlier when much is alive: after each collection it sets when the next one comes. An operator
// who sets GOGC has decided.
func paceCollector() {
	if os.Getenv("GOGC") != "" {
		return
	}
	paceAfterNext(&pacer{sample: []metrics.Sample{{Name: "/gc/heap/live:bytes"}}, percent: gcPercentMax})
}

type pacer struct {
	sample  []metrics.Sample
	percent int
}

// paceAfterNext leaves an object behind that nobody holds, so its finalizer runs once per collection.
func paceAfterNext(p *pacer) {
	type cycle struct{ p *pacer }
	runtime.SetFinalizer(&cycle{p}, func(c *cycle) {
		c.p.pace()
		paceAfterNext(c.p)
	})
}

func (p *pacer) pace() {
	metrics.Read(p.sample)
	if p.sample[0].Value.Kind() != metrics.KindUint64 {
		return
	}
	percent := gcPercent(p.sample[0].Value.Uint64())
	// Setting it stops the world for a moment: not for a little.
	if d := percent - p.percent; d > 5 || d < -5 {
		p.percent = percent
		debug.SetGCPercent(percent)
	}
}

// gcPercent is how much the heap may grow, in percent of what is alive.
func gcPercent(live uint64) int {
	garbage := max(heapTarget-int64(live), garbageMin)
	return int(min(max(garbage*100/max(int64(live), 1), gcPercentMin), gcPercentMax))
}

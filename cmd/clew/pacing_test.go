package main

import (
	"runtime"
	"runtime/debug"
	"testing"
	"time"
)

func TestGCPercent(t *testing.T) {
	for _, c := range []struct {
		live uint64
		want int
	}{{0, 100}, {100 << 20, 100}, {180 << 20, 100}, {200 << 20, 84}, {250 << 20, 47}, {320 << 20, 26}, {400 << 20, 21}, {500 << 20, 16}, {4 << 30, gcPercentMin}} {
		if have := gcPercent(c.live); have != c.want {
			t.Errorf("gcPercent(%d MiB) = %d, want %d", c.live>>20, have, c.want)
		}
	}
}

func TestPaceCollector(t *testing.T) {
	t.Setenv("GOGC", "")
	defer debug.SetGCPercent(debug.SetGCPercent(100))
	paceCollector()
	held := make([]byte, 380<<20)
	for i := 0; i < len(held); i += 4096 {
		held[i] = 1
	}
	want := gcPercent(uint64(len(held)))
	deadline := time.Now().Add(10 * time.Second)
	for {
		runtime.GC()
		percent := debug.SetGCPercent(-1)
		debug.SetGCPercent(percent)
		if percent <= want && percent >= gcPercentMin {
			break
		}
		if time.Now().After(deadline) {
			t.Fatalf("percent %d with %d MiB alive, want %d", percent, len(held)>>20, want)
		}
		time.Sleep(10 * time.Millisecond)
	}
	runtime.KeepAlive(held)
}

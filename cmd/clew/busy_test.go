package main

import (
	"testing"
	"time"

	"clew/ingest/shardlog"
)

func TestBusy(t *testing.T) {
	refused := map[string]uint64{"disk": 0}
	b := &busy{stats: func() shardlog.Stats { return shardlog.Stats{Refused: refused} }}
	now := time.Unix(1000, 0)
	for _, step := range []struct {
		after   time.Duration
		refused uint64
		want    string
	}{
		{0, 0, ""}, {time.Second, 3, "admission"}, {busyFor - time.Second, 3, "admission"}, {time.Second, 3, ""}, {time.Minute, 3, ""}, {0, 4, "admission"},
	} {
		now = now.Add(step.after)
		refused["disk"] = step.refused
		if got := b.why(now); got != step.want {
			t.Errorf("%d refused at %v: %q, want %q", step.refused, now, got, step.want)
		}
	}
}

package main

import (
	"sync"
	"time"

	"clew/ingest/shardlog"
)

// busyFor is how long background work keeps still after a sender was told to wait.
const busyFor = 5 * time.Second

// busy says when senders are being told to wait because the log has no room: nothing else should write then.
type busy struct {
	stats func() shardlog.Stats

	mu      sync.Mutex
	refused uint64
	since   time.Time // of the last refusal that was noticed
}

// why is ingest.Deps.Busy.
func (b *busy) why(now time.Time) string {
	var refused uint64
	for _, n := range b.stats().Refused {
		refused += n
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	if refused != b.refused {
		b.refused, b.since = refused, now
	}
	if !b.since.IsZero() && now.Sub(b.since) < busyFor {
		return "admission"
	}
	return ""
}

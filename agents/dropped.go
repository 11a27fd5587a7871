package agents

import "sync/atomic"

// Dropped counts what sampling drops.
type Dropped struct{ Logs, Spans atomic.Int64 }

// Count is a sample.Dropped.
func (d *Dropped) Count(signal string, n int) {
	if signal == "spans" {
		d.Spans.Add(int64(n))
	} else {
		d.Logs.Add(int64(n))
	}
}

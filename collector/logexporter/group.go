package logexporter

import (
	"sync"
	"time"

	"clew/internal/telemetry"
)

// key says which records may share a message.
type key struct {
	signal telemetry.Signal
	tenant string
}

// group gathers the records of many requests into one message. It goes through three states: open (requests add
// records), closed (taken by a writer, or given up), done (err is set, every request that added to it is told).
type group struct {
	key    key
	opened time.Time

	mu       sync.Mutex
	builder  *telemetry.Builder // spans and logs
	otlp     []byte             // metrics: concatenated OTLP requests, which is how protobuf merges them
	records  int
	bytes    int // encoded, estimated
	requests int
	full     bool // no more records are added: a writer should take it at once
	closed   bool

	done chan struct{}
	err  error // valid after done
}

// close ends the adding of records. It reports whether the caller is the one who did.
func (g *group) close() bool {
	g.mu.Lock()
	defer g.mu.Unlock()
	if g.closed {
		return false
	}
	g.closed = true
	return true
}

// finish tells all waiting requests. Only the one who closed the group calls it, once.
func (g *group) finish(err error) {
	g.err = err
	close(g.done)
}

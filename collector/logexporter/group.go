package logexporter

import (
	"sync"
	"time"

	"clew/ingest/shardlog"
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
	runs     []run // of the records, in their order
	full     bool  // no more records are added: a writer should take it at once
	closed   bool

	done chan struct{}
	err  error // valid after done
}

// run is the records that one request has added to a group.
type run struct {
	source string // of a numbered batch; empty: of none
	seq    uint64
	first  uint32 // records of the batch that are in earlier groups
	count  uint32
}

// sources names the runs' batches for the log. Records of no numbered batch are the writer's own batch seq, so that its repeated append is known.
func sources(runs []run, writer string, seq uint64) []shardlog.SourceSeq {
	list := make([]shardlog.SourceSeq, 0, 1)
	var own uint32
	for _, r := range runs {
		switch n := len(list); {
		case r.source != "":
			list = append(list, shardlog.SourceSeq{ID: r.source, Seq: r.seq, First: r.first, Count: r.count})
		case n > 0 && list[n-1].ID == writer:
			list[n-1].Count += r.count
			own += r.count
		default:
			list = append(list, shardlog.SourceSeq{ID: writer, Seq: seq, First: own, Count: r.count})
			own += r.count
		}
	}
	return list
}

// cutRuns cuts runs after n records.
func cutRuns(runs []run, n int) (before, after []run) {
	for i, r := range runs {
		if n < int(r.count) {
			after = append(after, runs[i:]...)
			after[0].first += uint32(n)
			after[0].count -= uint32(n)
			if n > 0 {
				r.count = uint32(n)
				before = append(before, r)
			}
			return before, after
		}
		n -= int(r.count)
		before = append(before, r)
	}
	return before, nil
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

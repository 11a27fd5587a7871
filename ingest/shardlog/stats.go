package shardlog

import (
	"sync/atomic"
	"time"
)

// The reasons of FullError and of Stats.Refused.
const (
	ReasonDisk  = "disk"  // the free-space watermark, or a disk that is full
	ReasonBytes = "bytes" // the shard's stream has reached its size
	ReasonBack  = "back"  // the shard's stream has stepped back behind what was read of it
	ReasonAway  = "away"  // NATS runs elsewhere and cannot be reached, or the shard's stream has no leader
)

// AppendSecondsBuckets are the upper bounds of Stats.AppendBuckets, in seconds; above the last is one more bucket.
var AppendSecondsBuckets = [...]float64{0.0005, 0.001, 0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1, 2, 5, 10}

// Stats are counters since Open, and the state of the disk.
type Stats struct {
	Appends       uint64 // acknowledged
	AppendBytes   uint64 // of the acknowledged, envelopes included
	AppendSeconds float64
	AppendBuckets [len(AppendSecondsBuckets) + 1]uint64 // not cumulative
	Unknown       uint64                                // appends without an answer
	Refused       map[string]uint64                     // appends refused, by FullError.Reason
	Consumed      uint64                                // entries given to consumers
	ConsumedBytes uint64
	Damaged       uint64            // entries that were damaged, missing or of an unknown version
	Anomalies     map[string]uint64 // what the log must not do, by reason
	Commits       uint64
	Fenced        uint64 // commits that met a newer one
	Restarts      uint64 // of the embedded server, after a write error
	Stuck         bool   // a write failed, appends are refused until the restart
	FreeBytes     int64  // on the log's file system
	FreeBytesMin  int64  // the watermark
}

type counters struct {
	appends, appendBytes, appendNanos  atomic.Uint64
	appendBuckets                      [len(AppendSecondsBuckets) + 1]atomic.Uint64
	unknown, refusedDisk, refusedBytes atomic.Uint64
	refusedAway, refusedBack           atomic.Uint64
	consumed, consumedBytes, damaged   atomic.Uint64
	commits, fenced, restarts          atomic.Uint64
	anomalyCounts
}

func (c *counters) appended(bytes int, took time.Duration) {
	c.appends.Add(1)
	c.appendBytes.Add(uint64(bytes))
	c.appendNanos.Add(uint64(took))
	i := 0
	for i < len(AppendSecondsBuckets) && took.Seconds() > AppendSecondsBuckets[i] {
		i++
	}
	c.appendBuckets[i].Add(1)
}

func (c *counters) refused(reason string) {
	switch reason {
	case ReasonDisk:
		c.refusedDisk.Add(1)
	case ReasonBytes:
		c.refusedBytes.Add(1)
	case ReasonAway:
		c.refusedAway.Add(1)
	case ReasonBack:
		c.refusedBack.Add(1)
	}
}

func (c *counters) stats() Stats {
	s := Stats{
		Appends: c.appends.Load(), AppendBytes: c.appendBytes.Load(),
		AppendSeconds: time.Duration(c.appendNanos.Load()).Seconds(),
		Unknown:       c.unknown.Load(),
		Refused:       map[string]uint64{ReasonDisk: c.refusedDisk.Load(), ReasonBytes: c.refusedBytes.Load(), ReasonAway: c.refusedAway.Load(), ReasonBack: c.refusedBack.Load()},
		Consumed:      c.consumed.Load(), ConsumedBytes: c.consumedBytes.Load(), Damaged: c.damaged.Load(), Anomalies: c.byReason(),
		Commits: c.commits.Load(), Fenced: c.fenced.Load(), Restarts: c.restarts.Load(),
	}
	for i := range s.AppendBuckets {
		s.AppendBuckets[i] = c.appendBuckets[i].Load()
	}
	return s
}

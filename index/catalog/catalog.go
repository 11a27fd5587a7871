// Package catalog is the fold of the commits: which segments exist, and up to which log position each shard's signals and tenants
// are in them. It knows nothing of how commits travel.
package catalog

import (
	"time"

	"clew/internal/telemetry"
)

// Key names what positions are kept for.
type Key struct {
	Shard  int
	Signal telemetry.Signal
	Tenant string
}

// Segment is what the catalog knows of a segment.
type Segment struct {
	ID      string           `json:"id"` // object names are derived from it: see index/segment
	Shard   int              `json:"shard"`
	Signal  telemetry.Signal `json:"signal"`
	Tenant  string           `json:"tenant"`
	Rows    int              `json:"rows"`
	Records int              `json:"records"` // as rows, but for metrics the points
	MinTime int64            `json:"minTime"` // of the ordering time, nanoseconds
	MaxTime int64            `json:"maxTime"`
	Bytes   int64            `json:"bytes"` // both objects
	Created time.Time        `json:"created"`
}

// Position is how far a key's messages are in segments.
type Position struct {
	Signal   telemetry.Signal `json:"signal"`
	Tenant   string           `json:"tenant"`
	Position uint64           `json:"position"`
}

// Source is the last batch of a source that was consumed, for deduplication after a restart.
type Source struct {
	ID   string `json:"id"`
	Seq  uint64 `json:"seq"`
	Seen int64  `json:"seen"` // nanoseconds, log time
}

// Commit changes the catalog in one step. It is written as JSON: a commit is small, rare and read by people at 3 a.m.
type Commit struct {
	Version   int        `json:"version"` // 1
	Shard     int        `json:"shard"`
	Epoch     uint64     `json:"epoch"`
	Time      time.Time  `json:"time"`
	Reason    string     `json:"reason"` // seal, retention, compact, delete
	Added     []Segment  `json:"added,omitempty"`
	Removed   []string   `json:"removed,omitempty"`
	Positions []Position `json:"positions,omitempty"`
	Sources   []Source   `json:"sources,omitempty"` // all that the owner remembers, replacing the earlier list
}

// Package catalog is the fold of the commits: which segments exist, and up to which log position each shard's signals and tenants
// are in them. It knows nothing of how commits travel.
//
// One goroutine applies commits in their order; any number read. A reader acquires a [Version], immutable and never locked, and
// releases it. Each version holds its successor until it is dead itself, so versions die in order, and what a commit removed is
// reported ([Catalog.OnDead]) only once no reader can still meet it: then its objects may be deleted.
//
// Each commit names the shard's commit before it (Last). The log checks that when the commit is published, which is the fence between owners,
// and the catalog checks it again when the commit is applied, so a stream with a hole is an error and never a smaller answer.
package catalog

import (
	"time"

	"clew/internal/telemetry"
)

// CommitVersion is the newest version of the form of commits; earlier ones are read too. A commit is written in the oldest one that can say what it says (LeastVersion).
//
//	1  the first
//	2  a segment's level, and what a deletion took
//	3  how far a source's last batch was consumed, and what came of it in all
//	4  down-sampled metrics: a segment's resolution, what is sampled, and cuts
//	5  losses
//	6  losses that were accepted
const (
	CommitVersion         = 6
	commitVersionPlain    = 4
	commitVersionLost     = 5
	commitVersionAccepted = 6
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
	// Created is when its records were written: of a segment made of others, the latest of theirs. Retention counts from it.
	Created time.Time `json:"created"`
	// Level is how often its records have been rewritten by compaction, at the most: 0 as sealed.
	Level int `json:"level,omitempty"`
	// Resolution is the width of the windows that metrics are down-sampled to; 0: points as they came.
	Resolution time.Duration `json:"resolution,omitempty"`
	// Sampled says that all it holds is in segments of the next coarser resolution too (see sampled.go).
	Sampled bool `json:"sampled,omitempty"`
}

// Position is how far a key's messages are in segments.
type Position struct {
	Signal   telemetry.Signal `json:"signal"`
	Tenant   string           `json:"tenant"`
	Position uint64           `json:"position"`
}

// Source is the last batch of a source that was consumed, for deduplication after a restart, and the account of the source in this shard.
type Source struct {
	ID   string `json:"id"`
	Seq  uint64 `json:"seq"`
	Seen int64  `json:"seen"`           // nanoseconds, log time
	Part uint32 `json:"part,omitempty"` // records of batch Seq that were consumed; 0: all
	// First is the first batch that was consumed (0: not known); Stored and Repeated are the records consumed since, and dropped as repetitions.
	First    uint64 `json:"first,omitempty"`
	Stored   uint64 `json:"stored,omitempty"`
	Repeated uint64 `json:"repeated,omitempty"`
}

// Commit changes the catalog in one step. It is written as JSON: a commit is small, rare and read by people at 3 a.m.
type Commit struct {
	Version int       `json:"version"` // of what was read; Encode writes LeastVersion
	Shard   int       `json:"shard"`
	Epoch   uint64    `json:"epoch"`
	Last    uint64    `json:"last"` // the shard's commit before this one; 0: none
	Time    time.Time `json:"time"`
	Reason  string    `json:"reason"` // own, seal, retention, compact, downsample, delete, checkpoint, lost

	Added   []Segment `json:"added,omitempty"`
	Removed []string  `json:"removed,omitempty"`

	// Floor is the log position up to which every message of the shard is in segments, whatever its key: a replay starts after it.
	Floor     uint64     `json:"floor"`
	Positions []Position `json:"positions,omitempty"` // of keys that are further than Floor; the others keep theirs
	Sources   []Source   `json:"sources,omitempty"`   // all that the owner remembers as of Floor, replacing the earlier list

	Deleted *Deleted `json:"deleted,omitempty"` // reason delete

	Sampled []string `json:"sampled,omitempty"` // segments that are so from now on: reason downsample
	Cuts    []Cut    `json:"cuts,omitempty"`    // reason retention

	Lost []Loss `json:"lost,omitempty"` // of the shard's log, noticed since the commit before
}

// Deleted is what one commit took out for a deletion (see ingest): the catalog sums it up by job, in the same step as it changes the segments, so
// that the count is right wherever a crash cuts.
type Deleted struct {
	Job     string `json:"job"`
	Records int64  `json:"records"`
}

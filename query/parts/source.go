package parts

import (
	"context"
	"time"

	"clew/index"
	"clew/index/catalog"
	"clew/internal/telemetry"
)

// View is everything that holds records of a tenant and signal in a time range, at one moment: no record is in two parts.
type View struct {
	Parts []index.Part
	// Stages says of each part what it is beside others of the same points, and Cut from where on all of a resolution is there (catalog.Version.Cut), in nanoseconds.
	// Both are nil unless the scope asks for Resolutions: then no point is in two parts.
	Stages []Stage
	Cut    func(resolution time.Duration) int64
	// Left are the segments that Scope.Leave left to others.
	Left []Left
	// Version is the catalog's sequence that the view is of.
	Version uint64
	// Skipped are the segments that are not in the view because they hold none of the scope's traces.
	Skipped int
	// Partial says why the view is not everything; empty if it is.
	Partial []string
	// Release ends the use of the parts. It is called once.
	Release func()
}

// Left is a segment that is not among a view's parts.
type Left struct {
	Segment *catalog.Segment
	At      int // how many of the view's parts come before it
}

// Stage is what a part of metrics is beside others of the same points (index/catalog says how they belong together).
type Stage struct {
	Resolution time.Duration // the width of the windows; 0: points as they came
	Sampled    bool          // all of it is in parts of the next coarser resolution too
}

// Scope is which records a view is for. Parts may hold others too, and need not be in the view if they hold no others.
type Scope struct {
	Tenant   string
	Signal   telemetry.Signal
	From, To int64 // nanoseconds, both inclusive
	// Traces are the hashes (vocabulary.Hash) of trace ids, of which each record has one; nil: it may have any or none.
	Traces []uint64
	// Resolutions asks for down-sampled metrics too, beside the points as they came.
	Resolutions bool
	// Leave, if it is not nil, says which of the segments are left out, because others read them. They are told in View.Left.
	Leave func(segments []*catalog.Segment) []bool
	// Share is what of these records is meant; nil: all of them. It leaves nothing.
	Share *Share
}

// Source gives views. View is called concurrently. What cannot be read is left out and named in Partial; an error means that nothing can be said at all.
type Source interface {
	View(ctx context.Context, scope Scope) (*View, error)
}

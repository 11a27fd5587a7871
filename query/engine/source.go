package engine

import (
	"context"

	"clew/index"
	"clew/internal/telemetry"
)

// View is everything that holds records of a tenant and signal in a time range, at one moment: no record is in two parts.
type View struct {
	Parts []index.Part
	// Version is the catalog's sequence that the view is of.
	Version uint64
	// Partial says why the view is not everything; empty if it is.
	Partial []string
	// Release ends the use of the parts. It is called once.
	Release func()
}

// Source gives views. View is called concurrently. from and to are nanoseconds, both inclusive; parts may hold records outside. What cannot
// be read is left out and named in Partial; an error means that nothing can be said at all.
type Source interface {
	View(ctx context.Context, tenant string, signal telemetry.Signal, from, to int64) (*View, error)
}

// Package deletion is the record of deletions by query: requests and their outcomes, as objects in the store of the segments.
//
// A deletion is two objects, written once each: the request, durable before it is answered, and the outcome. Together they are the audit record. A request
// without an outcome is a job to be done, whatever crashes lie between.
//
// Where several processes own shards, the store that they share is how they agree. Each does what is to be done in the shards that it owns, and
// writes down a part for each of them (part.go); who finds that no shard lacks its part writes the outcome.
package deletion

import (
	"fmt"
	"time"

	"clew/internal/telemetry"
)

const (
	// Prefix begins the names of both.
	Prefix        = "deletions/"
	requestSuffix = ".request"
	outcomeSuffix = ".outcome"
	// Version is the version of the form in which they are written. Requests of the second one are carried out in parts: a program that knows only the first would say that they are
	// done when it has done its own part, and passes them over.
	Version      = 2
	versionAlone = 1
)

// Request is a request to delete records: log records or spans of a tenant that match a query, and whose time is in a range.
//
// What it covers is everything that was acknowledged before it was requested, wherever it is by then. What arrives while it runs may be taken too, but
// nothing whose time is after the request's.
type Request struct {
	Version   int              `json:"version"`
	ID        string           `json:"id"` // ids sort by time
	Tenant    string           `json:"tenant"`
	Signal    telemetry.Signal `json:"signal"`
	Query     string           `json:"query"`
	From      int64            `json:"from"` // nanoseconds, inclusive; 0 is unbounded
	To        int64            `json:"to"`   // exclusive; at most right after Requested
	Requested time.Time        `json:"requested"`
	By        string           `json:"by"` // who asked, as far as is known
	// Shards is how many shards there were, each of which has a part in it; 0: it was asked of a process that owned all.
	Shards int `json:"shards,omitempty"`
}

// Outcome is what became of a deletion.
type Outcome struct {
	Version  int       `json:"version"`
	ID       string    `json:"id"`
	Finished time.Time `json:"finished"`
	Records  int64     `json:"records"` // that are gone
	// Damaged says what could not be read, so that it is not known whether it holds records that match.
	Damaged []string `json:"damaged,omitempty"`
}

// State is a deletion and how far it has got.
type State struct {
	Request
	Outcome *Outcome // nil: not done yet
	Records int64    // that are gone so far
	Parts   []int    // shards that are done, ascending; not known of what is done as a whole
	Error   string   // why the last attempt failed; it is repeated
}

// RefusedError says why a deletion is not begun.
type RefusedError struct{ What string }

func (e *RefusedError) Error() string { return e.What }

// Check says what is wrong with a request: nil, a *RefusedError, or that it is of another version.
func (r *Request) Check() error {
	if r.Version < versionAlone || r.Version > Version {
		return fmt.Errorf("version %d: this program knows %d to %d", r.Version, versionAlone, Version)
	}
	if r.Signal != telemetry.Logs && r.Signal != telemetry.Spans {
		return &RefusedError{fmt.Sprintf("%v can't be deleted by query: a row of them is many points", r.Signal)}
	}
	if r.Query == "" || len(r.Query) > queryBytesMax {
		return &RefusedError{fmt.Sprintf("query of %d bytes: want 1 to %d; * is everything", len(r.Query), queryBytesMax)}
	}
	if len(r.By) > byBytesMax {
		return &RefusedError{fmt.Sprintf("by: %d bytes, at most %d", len(r.By), byBytesMax)}
	}
	return telemetry.CheckTenant(r.Tenant)
}

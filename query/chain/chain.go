// Package chain rebuilds a request's chain from the spans of its trace.
//
// It is pure: spans in, chain out, no clock, no storage. What it cannot know it says: a parent that never arrived is a node of
// its own, named by what its children tell about it; a clock that cannot be right is moved, with the evidence beside the raw time;
// a span id seen twice is kept and marked. The UI and the terminal draw what this package computes and never recompute it.
package chain

import "clew/internal/telemetry"

// Span is what the chain needs to know of a span.
type Span struct {
	ID            telemetry.SpanID
	Parent        telemetry.SpanID // zero: a root
	Service       string
	Process       string // what shares a clock: host and instance; empty: the service
	Name          string
	Kind          string // unspecified, internal, server, client, producer, consumer
	Status        string // unset, ok, error
	StatusMessage string
	Start         int64 // nanoseconds, as stated
	Duration      int64 // nanoseconds; negative is treated as 0
}

// Reason says why a node stands where its parent span would not put it.
type Reason string

// The reasons.
const (
	// ReasonNone: the node is where its parent id says.
	ReasonNone Reason = ""
	// ReasonMissing: the node is a parent that other spans name and that has not arrived.
	ReasonMissing Reason = "missing"
	// ReasonCycle: the span's ancestors lead back to it; the chain was cut here.
	ReasonCycle Reason = "cycle"
	// ReasonDuplicate: another span has the same id; the children stand under the first.
	ReasonDuplicate Reason = "duplicate"
)

// Node is a hop of the chain.
type Node struct {
	Span     int   // index into Build's spans; -1 for a missing parent
	Parent   int   // index into Chain.Nodes; -1 for a root
	Children []int // by adjusted start
	Depth    int

	ID      telemetry.SpanID
	Service string // of a missing parent: the service it must belong to, or "" if its children do not tell
	Name    string // of a missing parent: what its children tell about it
	Kind    string
	Reason  Reason
	Error   bool

	Start      int64 // nanoseconds, adjusted for clock skew
	Duration   int64 // nanoseconds; of a missing parent: what its children cover
	Skew       int64 // nanoseconds added to the stated start
	SelfTime   int64 // nanoseconds of Duration that no child covers; 0 for a missing parent
	OnCritical int64 // nanoseconds of the critical path that pass in this node itself
}

// End is the adjusted end.
func (n *Node) End() int64 { return n.Start + n.Duration }

// Step is a piece of the critical path: the time from From to To passed in Node itself.
type Step struct {
	Node int
	From int64
	To   int64
}

// Clock says how far a process's clock was moved to fit its callers.
type Clock struct {
	Process string
	Offset  int64 // nanoseconds added to its spans' starts
	Low     int64 // the offsets that all its calls allow; Low > High: they contradict each other
	High    int64
	Calls   int // calls between processes that tell about it
}

// Chain is a rebuilt request.
type Chain struct {
	Nodes    []Node // parents before children, depth first, siblings by start
	Roots    []int
	Start    int64 // nanoseconds, adjusted
	End      int64
	Critical []Step  // ascending; of the main root (the root that lasts longest)
	Clocks   []Clock // processes whose clock was moved, by name
	Missing  int     // parents that have not arrived
	Errors   int     // spans with status error
	// ErrorOrigins are the nodes where an error began: status error, and no child with one. By start.
	ErrorOrigins []int
	// Duplicates counts spans left out because they are the same as another one.
	Duplicates int
	Services   []ServiceTime
}

// ServiceTime sums a service's part in the chain.
type ServiceTime struct {
	Service  string
	Spans    int
	Errors   int
	SelfTime int64 // nanoseconds
}

// Build rebuilds the chain of one trace. The order of spans does not matter, except that of equal duplicates the first is kept.
func Build(spans []Span) *Chain {
	b := newBuilder(spans)
	b.link()
	b.addMissing()
	b.cutCycles()
	b.adjustClocks()
	b.coverMissing()
	b.order()
	b.measure()
	return b.chain
}

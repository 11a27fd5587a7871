package api

import (
	"encoding/json"
	"strconv"
)

// Skeleton is the answer of /api/v1/traces/{id}/skeleton: the chain without the spans' details, in columns, so that a trace of 100,000
// spans is a few megabytes. Offsets and durations are nanoseconds; offsets are after the trace's start and adjusted for clock skew.
type Skeleton struct {
	TraceID      string        `json:"traceId"`
	Start        string        `json:"start"`
	StartNano    string        `json:"startUnixNano"`
	DurationNano int64         `json:"durationNano"`
	Services     []string      `json:"services"` // what nodes.service counts in
	Names        []string      `json:"names"`
	Kinds        []string      `json:"kinds"`
	Nodes        SkeletonNodes `json:"nodes"`
	Critical     SkeletonSteps `json:"critical"`
	Logs         SkeletonLogs  `json:"logs"`
	Clocks       []Clock       `json:"clocks"`
	Missing      int           `json:"missing"`
	Errors       int           `json:"errors"`
	ErrorOrigins []int         `json:"errorOrigins"`
	Duplicates   int           `json:"duplicates"`
	Truncated    bool          `json:"truncated"` // there are more spans or log records than an answer holds
	ServiceTimes []Service     `json:"serviceTimes"`
	Stats        Stats         `json:"stats"`
}

// SkeletonNodes are the hops of the chain, parents before children, siblings by start: an entry each in every list.
type SkeletonNodes struct {
	Span     []string `json:"span"`   // its id; of a parent that has not arrived, the id its children name
	Parent   []int    `json:"parent"` // -1: a root
	Depth    []int    `json:"depth"`
	Service  []int    `json:"service"` // index into services, and so on
	Name     []int    `json:"name"`
	Kind     []int    `json:"kind"`
	Flags    []int    `json:"flags"` // bits: 1 error, 2 missing, 4 cycle, 8 duplicate, 16 has events
	Offset   []int64  `json:"offset"`
	Duration []int64  `json:"duration"`
	Self     []int64  `json:"self"` // of the duration, what no child covers
	Skew     Skew     `json:"skew"` // what was added to the stated start, by node, where it is not 0
}

// The bits of SkeletonNodes.Flags.
const (
	flagError = 1 << iota
	flagMissing
	flagCycle
	flagDuplicate
	flagEvents
)

// SkeletonSteps are the pieces of the critical path, ascending.
type SkeletonSteps struct {
	Node []int   `json:"node"`
	From []int64 `json:"from"` // after the trace's start
	To   []int64 `json:"to"`
}

// SkeletonLogs are the trace's log records, by time.
type SkeletonLogs struct {
	ID       []string `json:"id"`
	Node     []int    `json:"node"`   // -1: of no node
	Offset   []int64  `json:"offset"` // moved like its node's
	Severity []int    `json:"severity"`
	Body     []string `json:"body"` // the first 200 characters
}

// Skew is an object from node to nanoseconds: {"3": -1500}. A map would be sorted each time.
type Skew struct {
	nodes []int
	nanos []int64
}

// MarshalJSON implements json.Marshaler.
func (s Skew) MarshalJSON() ([]byte, error) {
	b := []byte{'{'}
	for i, n := range s.nodes {
		if i > 0 {
			b = append(b, ',')
		}
		b = append(b, '"')
		b = strconv.AppendInt(b, int64(n), 10)
		b = append(b, '"', ':')
		b = strconv.AppendInt(b, s.nanos[i], 10)
	}
	return append(b, '}'), nil
}

var _ json.Marshaler = Skew{}

// Package lent is what one process reads of metrics for another: the question about some segments, and its answer.
//
// Who asks has matched nothing yet; who answers has the segments at hand, matches the selector in their vocabularies, and lends the rows of the series that match, as they
// are: chunks are decoded where the question is. So the answer is what would have been read there, and only what matches travels. All types but the question are flat, so
// that they go as columns.
package lent

import (
	"errors"
	"fmt"
	"time"

	"github.com/prometheus/prometheus/model/labels"
)

// Op is what is asked.
type Op string

// The operations.
const (
	OpSelect Op = "select" // series and their rows
	OpValues Op = "values" // of a label
	OpLabels Op = "labels" // names of labels
	OpNames  Op = "names"  // of metrics
)

// Question is about the series of some segments that match all matchers.
type Question struct {
	Op         Op
	Segments   []Segment
	Matchers   []Matcher
	Mint, Maxt int64  // milliseconds, both inclusive
	Label      string `json:",omitempty"` // of OpValues
}

// Segment is a segment, and what of it is meant.
type Segment struct {
	ID         string
	Resolution time.Duration `json:",omitempty"` // the width of its windows; 0: points as they came
	From, To   int64         // of its points those after From and up to To, milliseconds
}

// Matcher is a matcher of labels.
type Matcher struct {
	Type  labels.MatchType
	Name  string
	Value string
}

// MatchersOf makes matchers as they travel.
func MatchersOf(matchers []*labels.Matcher) []Matcher {
	out := make([]Matcher, len(matchers))
	for i, m := range matchers {
		out[i] = Matcher{m.Type, m.Name, m.Value}
	}
	return out
}

// Parsed are the question's matchers.
func (q *Question) Parsed() ([]*labels.Matcher, error) {
	out := make([]*labels.Matcher, len(q.Matchers))
	for i, m := range q.Matchers {
		var err error
		if out[i], err = labels.NewMatcher(m.Type, m.Name, m.Value); err != nil {
			return nil, fmt.Errorf("matcher %d as it was passed on: %w", i, err)
		}
	}
	return out, nil
}

// Answer is the answer to a question. Numbers of others are places in their lists.
type Answer struct {
	// Lacks are the segments of which nothing could be read, and why. The others' are told whole.
	Lacks []Lack `json:",omitempty"`

	Families []Family  `json:"-"`
	Bases    []Base    `json:"-"`
	Rows     []Row     `json:"-"` // those of a base together, in the bases' order
	Series   []Series  `json:"-"` // those of a segment together, in the order in which the segment has them
	Origins  []Origin  `json:"-"` // those of a series together, in the series' order
	Texts    []Text    `json:"-"` // values of a label, or names of labels
	Counted  []Counted `json:"-"`

	// Release says that the answer was sent. Of one that was received it is nil.
	Release func() `json:"-"`
}

// RowBytes is about what a row takes besides its bytes: itself, and its place in the series that is made of it.
const RowBytes = 128

// Lack says that a segment could not be read.
type Lack struct {
	Segment string
	Why     string
}

// Family is a metric as Prometheus sees it, and what its metadata say.
type Family struct {
	Name, OTel, Type, Unit, Help string

	Prometheus                   bool
	PrometheusType               string
	Native, Floats, Gauge, Reset bool
	Width                        int64 // milliseconds
}

// Base is a series of OTLP in a segment.
type Base struct {
	Family int
	Type   string // telemetry.FieldMetricType
	Delta  bool
	Rows   int // how many of Answer.Rows are its own
}

// Row is a row of a base.
type Row struct {
	Min, Max int64 // milliseconds, both inclusive
	Samples  int
	Chunk    int // its kind, a number that does not change between versions
	Plain    bool
	Data     string // the chunk's bytes
	Extra    string
}

// Series is a series of Prometheus.
type Series struct {
	Segment int    // of the question's
	Labels  string // as Pack makes them
	Origins int    // how many of Answer.Origins are its own
}

// Origin is a base as a series sees it.
type Origin struct {
	Base  int
	View  int    // a number that does not change between versions
	Bound uint64 // the double's bits
}

// Text is a value or a name.
type Text struct{ Text string }

// Counted is a series of a metric, for counting those that are the same once. Of the families only the first of a series counts.
type Counted struct {
	Segment int
	Family  int
	Hash    uint64
}

// ErrBusy says that all queries together have borrowed as much as they may.
var ErrBusy = errors.New("queries read as many points in other processes as they may together: try again")

// LimitError says that a question is about more than is lent.
type LimitError struct{ Max int64 } // bytes

// Refused says that an error is about how much is asked for.
func Refused(err error) bool {
	_, limit := errors.AsType[*LimitError](err)
	return limit || errors.Is(err, ErrBusy)
}

func (e *LimitError) Error() string {
	return fmt.Sprintf("query reads more than %d bytes of points in other processes: narrow the time range, or select fewer series", e.Max)
}

package engine

import (
	"context"
	"errors"
	"fmt"
	"math"

	"clew/internal/telemetry"
	"clew/query/engine/match"
	"clew/query/lang"
	"clew/query/parts"
)

// Cluster is the processes that hold the records together, this one among them. [Engine.Answer] answers for this one's share.
type Cluster interface {
	// Ask puts a question to all that hold records of the scope, each about its share, and gives their answers. What nobody answered for is named in the Stats of an
	// answer that holds nothing else. keep is asked for the memory of what comes from other processes, before more comes; its error ends the question. It is called concurrently.
	// An error means that nothing can be said at all: it is the context's, ErrBusy, or a *LimitError.
	Ask(ctx context.Context, scope parts.Scope, q *Question, keep func(bytes int64) error) ([]*Partial, error)
}

// Op is what is asked of a share. An answer to it can be put together from those about shares; everything else that an engine answers is made of these.
type Op string

// The operations.
const (
	OpCount     Op = "count"
	OpGroups    Op = "groups"
	OpExtent    Op = "extent" // the times of the parts that may match
	OpHistogram Op = "histogram"
	OpHeatmap   Op = "heatmap"
	OpSearch    Op = "search"
	OpSkeleton  Op = "skeleton"
	OpFields    Op = "fields"
	OpLatest    Op = "latest"
	OpUsage     Op = "usage"
	OpExplain   Op = "explain"
	OpPlaces    Op = "places" // of traces
	OpPassed    Op = "passed" // which traces have been shown
	OpFacts     Op = "facts"  // of the spans of traces
	OpWords     Op = "words"  // near another
)

// Question is an operation and what it is about, as it goes from one process to another.
type Question struct {
	Op     Op
	Tenant string
	Signal telemetry.Signal
	Query  string // "": every record
	// From and To are as in Request.
	From, To int64
	// Now is what "now" in the query means, nanoseconds.
	Now int64

	IDs         []telemetry.TraceID `json:",omitempty"` // only records of these traces
	Field       string              `json:",omitempty"`
	Text        string              `json:",omitempty"` // the prefix of groups, the word that others are near
	Step        int64               `json:",omitempty"`
	Limit       int                 `json:",omitempty"`
	OldestFirst bool                `json:",omitempty"`
	Cursor      string              `json:",omitempty"`
	By          LatestBy            `json:",omitzero"`
	UsageBy     UsageBy             `json:",omitempty"`
	// SpansFrom and SpansTo bound the spans of which OpFacts tells, which need not match.
	SpansFrom, SpansTo int64 `json:",omitempty"`
}

// Partial is the answer about a share. Which members are there depends on the operation. What there may be many of is left out of the JSON: it travels as columns.
type Partial struct {
	Stats         Stats
	Count         uint64 `json:",omitempty"`
	Other, Absent uint64 `json:",omitempty"`
	// From and To are the extent's times; From is after To if there is nothing.
	From, To  int64              `json:",omitempty"`
	More      bool               `json:",omitempty"`
	Same      int                `json:",omitempty"` // records that are the same as the cursor's; the first of Records is one of them
	Bytes     int64              `json:",omitempty"`
	Unsealed  uint64             `json:",omitempty"`
	Omitted   int                `json:",omitempty"`
	Heat      *Heatmap           `json:",omitempty"`
	Fields    []FieldCount       `json:",omitempty"`
	Latest    []LatestRow        `json:",omitempty"`
	Recent    map[string]float64 `json:",omitempty"` // of the values in Latest, records that are recent
	Usage     []UsageRow         `json:",omitempty"`
	Explained []PartExplanation  `json:",omitempty"`
	Numbers   []int              `json:",omitempty"` // of IDs
	Words     map[string]uint64  `json:",omitempty"`

	Groups   []Group        `json:"-"`
	Cells    []SeriesCell   `json:"-"`
	Places   []TracePlace   `json:"-"`
	Facts    []SpanFacts    `json:"-"`
	Skeleton []SkeletonSpan `json:"-"`
	Records  []Record       `json:"-"`
}

// SeriesCell is a bucket of a series that is not empty.
type SeriesCell struct {
	Value  string
	Absent bool
	Bucket int64 // its start is Bucket times the step
	Count  uint64
}

// UseCluster makes the engine ask all processes that hold records, instead of only what its source has. It is called before the first query.
func (e *Engine) UseCluster(c Cluster) { e.cluster = c }

// spreads says whether a request is answered by several processes.
func (e *Engine) spreads(r *Request) bool { return e.cluster != nil && r.share == nil }

// ask puts a question about a request to the cluster. Set fills in what the operation needs beside the request.
func (e *Engine) ask(ctx context.Context, op Op, r *Request, set func(*Question)) ([]*Partial, Stats, error) {
	if err := telemetry.CheckTenant(r.Tenant); err != nil {
		return nil, Stats{}, err
	}
	began := e.now()
	q := &Question{Op: op, Tenant: r.Tenant, Signal: r.Signal, From: r.From, To: r.To, Now: began.UnixNano()}
	if r.Query != nil {
		q.Query = r.Query.String()
	}
	if r.ids != nil {
		q.IDs = r.ids.List
	}
	if set != nil {
		set(q)
	}
	of, err := q.request()
	if err != nil {
		return nil, Stats{}, err
	}
	asked, err := match.NewPlan(of.Query, of.Signal, began)
	if err != nil {
		return nil, Stats{}, err
	}
	if of.ids != nil {
		asked = asked.Of(of.ids, of.Signal)
	}
	scope := parts.Scope{Tenant: r.Tenant, Signal: r.Signal, From: math.MinInt64, To: math.MaxInt64, Traces: asked.Traces()}
	from, to := r.From, r.To
	if op == OpFacts {
		from, to = q.SpansFrom, q.SpansTo
	}
	if from != 0 {
		scope.From = from
	}
	if to != 0 {
		scope.To = to - 1
	}
	ctx, cancel := context.WithTimeout(ctx, e.limits.Deadline)
	defer cancel()
	// The account is for what comes while the slowest is waited for. Putting the answers together takes a moment after that.
	account := e.memory.Open(int64(e.limits.Memory))
	defer account.Close()
	partials, err := e.cluster.Ask(ctx, scope, q, func(bytes int64) error { return memoryError(ctx, account.Keep(bytes)) })
	if err != nil {
		return nil, Stats{}, err
	}
	var stats Stats
	for _, p := range partials {
		stats = stats.plus(p.Stats)
	}
	stats.Took = e.now().Sub(began)
	return partials, stats, nil
}

// request is what a question is about.
func (q *Question) request() (Request, error) {
	r := Request{Tenant: q.Tenant, Signal: q.Signal, From: q.From, To: q.To, now: q.Now}
	if q.Query != "" {
		var err error
		if r.Query, err = lang.Parse(q.Query); err != nil {
			return r, fmt.Errorf("query as it was passed on: %w", err)
		}
	}
	if q.IDs != nil {
		r.ids = match.NewIDSet(q.IDs)
	}
	return r, nil
}

// errNoShare says that a question came without what it is about.
var errNoShare = errors.New("answer a question: want the share that it is about")

// Answer answers a question about a share.
func (e *Engine) Answer(ctx context.Context, q *Question, share *parts.Share) (*Partial, error) {
	if share == nil {
		return nil, errNoShare
	}
	if err := telemetry.CheckTenant(q.Tenant); err != nil {
		return nil, err
	}
	r, err := q.request()
	if err != nil {
		return nil, err
	}
	r.share = share
	switch q.Op {
	case OpCount:
		return e.answerCount(ctx, r)
	case OpGroups:
		return e.answerGroups(ctx, q, r)
	case OpExtent:
		return e.answerExtent(ctx, r)
	case OpHistogram:
		return e.answerHistogram(ctx, q, r)
	case OpHeatmap:
		return e.answerHeatmap(ctx, q, r)
	case OpSearch:
		return e.answerSearch(ctx, q, r)
	case OpSkeleton:
		return e.answerSkeleton(ctx, r)
	case OpFields:
		return e.answerFields(ctx, r)
	case OpLatest:
		return e.answerLatest(ctx, q, r)
	case OpUsage:
		return e.answerUsage(ctx, q, r)
	case OpExplain:
		return e.answerExplain(ctx, r)
	case OpPlaces:
		return e.answerPlaces(ctx, q, r)
	case OpPassed:
		return e.answerPassed(ctx, q, r)
	case OpFacts:
		return e.answerFacts(ctx, q, r)
	case OpWords:
		return e.answerWords(ctx, q, r)
	}
	return nil, fmt.Errorf("operation %.40q is not known to this version", q.Op)
}

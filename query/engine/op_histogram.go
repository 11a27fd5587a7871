package engine

import (
	"context"
	"fmt"
	"math"
	"time"

	"clew/query/engine/counts"
	"clew/query/engine/match"
	"clew/query/engine/question"
)

// Histogram is the matching records over time.
type Histogram struct {
	counts.Histogram
	Stats Stats
}

// HistogramBy says how records are put into series and buckets.
type HistogramBy struct {
	Step  time.Duration // buckets begin at multiples of it; 0: a round one that makes about sixty of them
	Field string        // "": one series
	Top   int           // of the field's values; 0: all
}

// Histogram counts the matching records in buckets of time. Without bounds in the request it spans the records of the parts there are.
func (e *Engine) Histogram(ctx context.Context, r Request, by HistogramBy) (*Histogram, error) {
	if by.Step < 0 {
		return nil, fmt.Errorf("histogram step %v: want more than 0, or 0 for a round one", by.Step)
	}
	if by.Field == "any" {
		return nil, errOneField
	}
	if e.spreads(&r) {
		return e.histogramAll(ctx, r, by)
	}
	ctx, q, err := e.begin(ctx, r)
	if err != nil {
		return nil, err
	}
	defer q.end()
	bounds, err := q.bindAll(ctx)
	if err != nil {
		return nil, err
	}
	h := e.timeline(r, by.Step, by.Field)
	h.Matched = &q.tally.matched
	if err := q.span(h, r, bounds); err != nil {
		return nil, err
	}
	if err := q.each(ctx, match.TasksOf(bounds), nil, h.Visit); err != nil {
		return nil, err
	}
	return &Histogram{Histogram: *h.Result(by.Top), Stats: q.stats()}, nil
}

// timeline counts by time, in steps, and by a field's values if one is named.
func (e *Engine) timeline(r Request, step time.Duration, field string) *counts.Timeline {
	h := &counts.Timeline{Step: int64(step), Cells: e.limits.Cells}
	if field != "" {
		f := question.FieldOf(r.Signal, field)
		h.Field = &f
	}
	return h
}

// span fixes the buckets: those of the request's times where it has them, else of the parts'.
func (q *query) span(h *counts.Timeline, r Request, bounds []*match.Bound) error {
	from, to := int64(math.MaxInt64), int64(math.MinInt64)
	for _, b := range bounds {
		from, to = min(from, b.Info.MinTime), max(to, b.Info.MaxTime)
	}
	return lay(h, &r, max(from, q.from), min(to, q.to), q.engine.limits.Buckets)
}

// lay makes the buckets of the request's times where it has them, else from and to, both inclusive.
func lay(h *counts.Timeline, r *Request, from, to int64, most int) error {
	if r.From != 0 {
		from = r.From
	}
	if r.To != 0 {
		to = r.To - 1
	}
	return h.Lay(from, to, most)
}

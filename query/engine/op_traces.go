package engine

import (
	"cmp"
	"context"
	"slices"

	"clew/index"
	"clew/internal/telemetry"
	"clew/query/engine/hits"
	"clew/query/engine/match"
	"clew/query/engine/rowset"
)

// TraceSearch asks for the traces that have a span which matches. Its Signal is not used.
type TraceSearch struct {
	Request
	Limit  int          // 0 or more than Limits.Traces is Limits.Traces
	Cursor *TraceCursor // where an earlier answer ended; nil: the beginning
}

// TracesFound is the answer: the trace with the newest matching span first.
type TracesFound struct {
	Traces []TraceSummary
	Cursor *TraceCursor // for the next page; nil if there is none
	Stats  Stats
}

// Traces finds traces. It looks for their places first: one pass over the spans that match, in which no more than a few times the limit
// of traces are held. Then it reads all spans of the traces to be shown, of all of them in one pass.
func (e *Engine) Traces(ctx context.Context, s TraceSearch) (*TracesFound, error) {
	s.Signal = telemetry.Spans
	if s.Limit <= 0 || s.Limit > e.limits.Traces {
		s.Limit = e.limits.Traces
	}
	out := &TracesFound{}
	chosen, more, err := e.choose(ctx, &s, &out.Stats)
	if err != nil {
		return nil, err
	}
	if more != nil {
		out.Cursor = &TraceCursor{Last: *more}
	}
	if len(chosen) == 0 {
		return out, nil
	}
	out.Traces, err = e.summarize(ctx, s.Request, chosen, &out.Stats)
	return out, err
}

// choose finds the places of the traces to be shown, and the place where the next page begins if there is one.
//
// Behind a cursor, a trace with a span that counts may have been shown already, for a newer span. Whether it was, a second pass tells,
// over the spans of the candidates only. It may leave too few; then further candidates are asked for.
func (e *Engine) choose(ctx context.Context, s *TraceSearch, stats *Stats) (chosen []TracePlace, next *TracePlace, err error) {
	var after *TracePlace
	want := s.Limit + 1 // one more tells whether there is a next page
	if s.Cursor != nil {
		after = &s.Cursor.Last
		want = 2*want + traceSlack
	}
	for round := 0; ; round++ {
		found, more, err := e.places(ctx, s.Request, want, after, stats)
		if err != nil {
			return nil, nil, err
		}
		fresh := found
		if after != nil && len(found) > 0 {
			if fresh, err = e.notBefore(ctx, s.Request, found, *after, stats); err != nil {
				return nil, nil, err
			}
		}
		chosen = append(chosen, fresh...)
		switch {
		case len(chosen) > s.Limit:
			chosen = chosen[:s.Limit]
			return chosen, &chosen[s.Limit-1], nil
		case !more:
			return chosen, nil, nil
		case round == traceRounds:
			// So many traces around one place have been shown before that the page stays short.
			return chosen, &found[len(found)-1], nil
		}
		after = &found[len(found)-1]
		want = min(2*want, max(want, tracesAtOnce))
	}
}

// places gives the first want traces after a place.
func (e *Engine) places(ctx context.Context, r Request, want int, after *TracePlace, stats *Stats) (found []TracePlace, more bool, err error) {
	if after != nil && (r.To == 0 || r.To > after.Time+1) {
		r.To = after.Time + 1
	}
	if e.spreads(&r) {
		return e.placesAll(ctx, r, want, after, stats)
	}
	h := hits.NewTraces(want, after)
	err = e.traceRows(ctx, r, stats, h.Beyond, func(ctx context.Context, t match.Task, rows rowset.Set, times []int64) error {
		return h.Add(rows, times, func() (index.Bytes, error) { return t.Bound.TraceIDs(ctx, t.Group) })
	})
	if err != nil {
		return nil, false, err
	}
	found, more = h.Places()
	return found, more, nil
}

// notBefore leaves the candidates that have no matching span at or before the place, which is newer than what made them candidates.
func (e *Engine) notBefore(ctx context.Context, r Request, found []TracePlace, place TracePlace, stats *Stats) ([]TracePlace, error) {
	ids := make([]telemetry.TraceID, len(found))
	for i, p := range found {
		ids[i] = p.ID
	}
	r.ids = match.NewIDSet(ids)
	r.From = max(r.From, place.Time)
	var cost Stats
	var passed hits.Flags
	var err error
	if e.spreads(&r) {
		passed, err = e.passedAll(ctx, r, place, &cost)
	} else {
		passed, err = e.passed(ctx, r, place, &cost)
	}
	if err != nil {
		return nil, err
	}
	cost.RowsMatched = 0 // they have been counted
	*stats = stats.plus(cost)
	fresh := make([]TracePlace, 0, len(found))
	for i, p := range found {
		if !passed.Has(i) {
			fresh = append(fresh, p)
		}
	}
	return fresh, nil
}

// passed says which of the request's traces have a matching span at or before the place.
func (e *Engine) passed(ctx context.Context, r Request, place TracePlace, cost *Stats) (hits.Flags, error) {
	passed := hits.NewFlags(len(r.ids.List))
	err := e.traceRows(ctx, r, cost, nil, func(ctx context.Context, t match.Task, rows rowset.Set, times []int64) error {
		values, err := t.Bound.TraceIDs(ctx, t.Group)
		if err != nil {
			return err
		}
		rows.Each(len(times), func(i int) bool {
			if id, ok := hits.TraceIDAt(values, i); ok && place.Compare(TracePlace{Time: times[i], ID: id}) >= 0 {
				passed.Set(int(r.ids.Numbers[id]))
			}
			return true
		})
		return nil
	})
	return passed, err
}

// traceRows visits the matching spans, row groups with the newest first. What it cost is added to stats.
func (e *Engine) traceRows(
	ctx context.Context, r Request, stats *Stats, beyond func(time int64) bool,
	visit func(ctx context.Context, t match.Task, rows rowset.Set, times []int64) error,
) error {
	ctx, q, err := e.begin(ctx, r)
	if err != nil {
		return err
	}
	defer q.end()
	bounds, err := q.bindAll(ctx)
	if err != nil {
		return err
	}
	tasks := match.TasksOf(bounds)
	slices.SortStableFunc(tasks, func(x, y match.Task) int {
		return cmp.Compare(y.Bound.Groups[y.Group].MaxTime, x.Bound.Groups[x.Group].MaxTime)
	})
	var skip func(t match.Task) bool
	if beyond != nil {
		skip = func(t match.Task) bool { return beyond(t.Bound.Groups[t.Group].MaxTime) }
	}
	err = q.each(ctx, tasks, skip, func(ctx context.Context, t match.Task, sc *match.Scan) error {
		rows, err := sc.RowsMatching(ctx)
		if err != nil || rows.Empty() {
			return err
		}
		q.tally.matched.Add(int64(rows.Count(sc.Rows)))
		shares, err := t.Shares(rows, sc.Rows)
		if err != nil {
			return err
		}
		for _, p := range shares {
			times, err := p.Bound.Times(ctx, p.Group)
			if err != nil {
				return err
			}
			if err := visit(ctx, p.Task, p.Rows, times); err != nil {
				return err
			}
		}
		return nil
	})
	if err == nil {
		*stats = stats.plus(q.stats())
	}
	return err
}

package engine

import (
	"context"
	"slices"

	"clew/internal/telemetry"
	"clew/query/engine/hits"
	"clew/query/engine/match"
	"clew/query/lang"
)

// Trace is everything that carries a trace id.
type Trace struct {
	ID    telemetry.TraceID
	Spans []Record // by start; what was sent twice is there once
	Logs  []Record // by time
	// Truncated says that there are more spans or log records than Limits.TraceSpans.
	Truncated bool
	Stats     Stats
}

// Trace gathers a trace's spans and log records from every part. from and to (as in Request) may bound the search; 0 is unbounded.
func (e *Engine) Trace(ctx context.Context, tenant string, id telemetry.TraceID, from, to int64) (*Trace, error) {
	out := &Trace{ID: id}
	ask := &lang.Match{Field: telemetry.FieldTraceID, Op: lang.OpEqual, Value: lang.Value{Text: id.String()}}
	for _, signal := range []telemetry.Signal{telemetry.Spans, telemetry.Logs} {
		r := Request{Tenant: tenant, Signal: signal, Query: ask, From: from, To: to}
		records, more, stats, err := e.gather(ctx, r, e.limits.TraceSpans)
		if err != nil {
			return nil, err
		}
		if signal == telemetry.Spans {
			out.Spans, out.Stats = uniqueSpans(records), stats
		} else {
			out.Logs, out.Stats = records, out.Stats.plus(stats)
		}
		out.Truncated = out.Truncated || more
	}
	return out, nil
}

// gather makes records of all rows that match, in order of time, up to a limit.
func (e *Engine) gather(ctx context.Context, r Request, limit int) (records []Record, more bool, stats Stats, err error) {
	if e.spreads(&r) {
		found, err := e.findAll(ctx, &Search{Request: r, Limit: limit, OldestFirst: true})
		if err != nil {
			return nil, false, stats, err
		}
		return found.Records, found.Cursor != nil, found.Stats, nil
	}
	ctx, q, err := e.begin(ctx, r)
	if err != nil {
		return nil, false, stats, err
	}
	defer q.end()
	bounds, err := q.bindAll(ctx)
	if err != nil {
		return nil, false, stats, err
	}
	s := &Search{Request: r, Limit: limit, OldestFirst: true}
	h := hits.NewRows(s.Limit, true, nil)
	err = q.each(ctx, match.TasksOf(bounds), nil, func(ctx context.Context, t match.Task, sc *match.Scan) error {
		rows, err := sc.RowsMatching(ctx)
		if err != nil || rows.Empty() {
			return err
		}
		q.tally.matched.Add(int64(rows.Count(sc.Rows)))
		return h.Take(ctx, t, rows, sc.Rows)
	})
	if err != nil {
		return nil, false, stats, err
	}
	records, next, _, err := q.page(ctx, s, h)
	return records, next != nil, q.stats(), err
}

// uniqueSpans drops repetitions: a sender that got no answer sends again, and ingest forgets after a while. What only shares its id stays:
// both sides of a call may do so (Zipkin), and of ids used twice the chain tells.
func uniqueSpans(spans []Record) []Record {
	type identity struct {
		time int64
		key  match.OrderKey
	}
	seen := make(map[identity]bool, len(spans))
	return slices.DeleteFunc(spans, func(r Record) bool {
		is := identity{r.Time, r.Key}
		again := seen[is]
		seen[is] = true
		return again
	})
}

// plus sums what two questions took that make one answer.
func (s Stats) plus(t Stats) Stats {
	s.Parts += t.Parts
	s.Heads += t.Heads
	s.Skipped += t.Skipped
	s.RowGroups += t.RowGroups
	s.PrunedTime += t.PrunedTime
	s.PrunedVocab += t.PrunedVocab
	s.PrunedFilter += t.PrunedFilter
	s.RowsMatched += t.RowsMatched
	s.RowsRebuilt += t.RowsRebuilt
	s.RowsShown += t.RowsShown
	s.BytesRead += t.BytesRead
	s.CatalogVersion = max(s.CatalogVersion, t.CatalogVersion)
	for _, why := range t.Partial {
		if !slices.Contains(s.Partial, why) {
			s.Partial = append(s.Partial, why)
		}
	}
	s.Took += t.Took
	return s
}

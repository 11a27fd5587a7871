package engine

import (
	"cmp"
	"context"
	"slices"

	"clew/internal/telemetry"
	"clew/query/engine/hits"
)

// Whole records, and what is told of traces. Each process gives the first ones of its share, as many as the answer may hold. One that has more says so, and nothing beyond
// the last that it gave is known: there the answer ends, and its cursor begins.

// answerSearch gives the first records beyond the cursor. Of those that are the same as the cursor's it tells the number, and gives one: how many of them have been passed
// is counted over all shares.
func (e *Engine) answerSearch(ctx context.Context, q *Question, r Request) (*Partial, error) {
	cursor, err := ParseCursor(q.Cursor)
	if err != nil {
		return nil, err
	}
	if cursor != nil {
		cursor = cursor.PassingAll()
	}
	s := &Search{Request: r, Limit: max(1, min(q.Limit, max(e.limits.Records, e.limits.TraceSpans))), OldestFirst: q.OldestFirst, Cursor: cursor}
	found, same, err := e.find(ctx, s)
	if err != nil {
		return nil, err
	}
	out := &Partial{Records: found.Records, More: found.Cursor != nil, Same: len(same), Stats: found.Stats}
	if out.Same > 0 {
		out.Records = append([]Record{same[0]}, out.Records...)
	}
	return out, nil
}

// findAll is Search over all shares.
func (e *Engine) findAll(ctx context.Context, s *Search) (*Found, error) {
	partials, stats, err := e.ask(ctx, OpSearch, &s.Request, func(q *Question) {
		q.Limit, q.OldestFirst, q.Cursor = s.Limit, s.OldestFirst, s.Cursor.String()
	})
	if err != nil {
		return nil, err
	}
	var records []Record
	var end *Record // the first of the last records of those that have more
	var same int
	var alike Record
	for _, p := range partials {
		own := p.Records
		if p.Same > 0 && len(own) > 0 {
			same, alike, own = same+p.Same, own[0], own[1:]
		}
		if p.More && len(own) > 0 && (end == nil || s.order(&own[len(own)-1], end) < 0) {
			end = &own[len(own)-1]
		}
		records = append(records, own...)
	}
	slices.SortStableFunc(records, func(a, b Record) int { return s.order(&a, &b) })
	more := end != nil
	if more {
		n, _ := slices.BinarySearchFunc(records, end, func(r Record, end *Record) int {
			if s.order(&r, end) <= 0 {
				return -1
			}
			return 1
		})
		records = records[:n]
	}
	if s.Cursor != nil && same > s.Cursor.Passed() {
		again := slices.Repeat([]Record{alike}, min(same-s.Cursor.Passed(), s.Limit+1))
		records = append(again, records...)
	}
	found := &Found{Stats: stats}
	n, size := 0, int64(0)
	for n < min(s.Limit, len(records)) && (n == 0 || size < int64(e.limits.RecordBytes)) {
		size += records[n].Bytes()
		n++
	}
	if more = more || n < len(records); more && n > 0 {
		found.Cursor = hits.NextCursor(records[:n], s.Cursor)
	}
	found.Records = records[:n:n]
	found.Stats.RowsShown = int64(n)
	return found, nil
}

func (e *Engine) answerSkeleton(ctx context.Context, r Request) (*Partial, error) {
	out := &Skeleton{}
	if err := e.skeletonSpans(ctx, r, out); err != nil {
		return nil, err
	}
	return &Partial{Skeleton: out.Spans, More: out.Truncated, Stats: out.Stats}, nil
}

func (e *Engine) skeletonAll(ctx context.Context, r Request, out *Skeleton) error {
	partials, stats, err := e.ask(ctx, OpSkeleton, &r, nil)
	if err != nil {
		return err
	}
	out.Stats = stats
	for _, p := range partials {
		out.Spans = append(out.Spans, p.Skeleton...)
		out.Truncated = out.Truncated || p.More
	}
	if most := e.limits.SkeletonSpans; len(out.Spans) > most {
		slices.SortFunc(out.Spans, func(a, b SkeletonSpan) int { return cmp.Compare(a.Start, b.Start) })
		out.Spans, out.Truncated = out.Spans[:most:most], true
	}
	return nil
}

func (e *Engine) answerPlaces(ctx context.Context, q *Question, r Request) (*Partial, error) {
	after, err := ParseTraceCursor(q.Cursor)
	if err != nil {
		return nil, err
	}
	var place *TracePlace
	if after != nil {
		place = &after.Last
	}
	out := &Partial{}
	found, more, err := e.places(ctx, r, max(1, min(q.Limit, tracesAtOnce)), place, &out.Stats)
	if err != nil {
		return nil, err
	}
	out.More = more
	out.Places = found
	return out, nil
}

// placesAll is places over all shares. A trace may be in several: its newest span counts.
func (e *Engine) placesAll(ctx context.Context, r Request, want int, after *TracePlace, stats *Stats) ([]TracePlace, bool, error) {
	partials, cost, err := e.ask(ctx, OpPlaces, &r, func(q *Question) {
		q.Limit = want
		if after != nil {
			q.Cursor = (&TraceCursor{Last: *after}).String()
		}
	})
	if err != nil {
		return nil, false, err
	}
	*stats = stats.plus(cost)
	best := map[telemetry.TraceID]int64{}
	var end *TracePlace
	for _, p := range partials {
		for _, place := range p.Places {
			if t, met := best[place.ID]; !met || place.Time > t {
				best[place.ID] = place.Time
			}
		}
		if n := len(p.Places); p.More && n > 0 {
			if last := &p.Places[n-1]; end == nil || last.Compare(*end) < 0 {
				end = last
			}
		}
	}
	found := hits.SortedPlaces(best)
	if end != nil {
		n, known := slices.BinarySearchFunc(found, *end, TracePlace.Compare)
		if known {
			n++
		}
		found = found[:n]
	}
	more := end != nil || len(found) >= want
	return found[:min(len(found), want)], more, nil
}

func (e *Engine) answerPassed(ctx context.Context, q *Question, r Request) (*Partial, error) {
	at, err := ParseTraceCursor(q.Cursor)
	if err != nil || at == nil || r.ids == nil {
		return nil, errNoShare
	}
	out := &Partial{}
	passed, err := e.passed(ctx, r, at.Last, &out.Stats)
	if err != nil {
		return nil, err
	}
	for i := range passed {
		if passed.Has(i) {
			out.Numbers = append(out.Numbers, i)
		}
	}
	return out, nil
}

func (e *Engine) passedAll(ctx context.Context, r Request, place TracePlace, cost *Stats) (hits.Flags, error) {
	partials, stats, err := e.ask(ctx, OpPassed, &r, func(q *Question) { q.Cursor = (&TraceCursor{Last: place}).String() })
	if err != nil {
		return nil, err
	}
	*cost = cost.plus(stats)
	passed := hits.NewFlags(len(r.ids.List))
	for _, p := range partials {
		for _, i := range p.Numbers {
			if i >= 0 && i < len(passed) {
				passed.Set(i)
			}
		}
	}
	return passed, nil
}

// answerFacts tells of the spans of traces, those apart that were sent twice: they may be in several shares, so who sums them up has to see them.
func (e *Engine) answerFacts(ctx context.Context, q *Question, r Request) (*Partial, error) {
	if r.ids == nil {
		return nil, errNoShare
	}
	z := newSummarizer(r.ids, e.limits.Groups)
	z.apart = true
	r.ids = nil
	stats, err := e.readSpans(ctx, r, z, q.SpansFrom, q.SpansTo)
	if err != nil {
		return nil, err
	}
	return &Partial{Facts: z.facts, Stats: stats}, nil
}

func (e *Engine) summarizeAll(ctx context.Context, r Request, z *summarizer, from, to int64) (Stats, error) {
	r.ids = z.ids
	partials, stats, err := e.ask(ctx, OpFacts, &r, func(q *Question) { q.SpansFrom, q.SpansTo = from, to })
	if err != nil {
		return stats, err
	}
	for _, p := range partials {
		kept := slices.DeleteFunc(p.Facts, func(f SpanFacts) bool { return f.Trace < 0 || int(f.Trace) >= len(z.summaries) })
		if err := z.add(kept); err != nil {
			return stats, err
		}
	}
	return stats, nil
}

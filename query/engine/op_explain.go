package engine

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"time"

	"clew/index"
	"clew/query/engine/match"
)

// Explanation says how each part rewrote a query with what it knows, and what was left to look at.
type Explanation struct {
	Query string // as it was understood
	Count uint64 // matching records
	Parts []PartExplanation
	// Omitted is how many more parts there are than are told of. They are counted in Stats.
	Omitted int
	Stats   Stats
}

// Verdict is what the whole of a part says about a query before a row group is looked at.
type Verdict string

// The verdicts, cheapest first.
const (
	VerdictTime       Verdict = "never, by time"       // no record lies in the time range
	VerdictFilter     Verdict = "never, by filter"     // an id or word is in no variable and no raw value
	VerdictVocabulary Verdict = "never, by vocabulary" // no value and no template can match
	VerdictAlways     Verdict = "always"               // every record matches
	VerdictMay        Verdict = "asks row groups"
)

// PartExplanation is a part's.
type PartExplanation struct {
	ID               string
	Head             bool
	Rows, RowGroups  int
	MinTime, MaxTime int64 // nanoseconds
	Verdict          Verdict
	Plan             string // the query as the part rewrote it
	Leaves           []LeafExplanation

	// Of the row groups: how many the part's filters, times and histograms ruled out, histograms counted, and rows were looked at in.
	Pruned, Histogram, Scanned int
	Matched, Rebuilt           int64 // rows
	Took                       time.Duration
}

// Explain answers a count, part after part, and tells how.
func (e *Engine) Explain(ctx context.Context, r Request) (*Explanation, error) {
	if e.spreads(&r) {
		return e.explainAll(ctx, r)
	}
	ctx, q, err := e.begin(ctx, r)
	if err != nil {
		return nil, err
	}
	defer q.end()
	x := &explainer{q: q, out: &Explanation{Query: "*"}}
	if r.Query != nil {
		x.out.Query = r.Query.String()
	}
	if err := x.run(ctx); err != nil {
		return nil, err
	}
	x.out.arrange()
	x.out.Stats = q.stats()
	return x.out, nil
}

// arrange puts the newest part first.
func (out *Explanation) arrange() {
	slices.SortStableFunc(out.Parts, func(a, b PartExplanation) int { return cmp.Compare(b.MaxTime, a.MaxTime) })
}

// explainer works on one goroutine, so that what is measured belongs to the part that is told of. It asks every part anew: that a part is remembered to
// have had no match would explain nothing.
type explainer struct {
	q   *query
	out *Explanation
}

func (x *explainer) run(ctx context.Context) error {
	explained := make([]PartExplanation, len(x.q.view.Parts))
	bounds := make([]*match.Bound, len(x.q.view.Parts)) // nil: nothing to scan
	err := x.q.parallel(ctx, 1, nil, func(ctx context.Context, _ int, _ *match.Scan) error {
		for i, part := range x.q.view.Parts {
			var err error
			if bounds[i], err = x.decide(ctx, part, &explained[i]); x.q.setAside(err) != nil {
				return err
			}
		}
		return nil
	})
	if err != nil {
		return err
	}
	if err := x.q.weigh(ctx, slices.DeleteFunc(slices.Clone(bounds), func(b *match.Bound) bool { return b == nil })); err != nil {
		return err
	}
	err = x.q.parallel(ctx, 1, nil, func(ctx context.Context, _ int, s *match.Scan) error {
		for i, b := range bounds {
			if b == nil {
				continue
			}
			if err := x.q.setAside(x.scan(ctx, b, &explained[i], s)); err != nil {
				return err
			}
		}
		return nil
	})
	for _, p := range explained {
		x.out.Count += uint64(p.Matched)
		x.q.tally.matched.Add(p.Matched)
	}
	x.out.Parts = explained[:min(len(explained), explainedPartsMax)]
	x.out.Omitted = len(explained) - len(x.out.Parts)
	return err
}

// decide says what the part as a whole knows, and returns what is left to scan; nil: nothing.
func (x *explainer) decide(ctx context.Context, part index.Part, p *PartExplanation) (*match.Bound, error) {
	began, q, info := time.Now(), x.q, part.Info()
	*p = PartExplanation{
		ID: info.ID, Head: info.Head, Rows: info.Rows, RowGroups: len(part.RowGroups()), MinTime: info.MinTime, MaxTime: info.MaxTime,
	}
	q.tally.groups.Add(int64(p.RowGroups))
	if info.Rows == 0 || info.MaxTime < q.from || info.MinTime > q.to {
		p.Verdict, p.Pruned = VerdictTime, p.RowGroups
		q.tally.byTime.Add(int64(p.RowGroups))
		return nil, nil
	}
	defer func() { p.Took = time.Since(began) }()
	b, err := q.bind(ctx, part)
	if err != nil {
		return nil, err
	}
	without, err := b.Narrow(ctx)
	if err != nil {
		return nil, err
	}
	q.tally.byFilter.Add(int64(without))
	p.Plan = b.Text()
	if p.Leaves, err = b.Explain(ctx); err != nil {
		return nil, err
	}
	switch {
	case b.MatchesAll():
		p.Verdict = VerdictAlways
	case !b.MatchesNone():
		p.Verdict = VerdictMay
	case b.Filtered:
		p.Verdict, p.Pruned = VerdictFilter, p.RowGroups
		q.tally.byFilter.Add(int64(p.RowGroups))
		return nil, nil
	default:
		p.Verdict, p.Pruned = VerdictVocabulary, p.RowGroups
		q.tally.byVocab.Add(int64(p.RowGroups))
		return nil, nil
	}
	return b, nil
}

// scan counts the part's matching rows.
func (x *explainer) scan(ctx context.Context, b *match.Bound, p *PartExplanation, s *match.Scan) error {
	began, rebuilt := time.Now(), x.q.tally.rebuilt.Load()
	defer func() { p.Took, p.Rebuilt = p.Took+time.Since(began), x.q.tally.rebuilt.Load()-rebuilt }()
	looked := map[int]bool{}
	for _, t := range match.TasksOf([]*match.Bound{b}) {
		group := max(t.Group, t.Bound.Group)
		if g := t.Bound.Groups[t.Group]; g.MaxTime < x.q.from || g.MinTime > x.q.to {
			x.q.tally.byTime.Add(1)
			continue
		}
		possible, err := s.Start(ctx, t.Bound, t.Group)
		if err != nil {
			return fmt.Errorf("row group %d: %w", t.Group, err)
		}
		if !possible {
			if s.ByFilter {
				x.q.tally.byFilter.Add(1)
			} else {
				x.q.tally.byVocab.Add(1)
			}
			continue
		}
		n, ok := s.CountByHistogram()
		if !ok {
			rows, err := s.RowsMatching(ctx)
			if err != nil {
				return fmt.Errorf("row group %d: %w", t.Group, err)
			}
			n = rows.Count(s.Rows)
		}
		if !looked[group] {
			looked[group] = true
			if ok {
				p.Histogram++
			} else {
				p.Scanned++
			}
		}
		p.Matched += int64(n)
	}
	p.Pruned = max(0, p.RowGroups-p.Histogram-p.Scanned)
	return nil
}

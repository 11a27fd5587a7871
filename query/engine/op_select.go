package engine

import (
	"context"
	"fmt"
	"log/slog"
	"math"
	"slices"
	"time"

	"clew/index"
	"clew/internal/telemetry"
	"clew/query/engine/match"
	"clew/query/engine/rowset"
	"clew/query/lang"
	"clew/query/parts"
)

// selectDeadline bounds the work on one part, which is at a background pace: it is there for what hangs.
const selectDeadline = time.Hour

// Selector says which rows of a part match a question, exactly as a search would: it is what a deletion chooses its records with.
type Selector struct {
	request Request
	now     time.Time
	log     *slog.Logger
}

// NewSelector reads a query and gives it its meaning at a time: "now" in it is that time, however late it is asked. r says which records are meant, and its
// Query is replaced. What is wrong with the query is a *lang.Error.
func NewSelector(query string, r Request, now time.Time, log *slog.Logger) (*Selector, error) {
	if err := telemetry.CheckTenant(r.Tenant); err != nil {
		return nil, err
	}
	var err error
	if r.Query, err = lang.Parse(query); err != nil {
		return nil, err
	}
	if _, err := match.NewPlan(r.Query, r.Signal, now); err != nil {
		return nil, err
	}
	return &Selector{request: r, now: now, log: log}, nil
}

// Select finds the rows of part, which must be of the question's tenant and signal: by row group, bit i%64 of word i/64 for row i; nil for none. A part of
// which anything can't be read is an *index.DamageError: there is no partial answer.
func (s *Selector) Select(ctx context.Context, part index.Part) ([][]uint64, error) {
	e := New(onePart{part}, Limits{Workers: 1, Queries: 1, Deadline: selectDeadline, CacheBytes: -1}, s.log)
	defer e.Close()
	e.now = func() time.Time { return s.now }
	ctx, q, err := e.begin(ctx, s.request)
	if err != nil {
		return nil, err
	}
	defer q.end()
	bounds, err := q.bindAll(ctx)
	if err != nil {
		return nil, err
	}
	selected := make([][]uint64, len(part.RowGroups()))
	err = q.each(ctx, match.TasksOf(bounds), nil, func(ctx context.Context, t match.Task, sc *match.Scan) error {
		rows, err := sc.RowsMatching(ctx)
		if err != nil || rows.Empty() {
			return err
		}
		selected[t.Group] = wordsOf(rows, sc.Rows)
		return nil
	})
	if err != nil {
		return nil, err
	}
	if why := q.stats().Partial; len(why) > 0 {
		return nil, fmt.Errorf("select rows: %w", &index.DamageError{File: part.Info().ID, What: why[0]})
	}
	return selected, nil
}

// wordsOf is a set as a bitmap of its own.
func wordsOf(rows rowset.Set, n int) []uint64 {
	if rows.Kind != rowset.KindAll {
		return slices.Clone(rows.Words)
	}
	words := slices.Repeat([]uint64{math.MaxUint64}, (n+63)/64)
	if rest := n & 63; rest != 0 {
		words[len(words)-1] = 1<<rest - 1
	}
	return words
}

// onePart is a source of one part.
type onePart struct{ part index.Part }

// View implements parts.Source.
func (o onePart) View(context.Context, parts.Scope) (*parts.View, error) {
	return &parts.View{Parts: []index.Part{o.part}, Release: func() {}}, nil
}

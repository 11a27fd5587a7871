package engine

import (
	"context"
	"sync/atomic"

	"clew/query/engine/match"
)

// Count is how many records match.
type Count struct {
	Count uint64
	Stats Stats
}

// Count counts the matching records. Rows are read only where histograms cannot tell.
func (e *Engine) Count(ctx context.Context, r Request) (*Count, error) {
	if e.spreads(&r) {
		return e.countAll(ctx, r)
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
	var total atomic.Uint64
	found := &finds{}
	err = q.each(ctx, match.TasksOf(bounds), nil, func(ctx context.Context, t match.Task, s *match.Scan) error {
		n, ok := s.CountByHistogram()
		if !ok {
			rows, err := s.RowsMatching(ctx)
			if err != nil {
				return err
			}
			n = rows.Count(s.Rows)
		}
		if n > 0 {
			found.add(t.Bound.Info.ID)
		}
		total.Add(uint64(n))
		q.tally.matched.Add(int64(n))
		return nil
	})
	if err != nil {
		return nil, err
	}
	q.rememberEmpty(bounds, found)
	return &Count{Count: total.Load(), Stats: q.stats()}, nil
}

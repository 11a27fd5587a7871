package engine

import (
	"cmp"
	"context"
	"slices"

	"clew/query/engine/hits"
	"clew/query/engine/match"
)

// Search asks for whole records.
type Search struct {
	Request
	Limit       int     // 0 or more than Limits.Records is Limits.Records
	OldestFirst bool    // else newest first
	Cursor      *Cursor // where an earlier answer ended; nil: the beginning
}

// Found is the answer of a search: records in order of time, those of the same time in an order that does not change.
type Found struct {
	Records []Record
	Cursor  *Cursor // for the next page; nil if there is none
	Stats   Stats
}

// Search finds records. It looks at row groups in the order of their times and stops where no better record can come.
func (e *Engine) Search(ctx context.Context, s Search) (*Found, error) {
	if s.Limit <= 0 || s.Limit > e.limits.Records {
		s.Limit = e.limits.Records
	}
	if c := s.Cursor; c != nil {
		if s.OldestFirst {
			s.From = max(s.From, c.Time)
		} else if s.To == 0 || s.To > c.Time+1 {
			s.To = c.Time + 1
		}
	}
	if e.spreads(&s.Request) {
		return e.findAll(ctx, &s)
	}
	found, _, err := e.find(ctx, &s)
	return found, err
}

// find is Search in what this process has. It also gives the records that are the same as the cursor's.
func (e *Engine) find(ctx context.Context, s *Search) (found *Found, same []Record, err error) {
	ctx, q, err := e.begin(ctx, s.Request)
	if err != nil {
		return nil, nil, err
	}
	defer q.end()
	bounds, err := q.bindAll(ctx)
	if err != nil {
		return nil, nil, err
	}
	tasks := match.TasksOf(bounds)
	h := hits.NewRows(s.Limit, s.OldestFirst, s.Cursor)
	slices.SortStableFunc(tasks, func(x, y match.Task) int {
		if s.OldestFirst {
			return cmp.Compare(x.Bound.Groups[x.Group].MinTime, y.Bound.Groups[y.Group].MinTime)
		}
		return cmp.Compare(y.Bound.Groups[y.Group].MaxTime, x.Bound.Groups[x.Group].MaxTime)
	})
	skip := func(t match.Task) bool {
		g := t.Bound.Groups[t.Group]
		if s.OldestFirst {
			return h.Beyond(g.MinTime)
		}
		return h.Beyond(g.MaxTime)
	}
	err = q.each(ctx, tasks, skip, func(ctx context.Context, t match.Task, sc *match.Scan) error {
		rows, err := sc.RowsMatching(ctx)
		if err != nil || rows.Empty() {
			return err
		}
		q.tally.matched.Add(int64(rows.Count(sc.Rows)))
		return h.Take(ctx, t, rows, sc.Rows)
	})
	if err != nil {
		return nil, nil, err
	}
	found = &Found{}
	if found.Records, found.Cursor, same, err = q.page(ctx, s, h); err != nil {
		return nil, nil, err
	}
	found.Stats = q.stats()
	return found, same, nil
}

// page chooses among the hits those that come next, whole. same are those that are the same as the cursor's.
func (q *query) page(ctx context.Context, s *Search, h *hits.Rows) (records []Record, next *Cursor, same []Record, err error) {
	want := s.Limit + 1 // one more tells whether there is a next page
	order := s.order
	if s.Cursor != nil {
		atCursor := hits.Keeper{N: want, Order: order, After: s.Cursor}
		if records, err = q.best(ctx, h.AtCursor(), &atCursor); err != nil {
			return nil, nil, nil, err
		}
		same = atCursor.Equal()
	}
	better, ties := h.Split(want - len(records))
	most := int64(q.engine.limits.RecordBytes)
	room := want - len(records) - len(better) // for ties
	for size := match.BytesOf(records); len(better) > 0 && size < most; {
		var some []match.RowRef
		some, better = h.Next(better, size, most, len(records))
		more, err := q.best(ctx, some, &hits.Keeper{N: len(some), Order: order})
		if err != nil {
			return nil, nil, nil, err
		}
		records = append(records, more...)
		size += match.BytesOf(more)
	}
	all := len(better) == 0
	if all && room > 0 && len(ties) > 0 {
		if all = match.BytesOf(records) < most; all {
			more, err := q.best(ctx, ties, &hits.Keeper{N: room, Order: order})
			if err != nil {
				return nil, nil, nil, err
			}
			records = append(records, more...)
		}
	}
	end, size := 0, int64(0)
	for end < min(s.Limit, len(records)) && (end == 0 || size < most) {
		size += records[end].Bytes()
		end++
	}
	if end == len(records) && all {
		return records, nil, same, nil
	}
	return records[:end], hits.NextCursor(records[:end], s.Cursor), same, nil
}

// order is the order of the answer's records.
func (s *Search) order(a, b *Record) int {
	c := cmp.Compare(a.Time, b.Time)
	if c == 0 {
		c = a.Key.Compare(b.Key)
	}
	if s.OldestFirst {
		return c
	}
	return -c
}

// best makes records of rows and gives those that are kept.
func (q *query) best(ctx context.Context, refs []match.RowRef, kept *hits.Keeper) ([]Record, error) {
	groups := match.ByRowGroup(refs, materializeRows)
	rowsOf := func(i int) []int {
		rows := make([]int, len(groups[i]))
		for j, r := range groups[i] {
			rows[j] = r.Row
		}
		return rows
	}
	bytes := func(i int) int64 { return groups[i][0].Bound.RecordBytes(groups[i][0].Group, rowsOf(i)) }
	err := q.parallel(ctx, len(groups), bytes, func(ctx context.Context, i int, _ *match.Scan) error {
		rows := rowsOf(i)
		records, err := groups[i][0].Bound.Materialize(ctx, groups[i][0].Group, rows)
		if err != nil {
			return q.setAside(err)
		}
		q.tally.shown.Add(int64(len(records)))
		kept.Add(records)
		return nil
	})
	records := kept.First()
	if err == nil {
		err = q.keep(match.BytesOf(records))
	}
	return records, err
}

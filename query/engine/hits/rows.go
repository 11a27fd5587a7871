package hits

import (
	"context"
	"slices"
	"sync"
	"sync/atomic"

	"clew/query/engine/match"
	"clew/query/engine/rowset"
)

// Rows gathers the rows that a search may show: the best by time, and with the last of them all of the same time, since content decides
// among those. Rows at the cursor's time are apart: which of them have been passed, content decides too.
type Rows struct {
	oldest    bool
	want      int
	cursor    *Cursor
	full      atomic.Bool  // want rows have been found
	threshold atomic.Int64 // then: the time of the last of them

	mu       sync.Mutex
	rows     []match.RowRef
	atCursor []match.RowRef
}

// NewRows gathers for a page of limit records after a cursor, which may be nil.
func NewRows(limit int, oldestFirst bool, cursor *Cursor) *Rows {
	return &Rows{oldest: oldestFirst, want: limit + 1, cursor: cursor}
}

// before says whether time a comes before b in the search's order.
func (h *Rows) before(a, b int64) bool {
	if h.oldest {
		return a < b
	}
	return a > b
}

// Beyond says that a record of this time comes after all that will be shown.
func (h *Rows) Beyond(t int64) bool { return h.full.Load() && h.before(h.threshold.Load(), t) }

// Take takes the matching rows of a row group, of which there are n in all.
func (h *Rows) Take(ctx context.Context, t match.Task, rows rowset.Set, n int) error {
	shares, err := t.Shares(rows, n)
	if err != nil {
		return err
	}
	for _, p := range shares {
		times, err := p.Bound.Times(ctx, p.Group)
		if err != nil {
			return err
		}
		if err := h.add(p.Task, p.Rows, times); err != nil {
			return err
		}
	}
	return nil
}

// add takes the matching rows of a row group.
func (h *Rows) add(t match.Task, rows rowset.Set, times []int64) error {
	if len(times) == 0 {
		return nil
	}
	worst, enough := h.localThreshold(rows, times)
	var found, at []match.RowRef
	rows.Each(len(times), func(i int) bool {
		switch tm := times[i]; {
		case h.cursor != nil && tm == h.cursor.Time:
			at = append(at, match.RowRef{Time: tm, Bound: t.Bound, Group: t.Group, Row: i})
		case enough && h.before(worst, tm) || h.Beyond(tm):
		default:
			found = append(found, match.RowRef{Time: tm, Bound: t.Bound, Group: t.Group, Row: i})
		}
		return len(found)+len(at) <= sameTimeMax
	})
	h.mu.Lock()
	defer h.mu.Unlock()
	h.rows = append(h.rows, found...)
	h.atCursor = append(h.atCursor, at...)
	if len(h.rows) >= h.want {
		h.cutLocked()
	}
	if len(h.rows)+len(h.atCursor) > sameTimeMax {
		return &match.LimitError{What: "records of the same time", Max: sameTimeMax, Hint: "narrow the query, or give the senders finer clocks"}
	}
	return nil
}

// localThreshold is the time of the want-th best of the rows beyond the cursor, if there are so many.
func (h *Rows) localThreshold(rows rowset.Set, times []int64) (int64, bool) {
	if rows.Count(len(times)) < h.want {
		return 0, false
	}
	heap := make([]int64, 0, min(h.want, len(times))) // the worst of the best is on top
	rows.Each(len(times), func(i int) bool {
		t := times[i]
		switch {
		case h.cursor != nil && t == h.cursor.Time: // whether it counts is not known yet
		case len(heap) < h.want:
			heap = append(heap, t)
			for c := len(heap) - 1; c > 0 && h.before(heap[(c-1)/2], heap[c]); c = (c - 1) / 2 {
				heap[c], heap[(c-1)/2] = heap[(c-1)/2], heap[c]
			}
		case h.before(t, heap[0]):
			heap[0] = t
			h.sink(heap)
		}
		return true
	})
	if len(heap) < h.want {
		return 0, false
	}
	return heap[0], true
}

func (h *Rows) sink(heap []int64) {
	for p := 0; ; {
		c := 2*p + 1
		if c >= len(heap) {
			return
		}
		if c+1 < len(heap) && h.before(heap[c], heap[c+1]) {
			c++
		}
		if !h.before(heap[p], heap[c]) {
			return
		}
		heap[p], heap[c] = heap[c], heap[p]
		p = c
	}
}

// cutLocked drops what cannot be shown and moves the threshold.
func (h *Rows) cutLocked() {
	h.sortLocked()
	worst := h.rows[h.want-1].Time
	end := h.want
	for end < len(h.rows) && h.rows[end].Time == worst {
		end++
	}
	h.rows = h.rows[:end]
	h.threshold.Store(worst)
	h.full.Store(true)
}

func (h *Rows) sortLocked() { slices.SortFunc(h.rows, h.compare) }

func (h *Rows) compare(x, y match.RowRef) int {
	switch {
	case h.before(x.Time, y.Time):
		return -1
	case x.Time == y.Time:
		return 0
	}
	return 1
}

// Split gives the rows that are among the first n whatever their content, and those of one time among which content decides.
func (h *Rows) Split(n int) (better, ties []match.RowRef) {
	h.mu.Lock()
	defer h.mu.Unlock()
	if n <= 0 {
		return nil, nil
	}
	if n >= len(h.rows) {
		return h.rows, nil
	}
	h.sortLocked()
	first, last := n-1, n
	for first > 0 && h.rows[first-1].Time == h.rows[n-1].Time {
		first--
	}
	for last < len(h.rows) && h.rows[last].Time == h.rows[n-1].Time {
		last++
	}
	return slices.Clone(h.rows[:first]), slices.Clone(h.rows[first:last])
}

// Next takes from the front of rows, which Split gave, as many as will about fit: have records take size bytes, most is the bound. What is
// of one time stays together, since content orders it. Rows that are not taken whole are put in order first.
func (h *Rows) Next(rows []match.RowRef, size, most int64, have int) (some, rest []match.RowRef) {
	n := recordsAtOnce
	if have > 0 {
		n = int(min(int64(n)*8, (most-size)/(size/int64(have)+1)+1))
	}
	if n >= len(rows) {
		return rows, nil
	}
	if !slices.IsSortedFunc(rows, h.compare) {
		rows = slices.Clone(rows)
		slices.SortFunc(rows, h.compare)
	}
	for n < len(rows) && rows[n].Time == rows[n-1].Time {
		n++
	}
	return slices.Clone(rows[:n]), rows[n:]
}

// AtCursor gives the rows at the cursor's time.
func (h *Rows) AtCursor() []match.RowRef {
	h.mu.Lock()
	defer h.mu.Unlock()
	return h.atCursor
}

package red

import (
	"cmp"
	"context"
	"slices"
	"time"

	"clew/index"
	"clew/ingest/series"
)

// live is a head of metrics that is told what is counted each time somebody asks, so that a query costs what has been counted since the one before, and not all
// there is. A bucket that grows has several points then, which sum up as those of several parts do.
type live struct {
	head    *series.Head // nil: nobody has asked
	changed []place      // of cells that have changed since
}

// place is where a cell is.
type place struct {
	series *counter
	bucket int64
}

func (l *live) bytes() int64 {
	if l.head == nil {
		return 0
	}
	return l.head.Bytes()
}

// Live is what has been counted, for those who read heads of metrics as they grow; nil if that is nothing.
func (t *Tally) Live(ctx context.Context) (index.Part, error) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if len(t.series) == 0 {
		return nil, nil
	}
	if l := &t.live; l.head == nil || l.head.Points()+len(l.changed) > livePoints*t.cells+liveSlack {
		l.head, l.changed = series.New(t.id+"-counts", t.tenant, t.shard), l.changed[:0]
		for _, s := range t.series {
			s.told = map[int64]cell{}
			for i := range s.cells {
				l.changed = append(l.changed, place{s, s.cells[i].n})
			}
		}
	}
	if err := t.tell(ctx); err != nil {
		t.live = live{} // what has been told is not known: the next begins anew
		return nil, err
	}
	return t.live.head.Live(), nil
}

// tell appends what has changed to the live head.
func (t *Tally) tell(ctx context.Context) error {
	bySeries := map[*counter][]cell{}
	var order []*counter
	for _, p := range t.live.changed {
		i, _ := p.series.find(p.bucket)
		c := &p.series.cells[i]
		if bySeries[p.series] == nil {
			order = append(order, p.series)
		}
		bySeries[p.series] = append(bySeries[p.series], c.untold(p.series.told[c.n]))
		c.changed = false
		p.series.told[c.n] = c.clone()
	}
	t.live.changed = t.live.changed[:0]
	for _, s := range order {
		if err := ctx.Err(); err != nil {
			return err
		}
		cells := bySeries[s]
		slices.SortFunc(cells, func(a, b cell) int { return cmp.Compare(a.n, b.n) })
		m, last := t.metrics(s, cells)
		if err := t.live.head.Append(m, time.Unix(0, last)); err != nil {
			return err
		}
	}
	return nil
}

func (c *cell) clone() cell {
	out := *c
	out.buckets = slices.Clone(c.buckets)
	return out
}

// untold is what readers don't know of a cell.
func (c *cell) untold(told cell) cell {
	out := c.clone()
	out.count, out.zero, out.sum = c.count-told.count, c.zero-told.zero, c.sum-told.sum
	for i, known := 0, told.buckets; i < len(out.buckets) && len(known) > 0; i++ {
		if known[0].index == out.buckets[i].index {
			out.buckets[i].count -= known[0].count
			known = known[1:]
		}
	}
	out.buckets = slices.DeleteFunc(out.buckets, func(b bucket) bool { return b.count == 0 })
	return out
}

package red

import (
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
			for n, c := range s.cells {
				c.told = nil
				l.changed = append(l.changed, place{s, n})
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
	bySeries := map[*counter]map[int64]*cell{}
	var order []*counter
	for _, p := range t.live.changed {
		c := p.series.cells[p.bucket]
		if bySeries[p.series] == nil {
			bySeries[p.series] = map[int64]*cell{}
			order = append(order, p.series)
		}
		bySeries[p.series][p.bucket] = c.untold()
		c.told, c.changed = c.clone(), false
	}
	t.live.changed = t.live.changed[:0]
	for _, s := range order {
		if err := ctx.Err(); err != nil {
			return err
		}
		m, last := t.metrics(s, bySeries[s])
		if err := t.live.head.Append(m, time.Unix(0, last)); err != nil {
			return err
		}
	}
	return nil
}

func (c *cell) clone() *cell {
	return &cell{count: c.count, zero: c.zero, sum: c.sum, buckets: slices.Clone(c.buckets), best: c.best}
}

// untold is what readers don't know of a cell.
func (c *cell) untold() *cell {
	out := c.clone()
	if c.told == nil {
		return out
	}
	out.count, out.zero, out.sum = c.count-c.told.count, c.zero-c.told.zero, c.sum-c.told.sum
	told := c.told.buckets
	for i := range out.buckets {
		if len(told) > 0 && told[0].index == out.buckets[i].index {
			out.buckets[i].count -= told[0].count
			told = told[1:]
		}
	}
	out.buckets = slices.DeleteFunc(out.buckets, func(b bucket) bool { return b.count == 0 })
	return out
}

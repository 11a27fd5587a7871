package counts

import (
	"bytes"
	"context"
	"slices"
	"strings"
	"sync"
	"sync/atomic"

	"clew/index/vocabulary"
	"clew/query/engine/match"
	"clew/query/engine/question"
	"clew/query/engine/rowset"
)

// Group is the records of one value.
type Group struct {
	Value string // as text: numbers in decimal, bytes in hex
	Count uint64
}

// ByValue is the matching records by the values of a field.
type ByValue struct {
	Count  uint64  // matching records
	Groups []Group // by count, descending; then by value
	Other  uint64  // matching records with other values
	Absent uint64  // matching records without the field
}

// beginsWith says which values begin with prefix, whatever its case; nil: all do.
func beginsWith(prefix string) func([]byte) bool {
	if prefix == "" {
		return nil
	}
	low := vocabulary.AppendLower(nil, []byte(prefix))
	return func(text []byte) bool {
		var buf [256]byte // lower-casing changes lengths by little: three times the prefix is plenty
		return bytes.HasPrefix(vocabulary.AppendLower(buf[:0], text[:min(len(text), 3*len(low))]), low)
	}
}

// Grouping counts by value on several goroutines: each scan has a keyer and counts of its own.
type Grouping struct {
	Field   question.Field
	Prefix  string // only values that begin with it, whatever its case
	Most    int    // values that may be told apart
	Matched *atomic.Int64

	mu    sync.Mutex
	byRun map[*match.Scan]*groupRun
}

type groupRun struct {
	keyer  *match.Keyer
	counts []uint64 // by the keyer's groups
	other  uint64
	absent uint64
}

func (g *Grouping) of(s *match.Scan) *groupRun {
	g.mu.Lock()
	defer g.mu.Unlock()
	if g.byRun == nil {
		g.byRun = map[*match.Scan]*groupRun{}
	}
	c := g.byRun[s]
	if c == nil {
		c = &groupRun{keyer: match.NewKeyer(g.Field, beginsWith(g.Prefix), g.Most)}
		g.byRun[s] = c
	}
	return c
}

// Visit counts the matching rows of a row group. It is called by several goroutines, each with a scan of its own.
func (g *Grouping) Visit(ctx context.Context, t match.Task, s *match.Scan) error {
	rows, err := s.RowsMatching(ctx)
	if err != nil || rows.Empty() {
		return err
	}
	c := g.of(s)
	if done, err := c.fromHistogram(ctx, t, s, rows); done || err != nil {
		if err == nil {
			g.Matched.Add(int64(s.Rows))
		}
		return err
	}
	ids, err := c.keyer.RowGroups(ctx, t.Bound, t.Group, rows)
	if err != nil {
		return err
	}
	c.grow()
	rows.Each(s.Rows, func(i int) bool {
		switch id := ids[i]; {
		case id >= 0:
			c.counts[id]++
		case id == match.NoGroup:
			c.absent++
		default:
			c.other++
		}
		return true
	})
	g.Matched.Add(int64(rows.Count(s.Rows)))
	return nil
}

func (c *groupRun) grow() {
	for len(c.counts) < len(c.keyer.Texts) {
		c.counts = append(c.counts, 0)
	}
}

// fromHistogram counts a row group all of whose rows match, if the field is one column with a histogram.
func (c *groupRun) fromHistogram(ctx context.Context, t match.Task, s *match.Scan, rows rowset.Set) (bool, error) {
	if rows.Kind != rowset.KindAll {
		return false, nil
	}
	return c.keyer.FromHistogram(ctx, t.Bound, t.Group, func(id int32, n uint64) {
		switch {
		case id >= 0:
			c.grow()
			c.counts[id] += n
		case id == match.NoGroup:
			c.absent += n
		default:
			c.other += n
		}
	})
}

// Result is what was counted, with the top values; 0: all.
func (g *Grouping) Result(top int) (*ByValue, error) {
	out := &ByValue{}
	sums := map[string]uint64{}
	for _, c := range g.byRun {
		for id, n := range c.counts {
			if n > 0 {
				sums[c.keyer.Texts[id]] += n
			}
		}
		out.Other += c.other
		out.Absent += c.absent
	}
	return out, out.Add(sums, g.Most, top)
}

// Add adds what was counted of each value, and keeps the top ones; Other and Absent are there already.
func (out *ByValue) Add(sums map[string]uint64, most, top int) error {
	if len(sums) > most {
		return &match.LimitError{What: "groups", Max: most, Hint: "count by a field with fewer values, or narrow the query"}
	}
	out.Groups = make([]Group, 0, len(sums))
	out.Count = out.Other + out.Absent
	for v, n := range sums {
		out.Groups = append(out.Groups, Group{v, n})
		out.Count += n
	}
	slices.SortFunc(out.Groups, func(a, b Group) int {
		if a.Count != b.Count {
			if a.Count > b.Count {
				return -1
			}
			return 1
		}
		return strings.Compare(a.Value, b.Value)
	})
	if top > 0 && len(out.Groups) > top {
		for _, r := range out.Groups[top:] {
			out.Other += r.Count
		}
		out.Groups = out.Groups[:top]
	}
	return nil
}

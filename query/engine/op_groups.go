package engine

import (
	"bytes"
	"context"
	"errors"
	"slices"
	"strings"
	"sync"

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

// Groups is the answer of CountBy and Values.
type Groups struct {
	Count  uint64  // matching records
	Groups []Group // by count, descending; then by value
	Other  uint64  // matching records with other values
	Absent uint64  // matching records without the field
	Stats  Stats
}

// errOneField is the answer to counting by "any" or by nothing.
var errOneField = errors.New(`count by field: want the name of one field, such as service`)

// CountBy counts the matching records by a field's values and gives the top most frequent ones (0: all).
func (e *Engine) CountBy(ctx context.Context, r Request, fieldName string, top int) (*Groups, error) {
	return e.groups(ctx, r, fieldName, "", top)
}

// Values are a field's most frequent values that begin with prefix, whatever its case, among the matching records.
func (e *Engine) Values(ctx context.Context, r Request, fieldName, prefix string, top int) (*Groups, error) {
	return e.groups(ctx, r, fieldName, prefix, top)
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

func (e *Engine) groups(ctx context.Context, r Request, fieldName, prefix string, top int) (*Groups, error) {
	f := question.FieldOf(r.Signal, fieldName)
	if f.Every || fieldName == "" {
		return nil, errOneField
	}
	if e.spreads(&r) {
		return e.groupsAll(ctx, r, fieldName, prefix, top)
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
	g := &grouping{q: q, field: f, accept: beginsWith(prefix)}
	if err := q.each(ctx, match.TasksOf(bounds), nil, g.visit); err != nil {
		return nil, err
	}
	out, err := g.result(top)
	if err != nil {
		return nil, err
	}
	out.Stats = q.stats()
	return out, nil
}

// grouping counts by value on several goroutines: each scan has a keyer and counts of its own.
type grouping struct {
	q      *query
	field  question.Field
	accept func([]byte) bool

	mu    sync.Mutex
	byRun map[*match.Scan]*groupCounts
}

type groupCounts struct {
	keyer  *match.Keyer
	counts []uint64 // by the keyer's groups
	other  uint64
	absent uint64
}

func (g *grouping) of(s *match.Scan) *groupCounts {
	g.mu.Lock()
	defer g.mu.Unlock()
	if g.byRun == nil {
		g.byRun = map[*match.Scan]*groupCounts{}
	}
	c := g.byRun[s]
	if c == nil {
		c = &groupCounts{keyer: match.NewKeyer(g.field, g.accept, g.q.engine.limits.Groups)}
		g.byRun[s] = c
	}
	return c
}

func (g *grouping) visit(ctx context.Context, t match.Task, s *match.Scan) error {
	rows, err := s.RowsMatching(ctx)
	if err != nil || rows.Empty() {
		return err
	}
	c := g.of(s)
	if done, err := c.fromHistogram(ctx, t, s, rows); done || err != nil {
		if err == nil {
			g.q.tally.matched.Add(int64(s.Rows))
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
	g.q.tally.matched.Add(int64(rows.Count(s.Rows)))
	return nil
}

func (c *groupCounts) grow() {
	for len(c.counts) < len(c.keyer.Texts) {
		c.counts = append(c.counts, 0)
	}
}

// fromHistogram counts a row group all of whose rows match, if the field is one column with a histogram.
func (c *groupCounts) fromHistogram(ctx context.Context, t match.Task, s *match.Scan, rows rowset.Set) (bool, error) {
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

func (g *grouping) result(top int) (*Groups, error) {
	out := &Groups{}
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
	return out, out.add(sums, g.q.engine.limits.Groups, top)
}

// add adds what was counted of each value, and keeps the top ones; Other and Absent are there already.
func (out *Groups) add(sums map[string]uint64, most, top int) error {
	if len(sums) > most {
		return &LimitError{What: "groups", Max: most, Hint: "count by a field with fewer values, or narrow the query"}
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

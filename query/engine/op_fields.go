package engine

import (
	"context"
	"slices"
	"sync"

	"clew/internal/telemetry"
	"clew/query/engine/match"
	"clew/query/engine/question"

	"go.opentelemetry.io/collector/pdata/pcommon"
)

// FieldCount is a field that records have.
type FieldCount struct {
	Column telemetry.Column
	Count  uint64 // matching records that have it
}

// Fields is the answer of Engine.Fields.
type Fields struct {
	Fields []FieldCount // in Column.Compare's order
	Count  uint64       // matching records
	Stats  Stats
}

// Fields lists the fields of the matching records, with their types and how many records have them.
func (e *Engine) Fields(ctx context.Context, r Request) (*Fields, error) {
	if e.spreads(&r) {
		return e.fieldsAll(ctx, r)
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
	out := &Fields{}
	var mu sync.Mutex
	counts := map[telemetry.Column]uint64{}
	var tasks []match.Task
	for _, b := range bounds {
		if !b.MatchesAll() || b.OverflowColumns() != nil {
			tasks = append(tasks, match.TasksOf([]*match.Bound{b})...)
			continue
		}
		// All records of the part: its columns say it.
		out.Count += uint64(b.Info.Rows)
		q.tally.matched.Add(int64(b.Info.Rows))
		for _, c := range b.Columns {
			counts[c.Column] += c.NonNull
		}
	}
	err = q.each(ctx, tasks, nil, func(ctx context.Context, t match.Task, s *match.Scan) error {
		rows, err := s.RowsMatching(ctx)
		if err != nil || rows.Empty() {
			return err
		}
		have := map[telemetry.Column]uint64{}
		together, isTogether := t.Bound.Part.(match.Overflowing)
		overflow := false
		for col, c := range t.Bound.Columns {
			if c.Overflow && isTogether {
				overflow = true
				continue
			}
			n, err := t.Bound.CountValues(ctx, col, t.Group, rows)
			if err != nil {
				return err
			}
			have[c.Column] += uint64(n)
		}
		if overflow {
			err := together.EachOverflow(ctx, t.Group, match.RowList(rows, s.Rows), func(_, col int, _ []byte) error {
				have[t.Bound.Columns[col].Column]++
				return nil
			})
			if err != nil {
				return err
			}
		}
		for level, col := range t.Bound.OverflowColumns() {
			err := t.Bound.EachOverflow(ctx, col, t.Group, rows, func(_ int, members pcommon.Map) error {
				for key, v := range members.All() {
					typ, _ := match.OverflowValue(v)
					have[telemetry.Column{Level: level, Key: key, Type: typ}]++
				}
				return nil
			})
			if err != nil {
				return err
			}
		}
		n := rows.Count(s.Rows)
		q.tally.matched.Add(int64(n))
		mu.Lock()
		defer mu.Unlock()
		out.Count += uint64(n)
		for c, n := range have {
			counts[c] += n
		}
		return nil
	})
	if err != nil {
		return nil, err
	}
	out.add(counts)
	out.Stats = q.stats()
	return out, nil
}

// add adds the fields that records have.
func (out *Fields) add(counts map[telemetry.Column]uint64) {
	for c, n := range counts {
		if n > 0 && !(c.Level == telemetry.LevelField && slices.Contains(question.HiddenFields, c.Key)) {
			out.Fields = append(out.Fields, FieldCount{c, n})
		}
	}
	slices.SortFunc(out.Fields, func(a, b FieldCount) int { return a.Column.Compare(b.Column) })
}

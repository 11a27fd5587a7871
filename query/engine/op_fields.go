package engine

import (
	"context"
	"slices"
	"sync"

	"go.opentelemetry.io/collector/pdata/pcommon"

	"clew/internal/telemetry"
	"clew/query/engine/question"
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
	var tasks []task
	for _, b := range bounds {
		if b.root.kind != planConst || b.overflowColumns() != nil {
			tasks = append(tasks, tasksOf([]*bound{b})...)
			continue
		}
		// All records of the part: its columns say it.
		out.Count += uint64(b.info.Rows)
		q.tally.matched.Add(int64(b.info.Rows))
		for _, c := range b.columns {
			counts[c.Column] += c.NonNull
		}
	}
	err = q.each(ctx, tasks, nil, func(ctx context.Context, t task, s *scan) error {
		rows, err := s.rowsMatching(ctx)
		if err != nil || rows.Empty() {
			return err
		}
		have := map[telemetry.Column]uint64{}
		together, isTogether := t.b.part.(overflowing)
		overflow := false
		for col, c := range t.b.columns {
			if c.Overflow && isTogether {
				overflow = true
				continue
			}
			n, err := t.b.countValues(ctx, col, t.rg, rows)
			if err != nil {
				return err
			}
			have[c.Column] += uint64(n)
		}
		if overflow {
			err := together.EachOverflow(ctx, t.rg, rowList(rows, s.rows), func(_, col int, _ []byte) error {
				have[t.b.columns[col].Column]++
				return nil
			})
			if err != nil {
				return err
			}
		}
		for level, col := range t.b.overflowColumns() {
			err := t.b.eachOverflow(ctx, col, t.rg, rows, func(_ int, members pcommon.Map) error {
				for key, v := range members.All() {
					typ, _ := overflowValue(v)
					have[telemetry.Column{Level: level, Key: key, Type: typ}]++
				}
				return nil
			})
			if err != nil {
				return err
			}
		}
		n := rows.Count(s.rows)
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

package match

import (
	"bytes"
	"context"
	"fmt"
	"slices"
	"strconv"

	"go.opentelemetry.io/collector/pdata/pcommon"

	"clew/index/vocabulary"
	"clew/internal/telemetry"
	"clew/query/engine/question"
	"clew/query/engine/rowset"
)

// Attributes beyond the number of columns that a batch may have, and those of very long keys, have no column: they are members
// of a JSON object in an overflow field of their level. (A segment's own overflow is nothing to see here: its parts show it as columns.)

// overflowFields are the fields by the level of the attributes in them.
var overflowFields = map[telemetry.Level]string{
	telemetry.LevelRecord:   telemetry.FieldOverflow,
	telemetry.LevelResource: telemetry.FieldResourceOverflow,
	telemetry.LevelScope:    telemetry.FieldScopeOverflow,
}

// askOverflow gives the leaves for the overflow fields in which attributes that p asks for may be.
func (b *Bound) askOverflow(ctx context.Context, p *Plan) ([]*node, error) {
	var kids []*node
	for i, c := range b.Columns {
		if c.Level != telemetry.LevelField || c.Type != telemetry.TypeJSON || c.NonNull == 0 {
			continue
		}
		for level, name := range overflowFields {
			if c.Key != name {
				continue
			}
			m := &overflowMatcher{tests: p.tests, every: p.field.Every}
			for _, w := range p.field.Wants {
				if w.Level == level {
					m.keys = append(m.keys, w.Key)
				}
			}
			if len(m.keys) == 0 && !m.every {
				continue
			}
			n, err := b.ask(ctx, i, question.MatcherTest(m))
			if err != nil {
				return nil, err
			}
			kids = append(kids, n)
		}
	}
	return kids, nil
}

// overflowMatcher asks members of a JSON object.
type overflowMatcher struct {
	keys  []string
	every bool
	tests map[telemetry.Type]*question.Test
}

func (m *overflowMatcher) Template(t []byte, _ vocabulary.HoleFilter) vocabulary.Answer {
	return question.AnswerWithoutHoles(m, t)
}

func (m *overflowMatcher) Text(s []byte) bool {
	if !m.every && !slices.ContainsFunc(m.keys, func(k string) bool { return bytes.Contains(s, []byte(k)) || needsEscape(k) }) {
		return false
	}
	members := pcommon.NewMap()
	if telemetry.ParseMap(string(s), members) != nil {
		return false
	}
	for k, v := range members.All() {
		if !m.every && !slices.Contains(m.keys, k) {
			continue
		}
		typ, value := OverflowValue(v)
		if t := m.tests[typ]; t != nil && t.Value(typ, value.text(typ)) {
			return true
		}
	}
	return false
}

// needsEscape says whether a key may look different in JSON.
func needsEscape(key string) bool { return strconv.Quote(key) != `"`+key+`"` }

func (m *overflowMatcher) Words() []uint64 { return nil }

func (m *overflowMatcher) String() string {
	s := fmt.Sprintf("overflow:%q,%v", m.keys, m.every)
	for t := telemetry.TypeString; t <= telemetry.TypeTime; t++ {
		if m.tests[t] != nil {
			s += fmt.Sprintf(",%v=%q", t, m.tests[t].Key)
		}
	}
	return s
}

// OverflowValue is a member as a column would have it.
func OverflowValue(v pcommon.Value) (telemetry.Type, Value) {
	switch v.Type() {
	case pcommon.ValueTypeStr:
		return telemetry.TypeString, Value{Text: v.Str()}
	case pcommon.ValueTypeInt:
		return telemetry.TypeInt, Value{Int: v.Int()}
	case pcommon.ValueTypeDouble:
		return telemetry.TypeDouble, Value{Double: v.Double()}
	case pcommon.ValueTypeBool:
		if v.Bool() {
			return telemetry.TypeBool, Value{Int: 1}
		}
		return telemetry.TypeBool, Value{}
	case pcommon.ValueTypeBytes:
		return telemetry.TypeBytes, Value{Text: string(v.Bytes().AsRaw())}
	}
	text, _ := telemetry.AppendValue(nil, v)
	return telemetry.TypeJSON, Value{Text: string(text)}
}

// text is the value as a vocabulary or a raw column keeps it.
func (v Value) text(t telemetry.Type) []byte {
	if t == telemetry.TypeBytes {
		return []byte(v.Text)
	}
	return []byte(Field{Column: telemetry.Column{Type: t}, Value: v}.Text())
}

// spreadOverflow makes fields of the members of a record's overflow fields.
func (r *Record) spreadOverflow() error {
	isOverflow := func(f Field) (telemetry.Level, bool) {
		if f.Column.Level != telemetry.LevelField {
			return 0, false
		}
		for level, name := range overflowFields {
			if f.Column.Key == name {
				return level, true
			}
		}
		return 0, false
	}
	var more []Field
	for _, f := range r.Level(telemetry.LevelField) {
		level, ok := isOverflow(f)
		if !ok {
			continue
		}
		members := pcommon.NewMap()
		if err := telemetry.ParseMap(f.Value.Text, members); err != nil {
			return fmt.Errorf("field %s: %w", f.Column.Key, err)
		}
		for k, v := range members.All() {
			typ, value := OverflowValue(v)
			more = append(more, Field{telemetry.Column{Level: level, Key: k, Type: typ}, value})
		}
	}
	if len(more) == 0 {
		return nil
	}
	r.Fields = slices.DeleteFunc(r.Fields, func(f Field) bool { _, ok := isOverflow(f); return ok })
	r.Fields = append(r.Fields, more...)
	slices.SortStableFunc(r.Fields, func(a, b Field) int { return a.Column.Compare(b.Column) })
	return nil
}

// OverflowColumns are the part's overflow fields that hold something, by the level of the attributes in them.
func (b *Bound) OverflowColumns() map[telemetry.Level]int {
	var cols map[telemetry.Level]int
	for i, c := range b.Columns {
		if c.Level != telemetry.LevelField || c.NonNull == 0 {
			continue
		}
		for level, name := range overflowFields {
			if c.Key == name {
				if cols == nil {
					cols = map[telemetry.Level]int{}
				}
				cols[level] = i
			}
		}
	}
	return cols
}

// EachOverflow calls f with the attributes that an overflow field holds of each of the rows that have any.
func (b *Bound) EachOverflow(ctx context.Context, col, rg int, rows rowset.Set, f func(row int, members pcommon.Map) error) error {
	cells, err := b.cells(ctx, col, rg)
	if err != nil {
		return err
	}
	var buf []byte
	rows.Each(b.Groups[rg].Rows, func(row int) bool {
		var ok bool
		if buf, ok = cells(buf[:0], row); !ok {
			return true
		}
		members := pcommon.NewMap()
		if err = telemetry.ParseMap(string(buf), members); err != nil {
			err = fmt.Errorf("part %s: field %s: %w", b.Info.ID, b.Columns[col].Key, err)
			return false
		}
		err = f(row, members)
		return err == nil && ctx.Err() == nil
	})
	if err == nil {
		err = ctx.Err()
	}
	return err
}

// resolveMembers tests the values that rows have in any of a segment's overflow columns.
func (s *Scan) resolveMembers(ctx context.Context, l *columnTest, st *nodeState, rows rowset.Set) error {
	w := s.arena.Zeroed()
	list := RowList(rows, s.Rows)
	looked := 0
	err := s.b.Part.(Overflowing).EachOverflow(ctx, s.rg, list, func(i, col int, value []byte) error {
		if looked += len(value) + 64; looked >= checkBytes {
			looked = 0
			if err := ctx.Err(); err != nil {
				return err
			}
		}
		row := list[i]
		typ := s.b.Columns[col].Type
		if t := l.members[typ]; t != nil && w[row>>6]>>(row&63)&1 == 0 && t.Value(typ, value) {
			w[row>>6] |= 1 << (row & 63)
		}
		return nil
	})
	if err != nil {
		return err
	}
	s.settle(st, w)
	return nil
}

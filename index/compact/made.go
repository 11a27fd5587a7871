package compact

import (
	"context"
	"fmt"
	"slices"

	"clew/index"
	"clew/index/vocabulary"
	"clew/internal/telemetry"
)

// MadeColumn is a column of rows made of others (see Make): for each row group its values. Exactly one of Ints and Bytes is set.
type MadeColumn struct {
	telemetry.Column
	Ints  [][]int64  // of TypeInt and TypeTime; every row has one
	Bytes [][][]byte // of the others; nil is none
}

// Make returns rows made of those of a part: of each row group those that picked names, as Pick does, but with columns in the place of the part's own,
// and without the columns without. Times of row groups are those of the columns telemetry.FieldTime and telemetry.FieldEnd, which must be among them.
func Make(ctx context.Context, part index.Part, picked [][]int, columns []MadeColumn, without ...telemetry.Column) (index.Part, error) {
	rest, err := Pick(ctx, part, picked)
	if err != nil {
		return nil, err
	}
	m := &made{Part: rest, info: rest.Info(), groups: slices.Clone(rest.RowGroups())}
	m.info.SortedBy = -1
	for col, c := range rest.Columns() {
		if !slices.Contains(without, c.Column) && !slices.ContainsFunc(columns, func(mc MadeColumn) bool { return mc.Column == c.Column }) {
			m.columns = append(m.columns, madeColumn{ColumnInfo: c, from: col})
		}
	}
	for _, c := range columns {
		m.columns = append(m.columns, c.column(part.RowGroups(), picked))
	}
	slices.SortFunc(m.columns, func(a, b madeColumn) int { return a.Column.Compare(b.Column) })
	for _, c := range m.columns {
		m.infos = append(m.infos, c.ColumnInfo)
	}
	return m, m.setTimes()
}

// made is the part.
type made struct {
	index.Part
	info    index.Info
	groups  []index.RowGroupInfo
	columns []madeColumn
	infos   []index.ColumnInfo
}

// madeColumn is one of its columns.
type madeColumn struct {
	index.ColumnInfo
	from  int // the part's; -1: it is made
	ints  [][]int64
	bytes []index.Bytes
}

// column lays the values out, without the row groups that nothing is picked of.
func (c *MadeColumn) column(groups []index.RowGroupInfo, picked [][]int) madeColumn {
	out := madeColumn{ColumnInfo: index.ColumnInfo{Column: c.Column, Kind: index.KindRaw}, from: -1}
	if c.Ints != nil {
		out.Kind = index.KindInt
	}
	for rg := range groups {
		if len(picked[rg]) == 0 {
			continue
		}
		if c.Ints != nil {
			out.ints = append(out.ints, c.Ints[rg])
			out.NonNull += uint64(len(c.Ints[rg]))
			continue
		}
		b := index.Bytes{Offsets: []uint32{0}, Valid: make([]uint64, (len(c.Bytes[rg])+63)/64)}
		for row, v := range c.Bytes[rg] {
			if v != nil {
				b.Valid[row>>6] |= 1 << (row & 63)
				out.NonNull++
			}
			b.Data = append(b.Data, v...)
			b.Offsets = append(b.Offsets, uint32(len(b.Data)))
		}
		out.bytes = append(out.bytes, b)
	}
	return out
}

func (m *made) setTimes() error {
	find := func(key string) *madeColumn {
		i := slices.IndexFunc(m.columns, func(c madeColumn) bool { return c.from < 0 && c.Key == key && c.ints != nil })
		if i < 0 {
			return nil
		}
		return &m.columns[i]
	}
	from, to := find(telemetry.FieldTime), find(telemetry.FieldEnd)
	if len(m.groups) > 0 && (from == nil || to == nil) {
		return fmt.Errorf("rows made of part %s have no times", m.info.ID)
	}
	for g := range m.groups {
		m.groups[g].MinTime, m.groups[g].MaxTime = slices.Min(from.ints[g]), slices.Max(to.ints[g])
		if g == 0 {
			m.info.MinTime, m.info.MaxTime = m.groups[g].MinTime, m.groups[g].MaxTime
		}
		m.info.MinTime, m.info.MaxTime = min(m.info.MinTime, m.groups[g].MinTime), max(m.info.MaxTime, m.groups[g].MaxTime)
	}
	return nil
}

// Info implements index.Part.
func (m *made) Info() index.Info { return m.info }

// Columns implements index.Part.
func (m *made) Columns() []index.ColumnInfo { return m.infos }

// RowGroups implements index.Part.
func (m *made) RowGroups() []index.RowGroupInfo { return m.groups }

func (m *made) wrong(col int, what string) error {
	return fmt.Errorf("part %s: column %s, which is made, has no %s", m.info.ID, m.infos[col].Column, what)
}

// Vocabulary implements index.Part.
func (m *made) Vocabulary(ctx context.Context, col int) (*vocabulary.Arena, error) {
	if m.columns[col].from < 0 {
		return nil, m.wrong(col, "vocabulary")
	}
	return m.Part.Vocabulary(ctx, m.columns[col].from)
}

// Histogram implements index.Part: none is kept.
func (m *made) Histogram(context.Context, int, int) (index.Histogram, bool, error) {
	return index.Histogram{}, false, nil
}

// MayContain implements index.Part.
func (m *made) MayContain(ctx context.Context, col, rg int, hash uint64) (bool, error) {
	if m.columns[col].from < 0 {
		return true, nil
	}
	return m.Part.MayContain(ctx, m.columns[col].from, rg, hash)
}

// Codes implements index.Part.
func (m *made) Codes(ctx context.Context, col, rg int) ([]uint32, error) {
	if m.columns[col].from < 0 {
		return nil, m.wrong(col, "codes")
	}
	return m.Part.Codes(ctx, m.columns[col].from, rg)
}

// Ints implements index.Part.
func (m *made) Ints(ctx context.Context, col, rg int) (index.Ints, error) {
	c := &m.columns[col]
	switch {
	case c.from >= 0:
		return m.Part.Ints(ctx, c.from, rg)
	case c.ints == nil:
		return index.Ints{}, m.wrong(col, "whole numbers")
	}
	return index.Ints{Values: c.ints[rg]}, nil
}

// Doubles implements index.Part.
func (m *made) Doubles(ctx context.Context, col, rg int) (index.Doubles, error) {
	if m.columns[col].from < 0 {
		return index.Doubles{}, m.wrong(col, "doubles")
	}
	return m.Part.Doubles(ctx, m.columns[col].from, rg)
}

// Bytes implements index.Part.
func (m *made) Bytes(ctx context.Context, col, rg int) (index.Bytes, error) {
	c := &m.columns[col]
	switch {
	case c.from >= 0:
		return m.Part.Bytes(ctx, c.from, rg)
	case c.bytes == nil:
		return index.Bytes{}, m.wrong(col, "bytes")
	}
	return c.bytes[rg], nil
}

// Text implements index.Part.
func (m *made) Text(ctx context.Context, col, rg int) (index.TextRows, error) {
	if m.columns[col].from < 0 {
		return nil, m.wrong(col, "texts")
	}
	return m.Part.Text(ctx, m.columns[col].from, rg)
}

// DecodedBytes is about how much memory a column of a row group takes when it is decoded, as the part says; 0 where it does not know.
func (m *made) DecodedBytes(col, rg int) int64 {
	c := &m.columns[col]
	switch p, ok := m.Part.(interface{ DecodedBytes(col, rg int) int64 }); {
	case c.bytes != nil:
		return int64(len(c.bytes[rg].Data))
	case c.from >= 0 && ok:
		return p.DecodedBytes(c.from, rg)
	}
	return 0
}

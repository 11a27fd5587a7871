package table

import (
	"context"
	"fmt"
	"slices"

	"clew/index"
	"clew/index/vocabulary"
)

// snapshot is the table at one moment. It implements index.Part and never changes.
type snapshot struct {
	info    index.Info
	columns []index.ColumnInfo
	views   []*columnView
	groups  []index.RowGroupInfo
	sets    *columnView // the set of each row
	setRows int         // sets
}

// columnView is a column at one moment.
type columnView struct {
	info    index.ColumnInfo
	ofSet   bool
	full    []*chunk
	last    *chunk // a copy
	entries *vocabulary.Arena
}

// Snapshot returns the rows appended so far as a part, which later appends don't change. It copies no values: some hundred bytes for each
// column that grew since the last snapshot. It waits for a running Append to end.
func (t *Table) Snapshot() index.Part {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.snap != nil {
		return t.snap
	}
	if !t.sorted {
		slices.SortFunc(t.ordered, func(a, b *column) int { return a.Compare(b.Column) })
		t.sorted = true
	}
	s := &snapshot{
		info: index.Info{
			ID: t.id, Signal: t.signal, Tenant: t.tenant, Shard: t.shard, Head: true,
			Rows: t.Rows(), Bytes: t.Bytes(), SortedBy: -1,
		},
		columns: make([]index.ColumnInfo, len(t.ordered)),
		views:   make([]*columnView, len(t.ordered)),
		groups:  slices.Clone(t.groups),
		setRows: len(t.sets.columns),
		sets:    t.sets.of.snapshot(),
	}
	for i, g := range s.groups {
		if i == 0 {
			s.info.MinTime, s.info.MaxTime = g.MinTime, g.MaxTime
		}
		s.info.MinTime = min(s.info.MinTime, g.MinTime)
		s.info.MaxTime = max(s.info.MaxTime, g.MaxTime)
	}
	for i, c := range t.ordered {
		s.views[i] = c.snapshot()
		s.columns[i] = s.views[i].info
	}
	t.snap = s
	return s
}

// snapshot returns the column's view, the same one while nothing is appended.
func (c *column) snapshot() *columnView {
	if c.view != nil {
		return c.view
	}
	v := &columnView{ofSet: c.ofSet, full: c.full[:len(c.full):len(c.full)]}
	v.info = index.ColumnInfo{Column: c.Column, Kind: c.kind, NonNull: c.rows}
	if c.last != nil {
		v.last = c.last.snapshot()
	}
	switch {
	case c.values != nil:
		v.entries = c.values.Snapshot()
	case c.coder != nil:
		templates := *c.coder.Templates()
		v.entries = &templates
	}
	if v.entries != nil {
		v.info.Distinct = uint32(v.entries.Len())
	}
	c.view = v
	return v
}

// chunk returns the column's chunk of a row group, or nil if no row there has a value.
func (v *columnView) chunk(group int) *chunk {
	if v.last != nil && v.last.group == group {
		return v.last
	}
	i, ok := slices.BinarySearchFunc(v.full, group, func(c *chunk, g int) int { return c.group - g })
	if ok {
		return v.full[i]
	}
	return nil
}

// Info implements index.Part.
func (s *snapshot) Info() index.Info { return s.info }

// Columns implements index.Part.
func (s *snapshot) Columns() []index.ColumnInfo { return s.columns }

// RowGroups implements index.Part.
func (s *snapshot) RowGroups() []index.RowGroupInfo { return s.groups }

// BytesRead implements index.Part: a head reads nothing.
func (s *snapshot) BytesRead() int64 { return 0 }

// view returns a column of one of the kinds.
func (s *snapshot) view(ctx context.Context, col, rg int, kinds ...index.Kind) (*columnView, error) {
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	if col < 0 || col >= len(s.views) || rg < index.Whole || rg >= len(s.groups) {
		return nil, fmt.Errorf("part %s: no column %d or no row group %d", s.info.ID, col, rg)
	}
	v := s.views[col]
	if !slices.Contains(kinds, v.info.Kind) {
		return nil, fmt.Errorf("part %s: column %v is of kind %v, not %v", s.info.ID, v.info.Column, v.info.Kind, kinds)
	}
	return v, nil
}

// Vocabulary implements index.Part.
func (s *snapshot) Vocabulary(ctx context.Context, col int) (*vocabulary.Arena, error) {
	v, err := s.view(ctx, col, index.Whole, index.KindValue, index.KindText)
	if err != nil {
		return nil, err
	}
	return v.entries, nil
}

// MayContain implements index.Part. A head has no filters: it is sure only of row groups where the column has no value.
func (s *snapshot) MayContain(ctx context.Context, col, rg int, _ uint64) (bool, error) {
	v, err := s.view(ctx, col, rg, index.KindRaw, index.KindText)
	if err != nil {
		return false, err
	}
	return rg == index.Whole || v.ofSet || v.chunk(rg) != nil, nil
}

// Codes implements index.Part.
func (s *snapshot) Codes(ctx context.Context, col, rg int) ([]uint32, error) {
	v, err := s.view(ctx, col, rg, index.KindValue, index.KindText)
	if err != nil {
		return nil, err
	}
	if !v.ofSet {
		return v.chunk(rg).expandCodes(s.groups[rg].Rows), nil
	}
	ofSet := perSet(s, func(group, n int) []uint32 { return v.chunk(group).expandCodes(n) })
	out := s.setsOf(rg)
	for i, set := range out {
		if set != index.NullCode {
			out[i] = ofSet[set]
		}
	}
	return out, nil
}

// Ints implements index.Part.
func (s *snapshot) Ints(ctx context.Context, col, rg int) (index.Ints, error) {
	v, err := s.view(ctx, col, rg, index.KindInt)
	if err != nil {
		return index.Ints{}, err
	}
	n := s.groups[rg].Rows
	if !v.ofSet {
		return v.chunk(rg).expandInts(n), nil
	}
	ofSet := perSet(s, func(group, n int) []int64 { return v.chunk(group).expandInts(n).Values })
	vals, valid := gatherSets(s, v, rg, ofSet)
	return index.Ints{Values: vals, Valid: valid}, nil
}

// Doubles implements index.Part.
func (s *snapshot) Doubles(ctx context.Context, col, rg int) (index.Doubles, error) {
	v, err := s.view(ctx, col, rg, index.KindDouble)
	if err != nil {
		return index.Doubles{}, err
	}
	n := s.groups[rg].Rows
	if !v.ofSet {
		return v.chunk(rg).expandDoubles(n), nil
	}
	ofSet := perSet(s, func(group, n int) []float64 { return v.chunk(group).expandDoubles(n).Values })
	vals, valid := gatherSets(s, v, rg, ofSet)
	return index.Doubles{Values: vals, Valid: valid}, nil
}

// Bytes implements index.Part.
func (s *snapshot) Bytes(ctx context.Context, col, rg int) (index.Bytes, error) {
	v, err := s.view(ctx, col, rg, index.KindRaw)
	if err != nil {
		return index.Bytes{}, err
	}
	n := s.groups[rg].Rows
	if !v.ofSet {
		return v.chunk(rg).expandBytes(n), nil
	}
	ofSet := perSet(s, func(group, n int) [][]byte {
		b := v.chunk(group).expandBytes(n)
		vals := make([][]byte, n)
		for i := range vals {
			vals[i] = b.At(i)
		}
		return vals
	})
	vals, valid := gatherSets(s, v, rg, ofSet)
	out := index.Bytes{Offsets: make([]uint32, 1, n+1), Valid: valid}
	for _, val := range vals {
		out.Data = append(out.Data, val...)
		out.Offsets = append(out.Offsets, uint32(len(out.Data)))
	}
	return out, nil
}

// Text implements index.Part.
func (s *snapshot) Text(ctx context.Context, col, rg int) (index.TextRows, error) {
	v, err := s.view(ctx, col, rg, index.KindText)
	if err != nil {
		return nil, err
	}
	return newTextRows(v.chunk(rg), v.entries), nil
}

// setsOf returns the set of each row of a row group, or NullCode.
func (s *snapshot) setsOf(rg int) []uint32 { return s.sets.chunk(rg).expandCodes(s.groups[rg].Rows) }

// perSet puts the values of all sets together; expand gives those of the n sets in one of their row groups.
func perSet[T any](s *snapshot, expand func(group, n int) []T) []T {
	out := make([]T, 0, s.setRows)
	for g := 0; g*groupRows < s.setRows; g++ {
		out = append(out, expand(g, min(groupRows, s.setRows-g*groupRows))...)
	}
	return out
}

// gatherSets gives each row of a row group its set's value.
func gatherSets[T any](s *snapshot, v *columnView, rg int, ofSet []T) (vals []T, valid []uint64) {
	has := perSet(s, func(group, n int) []bool {
		out := make([]bool, n)
		if c := v.chunk(group); c != nil {
			for i := range c.rows.n {
				out[i] = true
			}
			spread(&c.rows, out, false)
		}
		return out
	})
	rows := s.setsOf(rg)
	vals = make([]T, len(rows))
	valid = make([]uint64, (len(rows)+63)/64)
	nulls := 0
	for i, set := range rows {
		if set == index.NullCode || !has[set] {
			nulls++
			continue
		}
		vals[i] = ofSet[set]
		valid[i>>6] |= 1 << (i & 63)
	}
	if nulls == 0 {
		valid = nil
	}
	return vals, valid
}

// Histogram implements index.Part. It is kept for row groups that are complete, of columns with few codes.
func (s *snapshot) Histogram(ctx context.Context, col, rg int) (index.Histogram, bool, error) {
	v, err := s.view(ctx, col, rg, index.KindValue, index.KindText)
	if err != nil {
		return index.Histogram{}, false, err
	}
	n := s.groups[rg].Rows
	if n < groupRows {
		return index.Histogram{}, false, nil
	}
	if !v.ofSet {
		h, ok := v.chunk(rg).countCodes(n)
		return h, ok, nil
	}
	h, ok := s.sets.chunk(rg).countCodes(n)
	if !ok {
		return index.Histogram{}, false, nil
	}
	ofSet := perSet(s, func(group, n int) []uint32 { return v.chunk(group).expandCodes(n) })
	counts := map[uint32]uint32{}
	out := index.Histogram{Nulls: h.Nulls}
	for i, set := range h.Codes {
		if code := ofSet[set]; code == index.NullCode {
			out.Nulls += int(h.Counts[i])
		} else {
			counts[code] += h.Counts[i]
		}
	}
	for code := range counts {
		out.Codes = append(out.Codes, code)
	}
	slices.Sort(out.Codes)
	for _, code := range out.Codes {
		out.Counts = append(out.Counts, counts[code])
	}
	return out, true, nil
}

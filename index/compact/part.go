package compact

import (
	"context"
	"fmt"
	"math/bits"

	"clew/index"
	"clew/index/vocabulary"
)

// Rows is a set of rows of a part: for each row group a bitmap, bit i%64 of word i/64 for row i; nil is no row of the group.
type Rows [][]uint64

// Has says whether a row is in the set.
func (r Rows) Has(rg, row int) bool { return r[rg] != nil && r[rg][row>>6]>>(row&63)&1 == 1 }

// Add puts a row into the set; rows is how many the row group has.
func (r Rows) Add(rg, row, rows int) {
	if r[rg] == nil {
		r[rg] = make([]uint64, (rows+63)/64)
	}
	r[rg][row>>6] |= 1 << (row & 63)
}

// Count is how many rows the set has.
func (r Rows) Count() int {
	n := 0
	for _, words := range r {
		for _, w := range words {
			n += bits.OnesCount64(w)
		}
	}
	return n
}

// less is some rows of a part. What only the others said is not in its vocabularies any more, nor a column that only they had.
type less struct {
	index.Part
	info    index.Info
	columns []index.ColumnInfo
	groups  []index.RowGroupInfo
	from    []int   // of each row group: the part's
	rows    [][]int // of each row group: its rows there
	coded   []coding
}

// coding is a coded column's vocabulary, as far as it is still used.
type coding struct {
	arena *vocabulary.Arena
	codes []uint32 // by the part's codes: ours
}

// Without returns part without the rows gone, as Pick does.
func Without(ctx context.Context, part index.Part, gone Rows) (index.Part, error) {
	picked := make([][]int, len(part.RowGroups()))
	for rg, g := range part.RowGroups() {
		for row := range g.Rows {
			if !gone.Has(rg, row) {
				picked[rg] = append(picked[rg], row)
			}
		}
	}
	return Pick(ctx, part, picked)
}

// Pick returns some rows of a part: of each row group those that picked names, in this order; one may be named several times. It reads all columns once,
// to know what is left of each. Times of row groups, and of the whole, stay bounds that may be wider than need be. The result reads from part for as
// long as it is used.
func Pick(ctx context.Context, part index.Part, picked [][]int) (index.Part, error) {
	l := &less{Part: part, info: part.Info()}
	l.info.Rows = 0
	for rg, g := range part.RowGroups() {
		rows := picked[rg]
		if len(rows) == 0 {
			continue
		}
		g.Rows = len(rows)
		l.info.Rows += len(rows)
		l.groups, l.from, l.rows = append(l.groups, g), append(l.from, rg), append(l.rows, rows)
	}
	l.coded = make([]coding, len(part.Columns()))
	for col, c := range part.Columns() {
		var err error
		if coded := c.Kind == index.KindValue || c.Kind == index.KindText; coded && !c.Overflow {
			err = l.recode(ctx, col, &c)
		} else {
			err = l.count(ctx, col, &c)
		}
		if err != nil {
			return nil, fmt.Errorf("column %s of part %s: %w", c.Column, l.info.ID, err)
		}
		l.columns = append(l.columns, c)
	}
	return l, nil
}

// recode makes a coded column's vocabulary of what is still used, in its order.
func (l *less) recode(ctx context.Context, col int, c *index.ColumnInfo) error {
	arena, err := l.Part.Vocabulary(ctx, col)
	if err != nil {
		return err
	}
	used := make([]bool, arena.Len())
	c.NonNull = 0
	for g := range l.groups {
		codes, err := l.Part.Codes(ctx, col, l.from[g])
		if err != nil {
			return err
		}
		for _, row := range l.rows[g] {
			if code := codes[row]; code != index.NullCode {
				used[code] = true
				c.NonNull++
			}
		}
	}
	ours := coding{arena: &vocabulary.Arena{Offsets: []uint32{0}}, codes: make([]uint32, len(used))}
	for code, is := range used {
		if is {
			ours.codes[code] = ours.arena.Append(arena.At(code))
		}
	}
	c.Distinct = uint32(ours.arena.Len())
	l.coded[col] = ours
	return nil
}

// count counts the rows that have a value in a column without codes.
func (l *less) count(ctx context.Context, col int, c *index.ColumnInfo) error {
	if c.NonNull == uint64(l.Part.Info().Rows) {
		c.NonNull = uint64(l.info.Rows)
		return nil
	}
	c.NonNull = 0
	for g, rows := range l.rows {
		valid, err := validity(ctx, l.Part, col, l.from[g], c)
		if err != nil {
			return err
		}
		for _, row := range rows {
			if index.IsValid(valid, row) {
				c.NonNull++
			}
		}
	}
	return nil
}

func validity(ctx context.Context, part index.Part, col, rg int, c *index.ColumnInfo) ([]uint64, error) {
	switch {
	case c.Overflow || c.Kind == index.KindRaw:
		b, err := part.Bytes(ctx, col, rg)
		return b.Valid, err
	case c.Kind == index.KindInt:
		n, err := part.Ints(ctx, col, rg)
		return n.Valid, err
	case c.Kind == index.KindDouble:
		n, err := part.Doubles(ctx, col, rg)
		return n.Valid, err
	}
	return nil, fmt.Errorf("kind %d", c.Kind)
}

// Info implements index.Part.
func (l *less) Info() index.Info { return l.info }

// Columns implements index.Part.
func (l *less) Columns() []index.ColumnInfo { return l.columns }

// RowGroups implements index.Part.
func (l *less) RowGroups() []index.RowGroupInfo { return l.groups }

// Vocabulary implements index.Part.
func (l *less) Vocabulary(_ context.Context, col int) (*vocabulary.Arena, error) {
	if l.coded[col].arena == nil {
		return nil, fmt.Errorf("part %s: column %s has no vocabulary", l.info.ID, l.columns[col].Column)
	}
	return l.coded[col].arena, nil
}

// Histogram implements index.Part: none is kept.
func (l *less) Histogram(context.Context, int, int) (index.Histogram, bool, error) {
	return index.Histogram{}, false, nil
}

// DecodedBytes is about how much memory a column of a row group takes when it is decoded, as the part says; 0 where it does not know.
func (l *less) DecodedBytes(col, rg int) int64 {
	p, ok := l.Part.(interface{ DecodedBytes(col, rg int) int64 })
	if !ok {
		return 0
	}
	all := max(1, l.Part.RowGroups()[l.from[rg]].Rows)
	return p.DecodedBytes(col, l.from[rg]) * int64(l.groups[rg].Rows) / int64(all)
}

// MayContain implements index.Part: what all rows lack, fewer lack too.
func (l *less) MayContain(ctx context.Context, col, rg int, hash uint64) (bool, error) {
	if rg != index.Whole {
		rg = l.from[rg]
	}
	return l.Part.MayContain(ctx, col, rg, hash)
}

// Codes implements index.Part.
func (l *less) Codes(ctx context.Context, col, rg int) ([]uint32, error) {
	all, err := l.Part.Codes(ctx, col, l.from[rg])
	if err != nil {
		return nil, err
	}
	codes := make([]uint32, len(l.rows[rg]))
	for i, row := range l.rows[rg] {
		if codes[i] = all[row]; codes[i] != index.NullCode {
			codes[i] = l.coded[col].codes[codes[i]]
		}
	}
	return codes, nil
}

// Ints implements index.Part.
func (l *less) Ints(ctx context.Context, col, rg int) (index.Ints, error) {
	all, err := l.Part.Ints(ctx, col, l.from[rg])
	return index.Ints{Values: pick(all.Values, l.rows[rg], err), Valid: pickBits(all.Valid, l.rows[rg], err)}, err
}

// Doubles implements index.Part.
func (l *less) Doubles(ctx context.Context, col, rg int) (index.Doubles, error) {
	all, err := l.Part.Doubles(ctx, col, l.from[rg])
	return index.Doubles{Values: pick(all.Values, l.rows[rg], err), Valid: pickBits(all.Valid, l.rows[rg], err)}, err
}

// Bytes implements index.Part.
func (l *less) Bytes(ctx context.Context, col, rg int) (index.Bytes, error) {
	all, err := l.Part.Bytes(ctx, col, l.from[rg])
	if err != nil {
		return index.Bytes{}, err
	}
	out := index.Bytes{Offsets: make([]uint32, 1, len(l.rows[rg])+1), Valid: pickBits(all.Valid, l.rows[rg], nil)}
	for _, row := range l.rows[rg] {
		out.Data = append(out.Data, all.At(row)...)
		out.Offsets = append(out.Offsets, uint32(len(out.Data)))
	}
	return out, nil
}

// Text implements index.Part.
func (l *less) Text(ctx context.Context, col, rg int) (index.TextRows, error) {
	all, err := l.Part.Text(ctx, col, l.from[rg])
	if err != nil {
		return nil, err
	}
	return textLess{all, l.rows[rg], l.coded[col].codes}, nil
}

func pick[T any](all []T, rows []int, err error) []T {
	if err != nil {
		return nil
	}
	out := make([]T, len(rows))
	for i, row := range rows {
		out[i] = all[row]
	}
	return out
}

func pickBits(all []uint64, rows []int, err error) []uint64 {
	if err != nil || all == nil {
		return nil
	}
	out := make([]uint64, (len(rows)+63)/64)
	for i, row := range rows {
		out[i>>6] |= all[row>>6] >> (row & 63) & 1 << (i & 63)
	}
	return out
}

// textLess are the rows of a text column that are left.
type textLess struct {
	all   index.TextRows
	rows  []int
	codes []uint32
}

func (t textLess) Code(row int) uint32 {
	code := t.all.Code(t.rows[row])
	if code == index.NullCode {
		return code
	}
	return t.codes[code]
}

func (t textLess) AppendVar(dst []byte, row, k int) []byte {
	return t.all.AppendVar(dst, t.rows[row], k)
}
func (t textLess) IntVar(row, k int) int64               { return t.all.IntVar(t.rows[row], k) }
func (t textLess) AppendText(dst []byte, row int) []byte { return t.all.AppendText(dst, t.rows[row]) }

package match

import (
	"context"
	"math/bits"

	"clew/index"
	"clew/query/engine/rowset"
)

// CountValues counts the rows that have a value in a column.
func (b *Bound) CountValues(ctx context.Context, col, rg int, rows rowset.Set) (int, error) {
	c := b.Columns[col]
	n := b.Groups[rg].Rows
	switch {
	case c.NonNull == 0:
		return 0, nil
	case c.NonNull == uint64(b.Info.Rows):
		return rows.Count(n), nil
	case c.Overflow || c.Kind == index.KindRaw:
		vals, err := b.Part.Bytes(ctx, col, rg)
		return countValid(rows, vals.Valid, n), err
	case c.Kind == index.KindInt:
		vals, err := b.Part.Ints(ctx, col, rg)
		return countValid(rows, vals.Valid, n), err
	case c.Kind == index.KindDouble:
		vals, err := b.Part.Doubles(ctx, col, rg)
		return countValid(rows, vals.Valid, n), err
	}
	h, ok, err := b.Part.Histogram(ctx, col, rg)
	if err != nil {
		return 0, err
	}
	if ok && (rows.Kind == rowset.KindAll || len(h.Codes) == 0) {
		return n - h.Nulls, nil
	}
	codes, err := b.Part.Codes(ctx, col, rg)
	if err != nil {
		return 0, err
	}
	have := 0
	rows.Each(n, func(i int) bool {
		if codes[i] != index.NullCode {
			have++
		}
		return true
	})
	return have, nil
}

func countValid(rows rowset.Set, valid []uint64, n int) int {
	if valid == nil {
		return rows.Count(n)
	}
	have := 0
	for i, v := range valid[:(n+63)/64] {
		if i == n>>6 {
			v &= 1<<(n&63) - 1
		}
		switch rows.Kind {
		case rowset.KindAll:
			have += bits.OnesCount64(v)
		case rowset.KindSome:
			have += bits.OnesCount64(v & rows.Words[i])
		}
	}
	return have
}

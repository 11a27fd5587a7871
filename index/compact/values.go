package compact

import (
	"context"
	"fmt"
	"strconv"

	"clew/index"
)

// values are a column's values in one row group as text (see index.KindValue for its form), however the column is stored.
type values struct {
	has    func(row int) bool
	append func(dst []byte, row int) []byte
}

func openValues(ctx context.Context, part index.Part, col, rg int) (values, error) {
	c := part.Columns()[col]
	switch {
	case c.Overflow || c.Kind == index.KindRaw:
		b, err := part.Bytes(ctx, col, rg)
		return values{
			has:    func(row int) bool { return index.IsValid(b.Valid, row) },
			append: func(dst []byte, row int) []byte { return append(dst, b.At(row)...) },
		}, err
	case c.Kind == index.KindValue:
		arena, err := part.Vocabulary(ctx, col)
		if err != nil {
			return values{}, err
		}
		codes, err := part.Codes(ctx, col, rg)
		return values{
			has:    func(row int) bool { return codes[row] != index.NullCode },
			append: func(dst []byte, row int) []byte { return append(dst, arena.At(int(codes[row]))...) },
		}, err
	case c.Kind == index.KindText:
		rows, err := part.Text(ctx, col, rg)
		return values{
			has:    func(row int) bool { return rows.Code(row) != index.NullCode },
			append: func(dst []byte, row int) []byte { return rows.AppendText(dst, row) },
		}, err
	case c.Kind == index.KindInt:
		n, err := part.Ints(ctx, col, rg)
		return values{
			has:    func(row int) bool { return index.IsValid(n.Valid, row) },
			append: func(dst []byte, row int) []byte { return strconv.AppendInt(dst, n.Values[row], 10) },
		}, err
	case c.Kind == index.KindDouble:
		n, err := part.Doubles(ctx, col, rg)
		return values{
			has:    func(row int) bool { return index.IsValid(n.Valid, row) },
			append: func(dst []byte, row int) []byte { return strconv.AppendFloat(dst, n.Values[row], 'g', -1, 64) },
		}, err
	}
	return values{}, fmt.Errorf("kind %d", c.Kind)
}

package compact

import (
	"context"
	"fmt"
	"strconv"

	"clew/index"
)

// Values are a column's values in one row group as text (see index.KindValue for its form), however the column is stored.
type Values struct {
	has    func(row int) bool
	append func(dst []byte, row int) []byte
}

// Has says whether a row has a value. The zero Values have none.
func (v Values) Has(row int) bool { return v.has != nil && v.has(row) }

// Append appends the value of a row that has one.
func (v Values) Append(dst []byte, row int) []byte { return v.append(dst, row) }

// OpenValues reads a column in a row group.
func OpenValues(ctx context.Context, part index.Part, col, rg int) (Values, error) {
	c := part.Columns()[col]
	switch {
	case c.Overflow || c.Kind == index.KindRaw:
		b, err := part.Bytes(ctx, col, rg)
		return Values{
			has:    func(row int) bool { return index.IsValid(b.Valid, row) },
			append: func(dst []byte, row int) []byte { return append(dst, b.At(row)...) },
		}, err
	case c.Kind == index.KindValue:
		arena, err := part.Vocabulary(ctx, col)
		if err != nil {
			return Values{}, err
		}
		codes, err := part.Codes(ctx, col, rg)
		return Values{
			has:    func(row int) bool { return codes[row] != index.NullCode },
			append: func(dst []byte, row int) []byte { return append(dst, arena.At(int(codes[row]))...) },
		}, err
	case c.Kind == index.KindText:
		rows, err := part.Text(ctx, col, rg)
		return Values{
			has:    func(row int) bool { return rows.Code(row) != index.NullCode },
			append: func(dst []byte, row int) []byte { return rows.AppendText(dst, row) },
		}, err
	case c.Kind == index.KindInt:
		n, err := part.Ints(ctx, col, rg)
		return Values{
			has:    func(row int) bool { return index.IsValid(n.Valid, row) },
			append: func(dst []byte, row int) []byte { return strconv.AppendInt(dst, n.Values[row], 10) },
		}, err
	case c.Kind == index.KindDouble:
		n, err := part.Doubles(ctx, col, rg)
		return Values{
			has:    func(row int) bool { return index.IsValid(n.Valid, row) },
			append: func(dst []byte, row int) []byte { return strconv.AppendFloat(dst, n.Values[row], 'g', -1, 64) },
		}, err
	}
	return Values{}, fmt.Errorf("kind %d", c.Kind)
}

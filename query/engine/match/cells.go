package match

import (
	"context"
	"encoding/hex"
	"fmt"
	"strconv"

	"clew/index"
	"clew/internal/telemetry"
)

// cells gives access to a column's values as text, whatever its kind: the function appends row's value and says whether there is one.
func (b *Bound) cells(ctx context.Context, col, rg int) (func(dst []byte, row int) ([]byte, bool), error) {
	c := b.Columns[col]
	switch {
	case c.Overflow || c.Kind == index.KindRaw:
		vals, err := b.Part.Bytes(ctx, col, rg)
		return func(dst []byte, row int) ([]byte, bool) {
			if !index.IsValid(vals.Valid, row) {
				return dst, false
			}
			if c.Type == telemetry.TypeBytes {
				return hex.AppendEncode(dst, vals.At(row)), true
			}
			return append(dst, vals.At(row)...), true
		}, err
	case c.Kind == index.KindInt:
		vals, err := b.Part.Ints(ctx, col, rg)
		return func(dst []byte, row int) ([]byte, bool) {
			if !index.IsValid(vals.Valid, row) {
				return dst, false
			}
			return strconv.AppendInt(dst, vals.Values[row], 10), true
		}, err
	case c.Kind == index.KindDouble:
		vals, err := b.Part.Doubles(ctx, col, rg)
		return func(dst []byte, row int) ([]byte, bool) {
			if !index.IsValid(vals.Valid, row) {
				return dst, false
			}
			return strconv.AppendFloat(dst, vals.Values[row], 'g', -1, 64), true
		}, err
	case c.Kind == index.KindText:
		text, err := b.Part.Text(ctx, col, rg)
		return func(dst []byte, row int) ([]byte, bool) {
			if text.Code(row) == index.NullCode {
				return dst, false
			}
			return text.AppendText(dst, row), true
		}, err
	case c.Kind == index.KindValue:
		codes, err := b.Part.Codes(ctx, col, rg)
		if err != nil {
			return nil, err
		}
		entries, err := b.Part.Vocabulary(ctx, col)
		return func(dst []byte, row int) ([]byte, bool) {
			if codes[row] == index.NullCode {
				return dst, false
			}
			if c.Type == telemetry.TypeBytes {
				return hex.AppendEncode(dst, entries.At(int(codes[row]))), true
			}
			return append(dst, entries.At(int(codes[row]))...), true
		}, err
	}
	return nil, fmt.Errorf("part %s: column %v has unknown kind %v", b.Info.ID, c.Column, c.Kind)
}

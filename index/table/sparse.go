package table

import (
	"context"
	"math/bits"
	"strconv"

	"clew/index"
)

// each calls f with each row that has a value, and the value's number, both ascending.
func (p *presence) each(f func(number, row int)) {
	switch p.form {
	case formAll:
		for r := range p.n {
			f(r, r)
		}
	case formList:
		for i, r := range p.rows {
			f(i, int(r))
		}
	case formBits:
		number := 0
		for w := range len(p.words) + 1 {
			for word := p.word(w); word != 0; word &= word - 1 {
				f(number, w<<6+bits.TrailingZeros64(word))
				number++
			}
		}
	}
}

// EachText implements index.SparseReader, for value and number columns of records.
func (s *snapshot) EachText(ctx context.Context, col, rg int, f func(row int, text []byte)) (ok bool, err error) {
	v, err := s.view(ctx, col, rg, index.KindValue, index.KindText, index.KindRaw, index.KindInt, index.KindDouble)
	if err != nil {
		return false, err
	}
	if v.ofSet {
		return false, nil
	}
	c := v.chunk(rg)
	if c == nil {
		return true, nil
	}
	var text []byte
	switch v.info.Kind {
	case index.KindValue:
		c.rows.each(func(i, row int) { f(row, v.entries.At(int(c.codes.at(i)))) })
	case index.KindInt:
		values := make([]int64, c.ints.len())
		c.ints.expand(values)
		c.rows.each(func(i, row int) {
			text = strconv.AppendInt(text[:0], values[i], 10)
			f(row, text)
		})
	case index.KindDouble:
		c.rows.each(func(i, row int) {
			text = strconv.AppendFloat(text[:0], c.doubles[i], 'g', -1, 64)
			f(row, text)
		})
	default:
		return false, nil
	}
	return true, nil
}

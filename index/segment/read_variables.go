package segment

import (
	"context"
	"math/bits"
	"sort"

	"clew/index"
	"clew/index/vocabulary"
)

// EachVariable calls f with the string variables of a text column in a row group, those of one hole position at a time, and what gives the row of
// the i-th of them; rows ascend. They lie side by side whatever their rows' templates are, so a word can be looked for in all of them at once.
func (s *Segment) EachVariable(ctx context.Context, col, rg int, f func(values vocabulary.Arena, row func(i int) int)) error {
	if _, err := s.column(col, index.KindText); err != nil {
		return err
	}
	if _, err := s.group(rg); err != nil {
		return err
	}
	for _, leaf := range s.leaves[col] {
		if role := s.meta.leaves[leaf].role; role == roleTemplate || role == roleInt {
			continue
		}
		values, err := s.hole(ctx, leaf, rg, allPages)
		if err != nil {
			return err
		}
		f(vocabulary.Arena{Data: values.data, Offsets: values.offsets}, values.row)
	}
	return nil
}

// row is the row of the i-th value: at's inverse.
func (v *holeValues) row(i int) int {
	if v.valid == nil {
		return i
	}
	k := sort.Search(len(v.rank), func(k int) bool { return int(v.rank[k]) > i }) - 1
	word := v.valid[k]
	for range i - int(v.rank[k]) {
		word &= word - 1
	}
	return k<<6 + bits.TrailingZeros64(word)
}

package segment

import (
	"context"
	"math/bits"
	"sort"

	"clew/index"
	"clew/index/segment/format"
	"clew/index/vocabulary"
)

// EachVariable calls f with the variables of a text column in a row group, the strings or the integers (encoded: vocabulary.EncodeInt) of one hole position at a
// time, and what gives the row of the i-th of them; rows ascend. They lie side by side whatever their rows' templates are, so something can be
// looked for in all of them at once.
func (s *Segment) EachVariable(ctx context.Context, col, rg int, f func(strings *vocabulary.Arena, ints []int64, row func(i int) int)) error {
	if _, err := s.column(col, index.KindText); err != nil {
		return err
	}
	if _, err := s.group(rg); err != nil {
		return err
	}
	for _, leaf := range s.leaves[col] {
		role := s.meta.Leaves[leaf].Role
		if role == format.RoleTemplate {
			continue
		}
		values, err := s.hole(ctx, leaf, rg, allPages)
		if err != nil {
			return err
		}
		if role == format.RoleInt {
			f(nil, values.ints, values.row)
		} else {
			f(&vocabulary.Arena{Data: values.data, Offsets: values.offsets}, nil, values.row)
		}
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

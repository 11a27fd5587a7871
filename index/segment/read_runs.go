package segment

import (
	"context"
	"fmt"
	"math/bits"

	"clew/index"
	"clew/index/segment/format"
	"clew/index/vocabulary"
)

// textPlace says where a textRows reads.
type textPlace struct {
	s             *Segment
	col, rg, page int
}

// TextRuns is Text that reads no variables until they are asked for: most questions about most rows are answered by one or two of them.
func (s *Segment) TextRuns(ctx context.Context, col, rg int) (index.TextRuns, error) {
	return s.textRuns(ctx, col, rg, allPages)
}

func (s *Segment) textRuns(ctx context.Context, col, rg, page int) (*textRows, error) {
	if _, err := s.column(col, index.KindText); err != nil {
		return nil, err
	}
	if _, err := s.group(rg); err != nil {
		return nil, err
	}
	arena, err := s.Vocabulary(ctx, col)
	if err != nil {
		return nil, err
	}
	codes, err := s.codes(ctx, col, rg, page)
	if err != nil {
		return nil, err
	}
	return &textRows{codes: codes, arena: arena, kinds: map[uint32][]byte{}, last: index.NullCode, place: textPlace{s, col, rg, page}}, nil
}

// Codes implements index.TextRuns.
func (t *textRows) Codes() []uint32 { return t.codes }

// Load implements index.TextRuns.
func (t *textRows) Load(ctx context.Context, first, n, k int) error {
	s, code := t.place.s, t.codes[first]
	if int64(code) >= int64(t.arena.Len()) {
		return fmt.Errorf("segment %s: template %d of %d", s.info.ID, code, t.arena.Len())
	}
	kinds, ok := t.kinds[code]
	if !ok {
		kinds = vocabulary.Holes(nil, t.arena.At(int(code)))
		t.kinds[code], t.last = kinds, index.NullCode
	}
	isInt := kinds[k] == vocabulary.HoleInt
	if k >= len(t.ints) || t.leaf(k, kinds[k]) == nil {
		leaf, err := s.holeLeaf(t.place.col, k, isInt)
		if err != nil {
			return err
		}
		values, err := s.hole(ctx, leaf, t.place.rg, t.place.page)
		if err != nil {
			return err
		}
		t.keep(k, isInt, values)
	}
	if !allValid(t.leaf(k, kinds[k]).valid, first, n) {
		return s.lacksVariable(t.place.col, t.place.rg, first, k)
	}
	return nil
}

// holeLeaf is the leaf of a hole position.
func (s *Segment) holeLeaf(col, k int, isInt bool) (int, error) {
	for _, leaf := range s.leaves[col] {
		if l := &s.meta.Leaves[leaf]; l.Role != format.RoleTemplate && int(l.Hole) == k && (l.Role == format.RoleInt) == isInt {
			return leaf, nil
		}
	}
	return 0, s.lacksLeaf(col, k)
}

// allValid says whether rows first to first+n-1 have values.
func allValid(valid []uint64, first, n int) bool {
	if valid == nil {
		return true
	}
	for row, end := first, first+n; row < end; {
		from, to := row&63, min(64, end-row+row&63)
		want := ^uint64(0) >> (64 - (to - from)) << from
		if bits.OnesCount64(valid[row>>6]&want) != to-from {
			return false
		}
		row += to - from
	}
	return true
}

// IntRun implements index.TextRuns.
func (t *textRows) IntRun(first, n, k int) []int64 {
	v := t.ints[k]
	at := v.at(first)
	return v.ints[at : at+n]
}

// BytesRun implements index.TextRuns.
func (t *textRows) BytesRun(first, n, k int) (data []byte, offsets []uint32) {
	v := t.strings[k]
	at := v.at(first)
	return v.data, v.offsets[at : at+n+1]
}

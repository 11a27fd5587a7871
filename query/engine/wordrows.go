package engine

import (
	"context"
	"math/bits"
	"unicode/utf8"

	"clew/index/vocabulary"
)

// variablesPart is a part that can lend all string variables of a row group of a text column.
type variablesPart interface {
	EachVariable(ctx context.Context, col, rg int, f func(values vocabulary.Arena, row func(i int) int)) error
}

// wordRows drops rows that cannot match a phrase for want of one of its words. A filter says that the word may be in some variable of the row group, and so every
// template with an id or a tail may match. Instead of asking its rows one by one, the word is looked for in all variables at once: they lie
// side by side. What is left is the few rows that have it there, and those of templates that can make it without a string variable.
func (s *scan) wordRows(ctx context.Context, l *columnTest, st *nodeState, rows rowBits) (rowBits, error) {
	part, ok := s.b.part.(variablesPart)
	if !ok || !st.hasHist || len(l.test.words) > 64 {
		return rows, nil
	}
	word := l.test.rareWord(st.absent)
	if word < 0 {
		return rows, nil
	}
	rest, err := s.withoutWords(ctx, l, st.absent|1<<word)
	if err != nil {
		return rows, err
	}
	all := *st // to count the rows that rest leaves, and those that there are
	_, before := all.histogramRows()
	all.codes = rest
	always, may := all.histogramRows()
	if (always+may)*wordRowsShare > before {
		return rows, nil
	}
	found := s.arena.zeroed()
	if always+may > 0 {
		codes, err := s.b.part.Codes(ctx, l.col, s.rg)
		if err != nil {
			return rows, err
		}
		matchCodes(codes, rest, found, found)
	}
	var set []uint64
	err = part.EachVariable(ctx, l.col, s.rg, func(values vocabulary.Arena, row func(i int) int) {
		set = append(set[:0], make([]uint64, (values.Len()+63)/64)...)
		vocabulary.SetContaining(&values, l.test.words[word], set)
		for i, w := range set {
			for ; w != 0; w &= w - 1 {
				r := row(i<<6 + bits.TrailingZeros64(w))
				found[r>>6] |= 1 << (r & 63)
			}
		}
	})
	if err != nil {
		return rows, err
	}
	if rows.kind == bitsSome {
		for i := range found {
			found[i] &= rows.words[i]
		}
	}
	return s.arena.some(found), nil
}

// rareWord is the word that is most likely in few rows and found fast: the longest, one with a digit before one without. absent are those that no variable
// holds. -1: none will do.
func (t *test) rareWord(absent uint64) int {
	best, most := -1, 0
	for i, w := range t.words {
		weight := len(w)
		for _, c := range w {
			if c >= utf8.RuneSelf {
				weight = 0
				break
			}
			if isDigit(c) {
				weight |= 1 << 16
			}
		}
		if absent>>i&1 == 0 && weight > most && len(w) >= rareWordMin {
			best, most = i, weight
		}
	}
	return best
}

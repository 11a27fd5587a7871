package match

import (
	"context"
	"math/bits"

	"clew/index/vocabulary"
	"clew/query/engine/question"
	"clew/query/engine/rowset"
)

// variablesPart is a part that can lend all variables of a row group of a text column.
type variablesPart interface {
	EachVariable(ctx context.Context, col, rg int, f func(strings *vocabulary.Arena, ints []int64, row func(i int) int)) error
}

// sought is pieces of which a matching text has one: in a variable, or else in a template of rest.
type sought struct {
	pieces question.Clause
	rest   *codeSet
}

// narrowRows drops rows that cannot match for want of something that a matching text must have. A filter says that a word may be in some variable of the
// row group, and so every template with an id or a tail may match. Instead of asking their rows one by one, the word is looked for in all
// variables at once: they lie side by side, whatever their rows' templates. What is left is the few rows that have it there, and those of
// templates that can make it without.
func (s *Scan) narrowRows(ctx context.Context, l *columnTest, st *nodeState, rows rowset.Set) (rowset.Set, error) {
	part, ok := s.b.Part.(variablesPart)
	if !ok || !st.hasHist || len(l.test.Literals) > 0 { // literals are looked for while templates are walked, in fewer variables
		return rows, nil
	}
	look, err := s.worthSeeking(ctx, l, st)
	if err != nil || look == nil {
		return rows, err
	}
	found := s.arena.Zeroed()
	if look.rest.may > 0 {
		codes, err := s.b.Part.Codes(ctx, l.col, s.rg)
		if err != nil {
			return rows, err
		}
		matchCodes(codes, look.rest, found, found)
	}
	var set []uint64
	err = part.EachVariable(ctx, l.col, s.rg, func(strings *vocabulary.Arena, ints []int64, row func(i int) int) {
		n := len(ints)
		if strings != nil {
			n = strings.Len()
		}
		set = append(set[:0], make([]uint64, (n+63)/64)...)
		for i := range look.pieces {
			switch p := &look.pieces[i]; {
			case strings != nil:
				vocabulary.SetContaining(strings, p.Text, p.Fold, set)
			case p.Digits:
				setEqual(ints, p.Value, set)
			}
		}
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
	if rows.Kind == rowset.KindSome {
		for i := range found {
			found[i] &= rows.Words[i]
		}
	}
	return s.arena.Some(found), nil
}

// setEqual sets the bits of the values that are v.
func setEqual(values []int64, v int64, set []uint64) {
	for i := 0; len(values) > 0; i++ {
		n := min(64, len(values))
		var w uint64
		for k, x := range values[:n] {
			if x == v {
				w |= 1 << k
			}
		}
		set[i] |= w
		values = values[n:]
	}
}

// worthSeeking is something that most rows lack that may match, as far as can be told without them; nil if nothing is.
func (s *Scan) worthSeeking(ctx context.Context, l *columnTest, st *nodeState) (*sought, error) {
	t := l.test
	clauses := t.Clauses
	if i := t.RareWord(st.absent); i >= 0 {
		pieces := question.PiecesOf(string(t.Words[i]), true, true)
		if len(pieces) == 1 && pieces[0].Digits {
			clauses = []question.Clause{pieces}
		} else if i < 64 {
			rest, err := s.withoutWords(ctx, l, st.absent|1<<i)
			if err != nil {
				return nil, err
			}
			if st.mostLack(rest, s.Rows) {
				return &sought{question.Clause{{Text: t.Words[i], Fold: true}}, rest}, nil
			}
		}
	}
	for _, c := range clauses {
		if !c.IsFast() {
			continue
		}
		rest, err := s.withoutClause(ctx, l, c)
		if err != nil {
			return nil, err
		}
		if st.mostLack(rest, s.Rows) {
			return &sought{c, rest}, nil
		}
	}
	return nil, nil
}

// mostLack says whether the rows that may match, of all rows of the row group, are many, and most of them not of rest's templates.
func (st *nodeState) mostLack(rest *codeSet, rows int) bool {
	all, left := 0, 0
	for i, code := range st.hist.Codes {
		if st.codes.of(code) == vocabulary.May {
			all += int(st.hist.Counts[i])
			if rest.of(code) != vocabulary.Never {
				left += int(st.hist.Counts[i])
			}
		}
	}
	return left*soughtShare <= all && all*soughtOfRows >= rows
}

// withoutClause are the templates of the leaf's that may match though none of their variables has a piece of the clause.
func (s *Scan) withoutClause(ctx context.Context, l *columnTest, c question.Clause) (*codeSet, error) {
	memo := memoKey{leaf: l, clause: &c[0]}
	if known, ok := s.memo[memo]; ok {
		return known, nil
	}
	arena, err := s.b.Part.Vocabulary(ctx, l.col)
	if err != nil {
		return nil, err
	}
	answers := make([]vocabulary.Answer, len(l.codes.answers))
	for code, a := range l.codes.answers {
		if text := arena.At(code); a == vocabulary.May && (!question.KeepsPieces(text) || c.MetBy(text)) {
			answers[code] = vocabulary.May
		}
	}
	known := newCodeSet(answers)
	s.memo[memo] = known
	return known, nil
}

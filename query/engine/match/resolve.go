package match

import (
	"context"
	"fmt"
	"math/bits"
	"strconv"

	"clew/index"
	"clew/index/vocabulary"
	"clew/query/engine/question"
	"clew/query/engine/rowset"
	"clew/query/engine/walk"
)

// resolve reads what the leaf's next stage needs. rows are those that hang on it; the other rows' answers are never looked at, so they
// may stay whatever they are, as long as they are the same from now on.
func (s *Scan) resolve(ctx context.Context, l *columnTest, st *nodeState, rows rowset.Set) error {
	switch {
	case st.stage == stageText:
		return s.resolveText(ctx, l, st, rows)
	case l.members != nil:
		return s.resolveMembers(ctx, l, st, rows)
	case l.info.Overflow || l.info.Kind == index.KindRaw:
		return s.resolveRaw(ctx, l, st, rows)
	case l.codes != nil:
		return s.resolveCodes(ctx, l, st)
	case l.info.Kind == index.KindInt:
		return s.resolveInts(ctx, l, st, rows)
	case l.info.Kind == index.KindDouble:
		return s.resolveDoubles(ctx, l, st, rows)
	}
	return fmt.Errorf("part %s: column %v has unknown kind %v", s.b.Info.ID, l.info.Column, l.info.Kind)
}

// settle ends a leaf: w are its matching rows.
func (s *Scan) settle(st *nodeState, w []uint64) {
	r := s.arena.Some(w)
	st.yes, st.poss, st.stage = r, r, stageDone
}

func (s *Scan) resolveCodes(ctx context.Context, l *columnTest, st *nodeState) error {
	yes, may := s.arena.Zeroed(), []uint64(nil)
	if st.codes.may > 0 {
		may = s.arena.Zeroed()
	}
	if st.hasHist && s.b.Info.SortedBy == l.col {
		if err := s.codeRuns(st, yes, may); err != nil {
			return err
		}
	} else {
		codes, err := s.b.Part.Codes(ctx, l.col, s.rg)
		if err != nil {
			return err
		}
		if len(codes) != s.Rows {
			return fmt.Errorf("part %s: column %v has %d codes for %d rows", s.b.Info.ID, l.info.Column, len(codes), s.Rows)
		}
		matchCodes(codes, st.codes, yes, may)
	}
	if may == nil {
		s.settle(st, yes)
		return nil
	}
	st.yes = s.arena.Some(yes)
	st.poss = st.yes
	s.arena.Add(&st.poss, &st.ownPoss, s.arena.Some(may))
	st.stage = stageText
	return nil
}

// codeRuns uses that the rows of a code are one run: nothing is read.
func (s *Scan) codeRuns(st *nodeState, yes, may []uint64) error {
	at := 0
	for i, code := range st.hist.Codes {
		n := int(st.hist.Counts[i])
		if at+n > s.Rows {
			return fmt.Errorf("part %s: histogram of row group %d counts more than its %d rows", s.b.Info.ID, s.rg, s.Rows)
		}
		switch st.codes.of(code) {
		case vocabulary.Always:
			rowset.SetRange(yes, at, at+n)
		case vocabulary.May:
			rowset.SetRange(may, at, at+n)
		}
		at += n
	}
	return nil
}

// matchCodes sets the rows whose code always (yes) or perhaps (may; nil if no code does) matches.
func matchCodes(codes []uint32, set *codeSet, yes, may []uint64) {
	if set.every {
		for i, c := range codes {
			if c != index.NullCode {
				yes[i>>6] |= 1 << (i & 63)
			}
		}
		return
	}
	if set.always+set.may == 1 {
		into := yes
		if set.may == 1 {
			into = may
		}
		matchOne(codes, set.only, into)
		return
	}
	answers := set.answers
	for i, c := range codes {
		if uint(c) >= uint(len(answers)) {
			continue
		}
		switch answers[c] {
		case vocabulary.Always:
			yes[i>>6] |= 1 << (i & 63)
		case vocabulary.May:
			may[i>>6] |= 1 << (i & 63)
		}
	}
}

func matchOne(codes []uint32, code uint32, into []uint64) {
	for len(codes) > 0 {
		n := min(64, len(codes))
		var w uint64
		for i, c := range codes[:n] {
			if c == code {
				w |= 1 << i
			}
		}
		into[0] = w
		codes, into = codes[n:], into[1:]
	}
}

func (s *Scan) resolveInts(ctx context.Context, l *columnTest, st *nodeState, rows rowset.Set) error {
	vals, err := s.b.Part.Ints(ctx, l.col, s.rg)
	if err != nil {
		return err
	}
	if len(vals.Values) != s.Rows {
		return fmt.Errorf("part %s: column %v has %d values for %d rows", s.b.Info.ID, l.info.Column, len(vals.Values), s.Rows)
	}
	w := s.arena.Zeroed()
	switch {
	case l.test.Numbers != nil:
		if l.test.Numbers.Lo <= l.test.Numbers.Hi {
			matchInts(vals.Values, l.test.Numbers.Lo, l.test.Numbers.Hi, w)
		}
	case l.test.Exists:
		rowset.SetRange(w, 0, s.Rows)
	default:
		rows.Each(s.Rows, func(i int) bool {
			s.num = strconv.AppendInt(s.num[:0], vals.Values[i], 10)
			if l.test.Matcher.Text(s.num) {
				w[i>>6] |= 1 << (i & 63)
			}
			return true
		})
	}
	s.settleValid(st, w, vals.Valid)
	return nil
}

// settleValid is settle without the rows that have no value.
func (s *Scan) settleValid(st *nodeState, w, valid []uint64) {
	if valid != nil {
		for i := range w {
			w[i] &= valid[i]
		}
	}
	s.arena.Trim(w)
	s.settle(st, w)
}

// matchInts sets the rows with lo <= value <= hi. One unsigned comparison does both.
func matchInts(values []int64, lo, hi int64, into []uint64) {
	width := uint64(hi) - uint64(lo)
	for len(values) > 0 {
		n := min(64, len(values))
		var w uint64
		for i, v := range values[:n] {
			_, above := bits.Sub64(width, uint64(v)-uint64(lo), 0)
			w |= (above ^ 1) << i
		}
		into[0] = w
		values, into = values[n:], into[1:]
	}
}

func (s *Scan) resolveDoubles(ctx context.Context, l *columnTest, st *nodeState, rows rowset.Set) error {
	vals, err := s.b.Part.Doubles(ctx, l.col, s.rg)
	if err != nil {
		return err
	}
	if len(vals.Values) != s.Rows {
		return fmt.Errorf("part %s: column %v has %d values for %d rows", s.b.Info.ID, l.info.Column, len(vals.Values), s.Rows)
	}
	w := s.arena.Zeroed()
	rows.Each(s.Rows, func(i int) bool {
		ok := l.test.Exists
		switch {
		case l.test.Numbers != nil:
			ok = l.test.Numbers.HasDouble(vals.Values[i])
		case l.test.Matcher != nil:
			s.num = strconv.AppendFloat(s.num[:0], vals.Values[i], 'g', -1, 64)
			ok = l.test.Matcher.Text(s.num)
		}
		if ok {
			w[i>>6] |= 1 << (i & 63)
		}
		return true
	})
	s.settleValid(st, w, vals.Valid)
	return nil
}

// resolveRaw tests the values of a raw column, or of one in the overflow.
func (s *Scan) resolveRaw(ctx context.Context, l *columnTest, st *nodeState, rows rowset.Set) error {
	vals, err := s.b.Part.Bytes(ctx, l.col, s.rg)
	if err != nil {
		return err
	}
	if len(vals.Offsets) != s.Rows+1 {
		return fmt.Errorf("part %s: column %v has %d offsets for %d rows", s.b.Info.ID, l.info.Column, len(vals.Offsets), s.Rows)
	}
	w := s.arena.Zeroed()
	if ids := idsOf(l.test); ids != nil {
		ids.match(vals, s.Rows, w)
		s.settle(st, w)
		return nil
	}
	looked := 0
	rows.Each(s.Rows, func(i int) bool {
		if index.IsValid(vals.Valid, i) && l.test.Value(l.info.Type, vals.At(i)) {
			w[i>>6] |= 1 << (i & 63)
		}
		looked += 64 + int(vals.Offsets[i+1]-vals.Offsets[i])
		if looked < checkBytes {
			return true
		}
		looked = 0
		return ctx.Err() == nil
	})
	if err := ctx.Err(); err != nil {
		return err
	}
	s.settle(st, w)
	return nil
}

// resolveText rebuilds the texts that may match and tests them.
func (s *Scan) resolveText(ctx context.Context, l *columnTest, st *nodeState, rows rowset.Set) error {
	text, err := s.text(ctx, l.col, st)
	if err != nil {
		return err
	}
	if rows, err = s.narrowRows(ctx, l, st, rows); err != nil {
		return err
	}
	w := s.arena.Zeroed()
	if st.yes.Kind == rowset.KindSome {
		copy(w, st.yes.Words)
	}
	texts, err := s.textWalk(ctx, l, st, text)
	if err != nil {
		return err
	}
	err = texts.Each(ctx, rows, s.Rows, w)
	s.rebuilt += texts.Rebuilt
	if err != nil {
		return err
	}
	s.settle(st, w)
	return nil
}

// runsPart is a part that can read variables when they are asked for.
type runsPart interface {
	// TextRuns is Part.Text with nothing read but the codes.
	TextRuns(ctx context.Context, col, rg int) (index.TextRuns, error)
}

// text opens the column's texts, whose rows may match.
func (s *Scan) text(ctx context.Context, col int, st *nodeState) (index.TextRows, error) {
	if p, ok := s.b.Part.(runsPart); ok {
		return p.TextRuns(ctx, col, s.rg)
	}
	return textOf(ctx, s.b.Part, col, s.rg, s.templates(st))
}

// templates are the codes that may match in this row group; nil if that is not known.
func (s *Scan) templates(st *nodeState) []uint32 {
	if !st.hasHist {
		return nil
	}
	codes := make([]uint32, 0, 16)
	for _, code := range st.hist.Codes {
		if st.codes.of(code) == vocabulary.May {
			codes = append(codes, code)
		}
	}
	return codes
}

// someTemplates is a part that can leave unread what only other templates need.
type someTemplates interface {
	// TextOf is Part.Text for rows of these templates only.
	TextOf(ctx context.Context, col, rg int, templates []uint32) (index.TextRows, error)
}

// textOf reads the texts of rows of the given templates (nil: of all).
func textOf(ctx context.Context, part index.Part, col, rg int, templates []uint32) (index.TextRows, error) {
	if p, ok := part.(someTemplates); ok && templates != nil {
		return p.TextOf(ctx, col, rg, templates)
	}
	return part.Text(ctx, col, rg)
}

// textWalk makes the leaf's walk ready for the current row group.
func (s *Scan) textWalk(ctx context.Context, l *columnTest, st *nodeState, text index.TextRows) (*walk.Walk, error) {
	arena, err := s.b.Part.Vocabulary(ctx, l.col)
	if err != nil {
		return nil, err
	}
	w := s.walks[l.test]
	if w == nil {
		w = walk.New(l.test)
		if s.walks == nil {
			s.walks = map[*question.Test]*walk.Walk{}
		}
		s.walks[l.test] = w
	}
	w.Use(ctx, arena, text, st.wordless)
	return w, nil
}

package match

import (
	"context"

	"clew/index"
	"clew/index/vocabulary"
	"clew/query/engine/question"
)

// codeSet is a test's answer for every code of a column.
type codeSet struct {
	answers     []vocabulary.Answer
	always, may int    // how many codes
	every       bool   // all codes, whatever they are: the question whether there is a value
	only        uint32 // the one code that is not Never, if always+may == 1
	// words are the hashes whose presence in a row group's variables decides about the codes that may match.
	words []uint64
	// filtered says that the part's filter, not only the vocabulary, had a part in the answers.
	filtered bool
}

// anyCode is the answer to the question whether there is a value.
var anyCode = &codeSet{every: true}

func (s *codeSet) len() int { return len(s.answers) }

// of is the answer for a code. The vocabulary of a head may have grown since it was asked, but codes of the snapshot's rows have not.
func (s *codeSet) of(code uint32) vocabulary.Answer {
	switch {
	case code == index.NullCode:
		return vocabulary.Never
	case s.every:
		return vocabulary.Always
	case int(code) < len(s.answers):
		return s.answers[code]
	}
	return vocabulary.Never
}

func newCodeSet(answers []vocabulary.Answer) *codeSet {
	s := &codeSet{answers: answers}
	for code, a := range answers {
		switch a {
		case vocabulary.Always:
			s.always++
			s.only = uint32(code)
		case vocabulary.May:
			s.may++
			s.only = uint32(code)
		}
	}
	return s
}

// answer asks a column's vocabulary, and the part's filter about what templates leave open. Answers of parts that don't change are cached.
func (b *Bound) answer(ctx context.Context, col int, t *question.Test) (*codeSet, error) {
	var key []byte
	if !b.Info.Head {
		key = answerKey(b.Info.ID, col, t.Key)
		if s := b.answers.cached(key); s != nil {
			return b.use(t, s), nil
		}
	}
	arena, err := b.Part.Vocabulary(ctx, col)
	if err != nil {
		return nil, err
	}
	s, err := b.prune(ctx, col, t, arena, newCodeSet(b.askArena(ctx, arena, col, t)))
	if err != nil {
		return nil, err
	}
	if key != nil {
		b.answers.keep(key, s)
	}
	return b.use(t, s), nil
}

// prune asks again about the templates that may match, if the part's filter says that a word stands in no variable at all.
func (b *Bound) prune(ctx context.Context, col int, t *question.Test, arena *vocabulary.Arena, s *codeSet) (*codeSet, error) {
	if s.may == 0 || t.Matcher == nil {
		return s, nil
	}
	words := t.Matcher.Words()
	if len(words) == 0 {
		return s, nil
	}
	holes, all, err := holesOf(ctx, b.Part, col, index.Whole, words)
	if err != nil || all {
		return s, err
	}
	s = s.narrow(arena, t.Matcher, holes)
	s.filtered = true
	return s, nil
}

// use notes what an answer is for the bound and, where row groups can be asked further, by which words.
func (b *Bound) use(t *question.Test, s *codeSet) *codeSet {
	b.Filtered = b.Filtered || s.filtered
	if s.may > 0 && t.Matcher != nil {
		s.words = t.Matcher.Words()
	}
	return s
}

// holesOf asks a filter about words; all says that each may be there.
func holesOf(ctx context.Context, part index.Part, col, rg int, words []uint64) (holes vocabulary.HoleFilter, all bool, err error) {
	absent := map[uint64]bool{}
	for _, w := range words {
		may, err := part.MayContain(ctx, col, rg, w)
		if err != nil {
			return nil, false, err
		}
		if !may {
			absent[w] = true
		}
	}
	return func(w uint64) bool { return !absent[w] }, len(absent) == 0, nil
}

// narrow asks the templates that may match once more, with what may stand in their holes.
func (s *codeSet) narrow(arena *vocabulary.Arena, m vocabulary.Matcher, holes vocabulary.HoleFilter) *codeSet {
	answers := append([]vocabulary.Answer(nil), s.answers...)
	for code, a := range answers {
		if a == vocabulary.May {
			answers[code] = m.Template(arena.At(code), holes)
		}
	}
	return newCodeSet(answers)
}

// askArena asks every entry of a vocabulary.
func (b *Bound) askArena(ctx context.Context, arena *vocabulary.Arena, col int, t *question.Test) []vocabulary.Answer {
	answers := make([]vocabulary.Answer, arena.Len())
	if t.Numbers != nil {
		for i := range answers {
			if t.Numbers.HasText(arena.At(i)) {
				answers[i] = vocabulary.Always
			}
		}
		return answers
	}
	always, may, ok := b.answers.accelerator.match(ctx, b, col, arena, t.Matcher)
	if !ok {
		always, may = vocabulary.Match(arena, t.Matcher, b.Columns[col].Kind == index.KindText, nil)
	}
	for _, code := range always {
		answers[code] = vocabulary.Always
	}
	for _, code := range may {
		answers[code] = vocabulary.May
	}
	return answers
}

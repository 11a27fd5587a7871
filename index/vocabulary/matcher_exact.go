package vocabulary

import (
	"bytes"
	"strconv"
)

// exactMatcher is: the text is this one.
type exactMatcher struct {
	value []byte // in lower case if fold is set
	fold  bool
}

// NewExact matches texts equal to value; with fold, in upper or lower case.
func NewExact(value string, fold bool) Matcher {
	if fold {
		return &exactMatcher{AppendLower(nil, []byte(value)), true}
	}
	return &exactMatcher{[]byte(value), false}
}

func (m *exactMatcher) Text(s []byte) bool {
	if m.fold {
		return equalLower(s, m.value)
	}
	return string(s) == string(m.value)
}

func (m *exactMatcher) Template(t []byte, holes HoleFilter) Answer {
	if !containsHole(t) {
		if m.Text(t) {
			return Always
		}
		return Never
	}
	if m.fold && !isASCII(t) {
		t = AppendLower(nil, t)
	}
	f := fitter{fold: m.fold, holes: speller{holes: holes}}
	if f.fits(t, m.value) {
		return May
	}
	return Never
}

func (m *exactMatcher) Words() []uint64 {
	var hashes []uint64
	Words(m.value, func(start, end int) bool {
		hashes = append(hashes, HashWord(m.value[start:end]))
		return true
	})
	return hashes
}

func (m *exactMatcher) String() string {
	if m.fold {
		return "exact(" + strconv.Quote(string(m.value)) + " fold)"
	}
	return "exact(" + strconv.Quote(string(m.value)) + ")"
}

// fitter fits a whole value into a template, backtracking over the lengths of holes.
type fitter struct {
	fold  bool
	holes speller // for its filter
	steps int
}

// fitStepsMax bounds the backtracking; past it the answer is that it may fit.
const fitStepsMax = 10_000

func (f *fitter) fits(t, v []byte) bool {
	if f.steps++; f.steps > fitStepsMax {
		return true
	}
	i := 0
	for i < len(t) && !IsHole(t[i]) {
		i++
	}
	if i > len(v) || !f.equal(t[:i], v[:i]) {
		return false
	}
	if i == len(t) {
		return i == len(v)
	}
	hole, t, v := t[i], t[i+1:], v[i:]
	switch hole {
	case HoleInt:
		for n := 1; n <= min(len(v), intDigitsMax) && byteClass[v[n-1]] == classDigit; n++ {
			if f.fits(t, v[n:]) {
				return true
			}
		}
	case HoleWord:
		n := wordEnd(v, 0)
		return n > 0 && f.holes.wordPasses(v[:n]) && f.fits(t, v[n:])
	case HoleID:
		for words, n := 0, 0; words < uuidWords; words++ {
			end := wordEnd(v, n)
			if end == n {
				return false
			}
			if idPiece(v[:end], true) && f.holes.wordsPass(v[:end]) && f.fits(t, v[end:]) {
				return true
			}
			if end == len(v) || v[end] != '-' {
				return false
			}
			n = end + 1
		}
	case HoleRaw:
		if len(t) == 0 {
			return true
		}
		for n := 0; n <= len(v); n++ {
			if f.fits(t, v[n:]) {
				return true
			}
		}
	}
	return false
}

func (f *fitter) equal(piece, v []byte) bool {
	if f.fold {
		return equalFoldASCII(piece, v)
	}
	return bytes.Equal(piece, v)
}

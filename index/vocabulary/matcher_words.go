package vocabulary

import (
	"fmt"
	"slices"
	"strings"
	"unicode/utf8"
)

// wordsMatcher is: words that meet these conditions stand in sequence, with nothing but separators between them.
type wordsMatcher struct {
	predicates []predicate
	longest    predicate // the one with the longest needle
	needle     needle    // it occurs in every matching text; empty if there is none
	first      needle    // if the first predicate is an equalWord: its word
}

// NewWord matches texts that contain text's words, whole, in sequence, in upper or lower case. A text without a word ("===") is
// looked for as a substring.
func NewWord(text string) Matcher {
	m := &wordsMatcher{}
	Words([]byte(text), func(start, end int) bool {
		m.predicates = append(m.predicates, newEqualWord([]byte(text[start:end])))
		return true
	})
	return m.finish(text)
}

// NewPhrase is NewWord: a word is a phrase of one.
func NewPhrase(text string) Matcher { return NewWord(text) }

// NewPrefix matches texts that contain a word beginning with text; if text has several words, the last is the beginning.
func NewPrefix(text string) Matcher {
	m := &wordsMatcher{}
	Words([]byte(text), func(start, end int) bool {
		if next, _ := NextWord([]byte(text), end); next < 0 && end == len(text) {
			m.predicates = append(m.predicates, newPrefixWord([]byte(text[start:end])))
		} else {
			m.predicates = append(m.predicates, newEqualWord([]byte(text[start:end])))
		}
		return true
	})
	return m.finish(text)
}

// NewWildcard matches texts that contain a word fitting pattern, where '?' is any character of a word and '*' any number of them.
// If pattern has several words, they stand in sequence.
func NewWildcard(pattern string) Matcher {
	m := &wordsMatcher{}
	for s := []byte(pattern); len(s) > 0; {
		end := patternWordEnd(s)
		if end == 0 {
			_, size := utf8.DecodeRune(s)
			s = s[size:]
			continue
		}
		if strings.ContainsAny(string(s[:end]), "*?") {
			m.predicates = append(m.predicates, newWildcardWord(s[:end]))
		} else {
			m.predicates = append(m.predicates, newEqualWord(s[:end]))
		}
		s = s[end:]
	}
	return m.finish(pattern)
}

// patternWordEnd is the length of the word with wildcards that s begins with, or 0.
func patternWordEnd(s []byte) int {
	for i := 0; ; {
		if i < len(s) && (s[i] == '*' || s[i] == '?') {
			i++
			continue
		}
		if e := wordEnd(s, i); e > i {
			i = e
			continue
		}
		if i == 0 && len(s) > 0 && aloneAt(s, 0) {
			_, size := utf8.DecodeRune(s)
			return size
		}
		return i
	}
}

// NewFuzzy matches texts that contain a word at most distance edits (a character inserted, removed or replaced; 1 or 2) away from
// word.
func NewFuzzy(word string, distance int) (Matcher, error) {
	start, end := NextWord([]byte(word), 0)
	if start != 0 || end != len(word) {
		return nil, fmt.Errorf("fuzzy %q: want one word of letters, digits and '_'", word)
	}
	if distance < 1 || distance > FuzzyDistanceMax {
		return nil, fmt.Errorf("fuzzy %q: distance %d: want 1 or %d", word, distance, FuzzyDistanceMax)
	}
	p := &fuzzyWord{distance: distance}
	for _, r := range word {
		p.low = append(p.low, lowerRune(r))
	}
	return &wordsMatcher{predicates: []predicate{p}, longest: p}, nil
}

func (m *wordsMatcher) finish(text string) Matcher {
	if len(m.predicates) == 0 {
		return NewSubstring(text, true)
	}
	m.longest = slices.MaxFunc(m.predicates, func(p, q predicate) int { return len(p.needle()) - len(q.needle()) })
	m.needle = newNeedle(m.longest.needle(), true)
	if p, ok := m.predicates[0].(*equalWord); ok {
		m.first = newNeedle(p.low, true)
	}
	return m
}

func (m *wordsMatcher) String() string {
	var b strings.Builder
	b.WriteString("words(")
	for i, p := range m.predicates {
		if i > 0 {
			b.WriteByte(' ')
		}
		b.WriteString(p.String())
	}
	return b.String() + ")"
}

func (m *wordsMatcher) Words() []uint64 {
	var hashes []uint64
	for _, p := range m.predicates {
		if w, ok := p.(*equalWord); ok {
			hashes = append(hashes, w.hash)
		}
	}
	return hashes
}

// Text looks for the needle first, and at words one by one only then.
func (m *wordsMatcher) Text(s []byte) bool {
	if len(m.first.lit) > 0 && m.first.ascii {
		if len(m.needle.lit) > len(m.first.lit) && m.needle.index(s) < 0 {
			return false
		}
		f := foldSearch{needle: &m.first, low: -1, up: -1}
		for at := f.next(s, 0); at >= 0; at = f.next(s, at+1) {
			end := at + len(m.first.lit)
			if wordStart(s, 0, at) == at && wordEnd(s, end) == end && m.follows(s, end) {
				return true
			}
		}
		return false
	}
	if len(m.needle.lit) > 0 && m.needle.index(s) < 0 {
		return false
	}
	for i := 0; ; {
		start, end := NextWord(s, i)
		if start < 0 {
			return false
		}
		if m.predicates[0].word(s[start:end]) && m.follows(s, end) {
			return true
		}
		i = end
	}
}

// follows says whether the words after s[:i] meet all predicates but the first.
func (m *wordsMatcher) follows(s []byte, i int) bool {
	for _, p := range m.predicates[1:] {
		start, end := NextWord(s, i)
		if start < 0 || !p.word(s[start:end]) {
			return false
		}
		i = end
	}
	return true
}

// Template walks the tokens with two sets of states, the numbers of predicates that the words up to here meet: in some texts (may),
// and in all texts (must).
func (m *wordsMatcher) Template(t []byte, holes HoleFilter) Answer {
	predicates := m.predicates[:min(len(m.predicates), phraseWordsMax)]
	whole := len(predicates) == len(m.predicates)
	last := uint64(1) << len(predicates)
	may, must := uint64(1), uint64(1)
	answer := Never
	tokenBefore := -1 // the end of the token before
	for i := 0; ; {
		start, end, kind := NextToken(t, i)
		if start < 0 {
			return answer
		}
		var nextMay, nextMust uint64
		switch kind {
		case 0, HoleInt:
			for k, p := range predicates {
				if may>>k&1 == 0 {
					continue
				}
				a := Never
				if kind == HoleInt {
					a = p.ints(t[start:end])
				} else if p.word(t[start:end]) {
					a = Always
				}
				if a != Never {
					nextMay |= 2 << k
				}
				if a == Always && must>>k&1 == 1 {
					nextMust |= 2 << k
				}
			}
		case HoleID, HoleWord:
			nextMay = m.throughHole(predicates, kind, may, holes)
		case HoleRaw:
			if tokenBefore == start || end < len(t) && continuesWord(t[end:]) {
				// Its first or last word may go on outside, where the filter doesn't know it.
				holes = nil
			}
			nextMay = may | m.throughRaw(predicates, may, holes)
		}
		if start > 0 && t[start-1] == HoleRaw {
			nextMust = 0 // the word may begin inside the hole
		}
		if end < len(t) && t[end] == HoleRaw {
			// What the raw hole holds may go on with this word, or begin another.
			nextMay, nextMust = nextMay|may, 0
			if kind == 0 || kind == HoleInt {
				nextMay |= last
			}
		}
		if nextMust&last != 0 && whole {
			return Always
		}
		if nextMay&last != 0 {
			answer = May
		}
		may, must = nextMay|1, nextMust|1
		tokenBefore = end
		i = end
	}
}

// continuesWord says whether t begins with a part of a word.
func continuesWord(t []byte) bool {
	start, _, _ := NextToken(t, 0)
	return start == 0
}

// uuidWords is how many words a HoleID holds at the most.
const uuidWords = 5

// throughHole gives the states after a HoleID or HoleWord.
func (m *wordsMatcher) throughHole(predicates []predicate, kind byte, may uint64, holes HoleFilter) (after uint64) {
	words := 1
	if kind == HoleID {
		words = uuidWords
	}
	// Whether a predicate is met inside the hole is asked once.
	var asked, met uint64
	for range words {
		var next uint64
		for k, p := range predicates {
			if may>>k&1 == 0 {
				continue
			}
			if asked>>k&1 == 0 {
				asked |= 1 << k
				if p.hole(kind, holes) {
					met |= 1 << k
				}
			}
			next |= met >> k & 1 << (k + 1)
		}
		after |= next
		may = next | 1
	}
	return after
}

// throughRaw gives the states after a HoleRaw, which holds any number of words.
func (m *wordsMatcher) throughRaw(predicates []predicate, may uint64, holes HoleFilter) (after uint64) {
	for k, p := range predicates {
		if (may|after)>>k&1 == 1 && p.hole(HoleRaw, holes) {
			after |= 2 << k
		}
	}
	return after
}

package vocabulary

import "strconv"

// substringMatcher is: the text contains these bytes.
type substringMatcher struct{ needle needle }

// NewSubstring matches texts that contain text's bytes; with fold, in upper or lower case.
func NewSubstring(text string, fold bool) Matcher {
	return &substringMatcher{newNeedle([]byte(text), fold)}
}

func (m *substringMatcher) Text(s []byte) bool { return m.needle.index(s) >= 0 }

func (m *substringMatcher) Template(t []byte, holes HoleFilter) Answer {
	return m.needle.occurs(t, holes)
}

func (m *substringMatcher) Words() []uint64 {
	var hashes []uint64
	innerWords(m.needle.lit, func(word []byte) bool {
		hashes = append(hashes, HashWord(word))
		return true
	})
	return hashes
}

func (m *substringMatcher) String() string {
	if m.needle.fold {
		return "substring(" + strconv.Quote(string(m.needle.lit)) + " fold)"
	}
	return "substring(" + strconv.Quote(string(m.needle.lit)) + ")"
}

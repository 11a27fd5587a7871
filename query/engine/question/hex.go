package question

import (
	"encoding/hex"

	"clew/index/vocabulary"
)

// hexMatcher puts a question about text to bytes: their text is lower-case hex.
type hexMatcher struct{ of vocabulary.Matcher }

func (m hexMatcher) Text(s []byte) bool {
	var buf [64]byte
	return m.of.Text(hex.AppendEncode(buf[:0], s))
}

// Template is never asked in earnest: columns of bytes have no templates.
func (m hexMatcher) Template(t []byte, _ vocabulary.HoleFilter) vocabulary.Answer {
	return vocabulary.May
}

func (m hexMatcher) Words() []uint64 { return nil }
func (m hexMatcher) String() string  { return "hex:" + m.of.String() }

func HexText(raw []byte) string { return hex.EncodeToString(raw) }

package wordindex

import (
	"math/rand/v2"
	"testing"

	"clew/index/vocabulary"
)

var pieces = []string{
	"user", "bob", "alice", "connection", "Timeout", "error", "failed", "GET", "x", "_", "é", "größe", "第", "章", "한",
	"0", "7", "42", "007", "123456789012345678", "9f86d081884c7d65", "0x7f", "x7k2p", "deadbeef", "_del", "eth0", "5ms", "v1beta1",
	"550e8400-e29b-41d4-a716-446655440000", " ", " ", " ", " ", "-", ":", "/", ".", "=", ", ", "\n", "\xff", "\xe7", "K", "ſ", "İ", "ß",
}

func randomText(r *rand.Rand) []byte {
	var b []byte
	for range 1 + r.IntN(12) {
		b = append(b, pieces[r.IntN(len(pieces))]...)
	}
	return b
}

// madeTemplate puts words and holes side by side as a coder might.
func madeTemplate(r *rand.Rand) (t []byte) {
	for range 1 + r.IntN(9) {
		switch r.IntN(5) {
		case 0:
			t = append(t, " -:/="[r.IntN(5)])
		case 1:
			t = append(append(t, vocabulary.HoleInt), []string{"", " ", "x", "ms"}[r.IntN(4)]...)
		case 2:
			t = append(t, ' ', []byte{vocabulary.HoleID, vocabulary.HoleWord}[r.IntN(2)], " -:/="[r.IntN(5)])
		default:
			t = append(t, pieces[r.IntN(15)]...)
		}
	}
	if r.IntN(10) == 0 {
		t = append(t, ' ', vocabulary.HoleRaw)
	}
	return t
}

// randomMatcher makes a matcher of any kind that asks for words.
func randomMatcher(t *testing.T, r *rand.Rand) vocabulary.Matcher {
	t.Helper()
	word := func() string {
		for {
			text := randomText(r)
			if start, end := vocabulary.NextWord(text, 0); start >= 0 {
				return string(text[start:end])
			}
		}
	}
	switch r.IntN(6) {
	case 0:
		return vocabulary.NewWord(word())
	case 1:
		return vocabulary.NewPhrase(word() + " " + word())
	case 2:
		w := []rune(word())
		return vocabulary.NewPrefix(string(w[:1+r.IntN(len(w))]))
	case 3:
		w := []rune(word())
		i := r.IntN(len(w))
		return vocabulary.NewWildcard(string(w[:i]) + []string{"*", "?", "*?"}[r.IntN(3)] + string(w[min(len(w), i+r.IntN(3)):]))
	case 4:
		m, err := vocabulary.NewFuzzy(word(), 1+r.IntN(2))
		if err != nil {
			t.Fatal(err)
		}
		return m
	}
	return vocabulary.NewSubstring(word(), false)
}

package question

import (
	"fmt"
	"testing"

	"clew/index/vocabulary"
)

// TestAlternatives tells the ways one by one.
func TestAlternatives(t *testing.T) {
	const i, w, id, raw = string(vocabulary.HoleInt), string(vocabulary.HoleWord), string(vocabulary.HoleID), string(vocabulary.HoleRaw)
	for _, c := range []struct {
		template, literal string
		want              string
	}{
		{"GET status=" + i, "status=5", "[0 prefix 5]"},
		{"GET status=" + i + " ok", "status=500 ok", "[0 equal 500]"},
		{"took " + i + "ms", "ms", "any"},
		{"took " + i + "ms", "2ms", "[0 suffix 2]"},
		{"took " + i + "ms", "33", "[0 contains 33]"},
		{"user " + w + " in", "out", "[0 contains out]"},
		{"user " + w + " in", "ob in", "[0 suffix ob]"},
		{"user " + w + " in", "r bo", "[0 prefix bo]"},
		{"user " + w + " in", "r bob i", "[0 equal bob]"},
		{"a " + w + "/" + i, "bob/1", "[0 suffix bob 1 prefix 1]"},
		{"user in", "out", ""},
		{"x" + raw, "out", "[0 contains out]"},
		{"x" + raw, "xout", "[0 prefix out][0 contains xout]"},
		{"x" + raw + "y", "out", "any"},
		{"at " + id + " " + i + "\n" + raw, "outside", "[2 contains outside]"},
		{"at " + id + " " + i + "\n" + raw, "ace", "[0 contains ace][2 contains ace]"},
	} {
		alts, ok := AlternativesOf([]byte(c.template), []byte(c.literal))
		got := ""
		if !ok {
			got = "any"
		} else {
			for _, a := range alts {
				s := ""
				for _, n := range a {
					s += fmt.Sprintf(" %d %s %s", n.Hole, [...]string{"contains", "prefix", "suffix", "equal"}[n.Mode], n.text)
				}
				got += "[" + s[1:] + "]"
			}
		}
		if got != c.want {
			t.Errorf("%q in %q: %s, want %s", c.literal, c.template, got, c.want)
		}
	}
}

package question

import (
	"bytes"
	"math/rand/v2"
	"testing"
)

// TestIndexFold compares with lower-casing everything first.
func TestIndexFold(t *testing.T) {
	rng := rand.New(rand.NewPCG(3, 4))
	letters := func(from string, n int) []byte {
		b := make([]byte, n)
		for i := range b {
			b[i] = from[rng.IntN(len(from))]
		}
		return b
	}
	found := 0
	for range 50_000 {
		s, low := letters("abAB12_ ", rng.IntN(24)), letters("ab12_", 1+rng.IntN(4))
		want := bytes.Index(bytes.ToLower(s), low)
		if have := indexFold(s, low); have != want {
			t.Fatalf("%q in %q: %d, want %d", low, s, have, want)
		}
		if want >= 0 {
			found++
		}
	}
	if found < 5000 {
		t.Errorf("only %d found", found)
	}
}

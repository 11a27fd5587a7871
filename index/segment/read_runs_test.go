package segment

import (
	"math/rand/v2"
	"testing"

	"clew/index"
)

func TestAllValid(t *testing.T) {
	r := rand.New(rand.NewPCG(1, 2))
	yes := 0
	for range 20_000 {
		valid := []uint64{^uint64(0), ^uint64(0), ^uint64(0)}
		for range r.IntN(3) {
			row := r.IntN(64 * len(valid))
			valid[row>>6] &^= 1 << (row & 63)
		}
		first := r.IntN(64 * len(valid))
		n := 1 + r.IntN(64*len(valid)-first)
		want := true
		for row := first; row < first+n; row++ {
			want = want && index.IsValid(valid, row)
		}
		if have := allValid(valid, first, n); have != want {
			t.Fatalf("rows %d to %d of %b: %v", first, first+n-1, valid, have)
		}
		if want {
			yes++
		}
	}
	if yes == 0 || yes == 20_000 {
		t.Errorf("%d of 20000 were valid", yes)
	}
}

package table

import (
	"math"
	"math/rand/v2"
	"slices"
	"testing"
)

// TestFrame: integers come back from every width, also where differences are negative or wrap around, and widening leaves earlier copies alone.
func TestFrame(t *testing.T) {
	r := rand.New(rand.NewPCG(1, 1))
	for _, spread := range []uint64{0, 100, 127, 128, 30_000, 40_000, 1 << 30, 1 << 40, math.MaxUint64} {
		for _, base := range []int64{0, -7, math.MaxInt64, math.MinInt64, 1e18} {
			var f frame
			var want []int64
			type taken struct {
				f frame
				n int
			}
			var snaps []taken
			for range 20 {
				var vals []int64
				for range 1 + r.IntN(50) {
					d := int64(0)
					if spread > 0 {
						d = int64(r.Uint64N(spread)) - int64(spread/2)
					}
					vals = append(vals, base+d)
				}
				f.appendAll(vals)
				want = append(want, vals...)
				snaps = append(snaps, taken{f, len(want)})
			}
			for _, s := range snaps {
				got := make([]int64, s.n)
				s.f.expand(got)
				if s.f.len() != s.n || !slices.Equal(got, want[:s.n]) {
					t.Fatalf("spread %d, base %d: %d values of width %d, want %d: %v", spread, base, s.f.len(), s.f.width, s.n, got[:min(5, s.n)])
				}
			}
		}
	}
}

// TestFrameWidth: values near each other take one byte each, however large they are.
func TestFrameWidth(t *testing.T) {
	for _, c := range []struct {
		vals  []int64
		width int
	}{
		{[]int64{5, 5, 5}, 1},
		{[]int64{1e18, 1e18 - 128, 1e18 + 127}, 1},
		{[]int64{0, 128}, 2},
		{[]int64{0, -129}, 2},
		{[]int64{0, 1 << 15}, 4},
		{[]int64{0, 1 << 31}, 8},
		{[]int64{math.MaxInt64, math.MinInt64}, 1}, // one apart, around
	} {
		var f frame
		f.appendAll(c.vals)
		if f.width != c.width {
			t.Errorf("%v: %d bytes each, want %d", c.vals, f.width, c.width)
		}
	}
}

package counts

import (
	"math/rand/v2"
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"

	"clew/index"
)

// TestCountCodes compares counting by stretches with counting row by row: stretches short and long, few codes and many, rows without a value, times
// before, in and after the buckets.
func TestCountCodes(t *testing.T) {
	rng := rand.New(rand.NewPCG(1, 2))
	for range 300 {
		const step, first, buckets = 1000, -3, 8
		rows, codes := 1+rng.IntN(6000), 1+rng.IntN(600)
		known := make([]int32, codes)
		groups := 1 + rng.IntN(5)
		for i := range known {
			known[i] = int32(rng.IntN(groups))
		}
		times, col := make([]int64, rows), make([]uint32, rows)
		for i := range times {
			times[i] = -5000 + rng.Int64N(12_000)
			if col[i] = uint32(rng.IntN(codes)); rng.IntN(10) == 0 {
				col[i] = index.NullCode
			}
		}
		for from := 0; from < rows; { // runs in order of time, as in a row group sorted by something else first
			to := min(rows, from+1+rng.IntN(3000))
			slices.Sort(times[from:to])
			from = to
		}
		h := &Timeline{Step: step, First: first, Buckets: buckets}
		have := &timelineRun{absent: make([]uint64, buckets), counts: make([][]uint64, groups)}
		want := make([][]uint64, groups)
		for g := range groups {
			have.counts[g], want[g] = make([]uint64, buckets), make([]uint64, buckets)
		}
		absent := make([]uint64, buckets)
		h.countCodes(have, times, col, known)
		for i, at := range times {
			b := floorDiv(at, step) - first
			switch {
			case b < 0 || b >= buckets:
			case col[i] == index.NullCode:
				absent[b]++
			default:
				want[known[col[i]]][b]++
			}
		}
		if d := cmp.Diff(want, have.counts) + cmp.Diff(absent, have.absent); d != "" {
			t.Fatal(d)
		}
	}
}

package counts

import "testing"

// TestDurationBounds holds the scale: four rows a decade from a microsecond, without a gap.
func TestDurationBounds(t *testing.T) {
	for i, want := range []int64{1000, 1778, 3162, 5623, 10000} {
		if durationBounds[i] != want {
			t.Errorf("bound %d is %d, want %d", i, durationBounds[i], want)
		}
	}
	for d, want := range map[int64]int{-1: 0, 0: 0, 1000: 0, 1001: 1, 1778: 1, 1779: 2, 1<<63 - 1: len(durationBounds) - 1} {
		if have := durationRow(d); have != want {
			t.Errorf("%d is in row %d, want %d", d, have, want)
		}
	}
}

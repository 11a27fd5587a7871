package segment

import (
	"math/bits"
	"math/rand/v2"
	"testing"

	"clew/index"
)

// TestRowOfValue: row undoes at.
func TestRowOfValue(t *testing.T) {
	r := rand.New(rand.NewPCG(3, 4))
	for range 200 {
		v := &holeValues{valid: make([]uint64, 1+r.IntN(5))}
		n := 0
		for i := range v.valid {
			v.valid[i] = r.Uint64() & r.Uint64()
			if r.IntN(3) == 0 {
				v.valid[i] = 0
			}
			v.rank = append(v.rank, uint32(n))
			n += bits.OnesCount64(v.valid[i])
		}
		for row := range 64 * len(v.valid) {
			if index.IsValid(v.valid, row) && v.row(v.at(row)) != row {
				t.Fatalf("value %d is of row %d, want %d", v.at(row), v.row(v.at(row)), row)
			}
		}
	}
	if all := (&holeValues{}); all.row(all.at(17)) != 17 {
		t.Error("without gaps, value 17 is not of row 17")
	}
}

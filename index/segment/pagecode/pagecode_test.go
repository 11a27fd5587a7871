package pagecode

import (
	"math/rand/v2"
	"slices"
	"testing"
)

// What is written is read back, whatever the values, and not one byte of what follows is taken.
func TestRoundTrips(t *testing.T) {
	r := rand.New(rand.NewPCG(5, 6))
	for range 2000 {
		n := 1 + r.IntN(600)
		width := 1 + r.IntN(20)
		codes, ints, valid, nulls := make([]uint32, n), make([]int64, n), make([]uint64, (n+63)/64), 0
		shift := r.IntN(64)
		for i := range n {
			codes[i] = r.Uint32N(1 << width)
			if i > 0 && r.IntN(3) > 0 {
				codes[i] = codes[i-1]
			}
			ints[i] = int64(r.Uint64() >> shift)
			if r.IntN(4) > 0 {
				valid[i/64] |= 1 << (i % 64)
			} else {
				nulls++
			}
		}
		gotCodes := make([]uint32, n)
		if err := ReadHybrid(gotCodes, AppendHybrid(nil, codes, width), width); err != nil || !slices.Equal(codes, gotCodes) {
			t.Fatalf("%d codes of %d bits: %v", n, width, err)
		}
		gotInts := make([]int64, n)
		rest, err := ReadDelta(gotInts, append(AppendDelta(nil, ints), "rest"...))
		if err != nil || string(rest) != "rest" || !slices.Equal(ints, gotInts) {
			t.Fatalf("%d integers: rest %q, %v", n, rest, err)
		}
		gotValid, gotNulls, rest, err := ReadLevels(append(AppendLevels(nil, valid, n, nulls), "rest"...), n)
		if err != nil || string(rest) != "rest" || gotNulls != nulls || nulls > 0 && !slices.Equal(valid, gotValid) {
			t.Fatalf("%d levels, %d nulls: rest %q, %d nulls, %v", n, nulls, rest, gotNulls, err)
		}
	}
}

// Readers take any bytes.
func FuzzRead(f *testing.F) {
	f.Add(AppendHybrid(nil, []uint32{1, 2, 3, 3, 3}, 2), uint16(5), byte(2))
	f.Add(AppendDelta(nil, []int64{1, -1, 1 << 60}), uint16(3), byte(0))
	f.Add(AppendLevels(nil, []uint64{5}, 3, 1), uint16(3), byte(0))
	f.Fuzz(func(t *testing.T, data []byte, n uint16, width byte) {
		_ = ReadHybrid(make([]uint32, n), data, int(width))
		_, _ = ReadDelta(make([]int64, n), data)
		if valid, nulls, _, err := ReadLevels(data, int(n)); err == nil && valid != nil && OnesCount(valid)+nulls != int(n) {
			t.Errorf("%d values and %d nulls of %d rows", OnesCount(valid), nulls, n)
		}
	})
}

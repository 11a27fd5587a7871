package writer

import (
	"math/rand/v2"
	"testing"

	"github.com/google/go-cmp/cmp"

	"clew/index/segment/format"
	"clew/index/segment/pagecode"
)

// Codes of uneven frequency fill bytes, those of equal frequency and those in runs are packed; all are read back.
func TestCodesWidth(t *testing.T) {
	r := rand.New(rand.NewPCG(1, 2))
	const rows, pageRows = 40_000, 8192
	for _, tc := range []struct {
		name  string
		count int
		code  func(i int) uint32
		want  int
	}{
		{"one", 1, func(int) uint32 { return 0 }, 1},
		{"equal", 64, func(int) uint32 { return r.Uint32N(64) }, 6},
		{"uneven", 64, func(int) uint32 { return min(r.Uint32N(64), r.Uint32N(64), r.Uint32N(64), r.Uint32N(64)) }, 8},
		{"uneven, few", 6, func(int) uint32 { return uint32(rows-1) % 6 * (r.Uint32N(16) / 15) }, 4},
		{"uneven, many", 3000, func(int) uint32 { return r.Uint32N(1 + r.Uint32N(1+r.Uint32N(3000))) }, 16},
		{"runs", 40, func(i int) uint32 { return uint32(i / 1000) }, 6},
		{"too many", 1 << 17, func(int) uint32 { return r.Uint32N(100) }, 17},
	} {
		indices := make([]uint32, rows)
		for i := range indices {
			indices[i] = tc.code(i)
		}
		w := chunkWriter{pageRows: pageRows, zstd: format.NewCompressor()}
		if got := w.codesWidth(indices, tc.count); got != tc.want {
			t.Errorf("%s: %d bits, want %d", tc.name, got, tc.want)
		}
		page := pagecode.AppendHybrid(nil, indices[:pageRows], tc.want)
		got := make([]uint32, pageRows)
		if err := pagecode.ReadHybrid(got, page, tc.want); err != nil {
			t.Fatalf("%s: %v", tc.name, err)
		}
		if diff := cmp.Diff(indices[:pageRows], got); diff != "" {
			t.Errorf("%s: %s", tc.name, diff)
		}
	}
}

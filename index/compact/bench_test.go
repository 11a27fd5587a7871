package compact

import (
	"flag"
	"fmt"
	"testing"
	"time"

	"clew/index/catalog"
)

// count is how many segments there are here: docs/scale.md has the figures of a million.
var count = flag.Int("segments", 100_000, "of benchmarks")

// BenchmarkPlan plans over many segments, a tenth of them small.
func BenchmarkPlan(b *testing.B) {
	var segments []*catalog.Segment
	for i := range *count {
		s := sealed(fmt.Sprint("s", i), noon.Add(-time.Duration(i)*time.Minute), RowsSmall)
		if s.Tenant = fmt.Sprint("tenant-", i/1000); i%10 == 0 {
			s.Rows, s.Bytes = 1000, 50_000
		}
		segments = append(segments, s)
	}
	for b.Loop() {
		if len(Plan(segments, day, noon.Add(time.Hour))) == 0 {
			b.Fatal("nothing to merge")
		}
	}
}

package compact

import (
	"fmt"
	"testing"
	"time"

	"clew/index/catalog"
)

// BenchmarkPlan plans over 100,000 segments, a tenth of them small.
func BenchmarkPlan(b *testing.B) {
	var segments []*catalog.Segment
	for i := range 100_000 {
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

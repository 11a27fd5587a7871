package retention

import (
	"flag"
	"fmt"
	"testing"
	"time"

	"clew/index/catalog"
	"clew/internal/telemetry"
)

// count is how many segments there are here: docs/scale.md has the figures of a million.
var count = flag.Int("segments", 100_000, "of benchmarks")

// BenchmarkExpired looks for what is too old among many segments of a week, and at nothing that is.
func BenchmarkExpired(b *testing.B) {
	now := time.Unix(1_790_000_000, 0).UTC()
	c := catalog.New()
	const batch = 5000
	for i := 0; i < *count; i += batch {
		cm := catalog.Commit{Version: catalog.CommitVersion, Reason: "seal", Last: c.Current().Shard(0).Last}
		for j := range batch {
			at := now.Add(-time.Duration(float64(i+j) / float64(*count) * float64(7*24*time.Hour)))
			cm.Added = append(cm.Added, catalog.Segment{
				ID: fmt.Sprint("s", i+j), Signal: telemetry.Signals[j%3], Tenant: fmt.Sprint("tenant-", j%100), Rows: 1, Bytes: 50 << 20, Created: at,
				MinTime: at.Add(-time.Minute).UnixNano(), MaxTime: at.UnixNano(),
			})
		}
		if err := c.Apply(c.Current().Sequence()+1, cm); err != nil {
			b.Fatal(err)
		}
	}
	age := Bounds{Age: 8 * 24 * time.Hour}
	for b.Loop() {
		if len(Expired(c.Current(), Policy{Spans: age, Logs: age, Metrics: age}, true, now)) > 0 {
			b.Fatal("something has expired")
		}
	}
}

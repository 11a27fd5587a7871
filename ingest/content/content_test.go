package content

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"go.opentelemetry.io/collector/pdata/plog"

	"clew/index/catalog"
	"clew/internal/telemetry"
)

// TestLargeRecordsWeighMore holds that a head of large lines counts for what sealing it will take, so that it is sealed earlier, and that one of many
// small lines counts for what it holds.
func TestLargeRecordsWeighMore(t *testing.T) {
	now := time.Now()
	fill := func(records int, body func(i int) string) rowContent {
		c := New("g", catalog.Key{Signal: telemetry.Logs, Tenant: "default"}, false).(rowContent)
		b := telemetry.NewBuilder(telemetry.Logs, "default")
		for i := range records {
			r := plog.NewLogRecord()
			r.Body().SetStr(body(i))
			b.AppendLog(r, now)
			if b.Size() < 1<<20 && i < records-1 {
				continue
			}
			batch := b.Build()
			if err := c.Append(batch, nil, now); err != nil {
				t.Fatal(err)
			}
			batch.Release()
		}
		return c
	}
	small := fill(100_000, func(i int) string { return fmt.Sprintf("request %d of user u%dx took %dms", i, i%977, i%101) })
	if small.Bytes() != small.table.Bytes() {
		t.Errorf("small lines count %d bytes, hold %d", small.Bytes(), small.table.Bytes())
	}
	// Every line is another one: what repeats is held once.
	large := fill(40, func(i int) string {
		return strings.Repeat(string(rune('a'+i%26))+strings.Repeat("x", i), (1<<20)/(i+1))
	})
	if have, held := large.Bytes(), large.table.Bytes(); held < 40<<20 || have < held+3*(held-groupBytesUsual) {
		t.Errorf("large lines count %d bytes, hold %d", have, held)
	}
}

package segment

import (
	"context"
	"fmt"
	"math/rand/v2"
	"testing"
	"time"

	"go.opentelemetry.io/collector/pdata/pcommon"
	"go.opentelemetry.io/collector/pdata/plog"

	"clew/index"
	"clew/index/table"
	"clew/internal/telemetry"
)

// TestKindsByCounting seals a head whose attributes look as those of real senders do, and compares what kinds their columns have: what repeats
// is a value, ids that people look for as a whole are raw, and texts with ids in them are texts, whether they repeat or not.
func TestKindsByCounting(t *testing.T) {
	const rows = 100_000
	r := rand.New(rand.NewPCG(1, 2))
	// Two thirds of the values are new: too many to be values by their number alone, too few to be near-unique.
	repeated := func(format string) func(i int) string {
		return func(int) string { return fmt.Sprintf(format, r.IntN(rows/3)) }
	}
	columns := map[string]struct {
		value func(i int) string
		want  index.Kind
	}{
		"http.route": {func(i int) string { return fmt.Sprintf("/orders/{id}/%d", i%50) }, index.KindValue},
		"order.id":   {func(i int) string { return fmt.Sprintf("order-%d", i) }, index.KindRaw},
		"request.id": {func(int) string {
			return fmt.Sprintf("%08x-%04x-4000-8000-%012x", r.Uint32(), r.IntN(1<<16), r.Uint64()>>16)
		}, index.KindRaw},
		"url.full":       {func(i int) string { return fmt.Sprintf("https://shop.example.com/p/%d?page=%d", i, i%7) }, index.KindText},
		"db.query.text":  {func(i int) string { return fmt.Sprintf("SELECT * FROM orders WHERE id = %d", i) }, index.KindText},
		"url.path":       {repeated("/api/v1/orders/%d/items"), index.KindText},
		"operation":      {repeated("GET /orders/%d"), index.KindText},
		"user.name":      {func(int) string { return fmt.Sprintf("u%x", r.IntN(rows/3)) }, index.KindValue},
		"random.phrases": {func(int) string { return fmt.Sprintf("%x %x", r.Uint64(), r.Uint64()) }, index.KindText},
	}
	tab := table.New("t", telemetry.Logs, "default", 0)
	for done := 0; done < rows; {
		b := telemetry.NewBuilder(telemetry.Logs, "default")
		b.UseSet(pcommon.NewResource(), "", pcommon.NewInstrumentationScope(), "")
		for range 5000 {
			rec := plog.NewLogRecord()
			rec.SetTimestamp(pcommon.Timestamp(1_700_000_000_000_000_000 + done))
			for key, c := range columns {
				rec.Attributes().PutStr(key, c.value(done))
			}
			b.AppendLog(rec, time.Unix(1_700_000_000, 0))
			done++
		}
		if err := tab.Append(b.Build(), nil); err != nil {
			t.Fatal(err)
		}
	}
	part := tab.Snapshot()
	st := memStore{}
	if _, err := Write(context.Background(), st, "x", []index.Part{part}, Options{}); err != nil {
		t.Fatal(err)
	}
	s, err := Open(context.Background(), st, "x", nil)
	if err != nil {
		t.Fatal(err)
	}
	sizes := s.ColumnBytes()
	for col, c := range s.Columns() {
		want, ok := columns[c.Key]
		if !ok {
			continue
		}
		t.Logf("%-16s %-5s %6.2f bytes a row", c.Key, c.Kind, float64(sizes[col])/rows)
		if c.Kind != want.want {
			t.Errorf("%s is of kind %s, want %s", c.Key, c.Kind, want.want)
		}
	}
	for rg := range s.RowGroups() {
		all, err := groupRows(s, rg)
		if err != nil {
			t.Fatal(err)
		}
		for _, row := range all {
			i := row[field(telemetry.FieldTime, telemetry.TypeTime)].(int64) - 1_700_000_000_000_000_000
			for _, key := range []string{"order.id", "url.full", "http.route"} {
				if got, want := row[telemetry.Column{Level: telemetry.LevelRecord, Key: key, Type: telemetry.TypeString}], columns[key].value(int(i)); got != want {
					t.Fatalf("row %d: %s is %v, want %v", i, key, got, want)
				}
			}
		}
	}
}

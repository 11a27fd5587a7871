package engine

import (
	"fmt"
	"testing"
	"time"

	"go.opentelemetry.io/collector/pdata/pcommon"
	"go.opentelemetry.io/collector/pdata/plog"

	"clew/index"
	"clew/index/segment"
	"clew/index/store"
	"clew/internal/telemetry"
)

// sparseLogs are records with a key of their own out of many: record i has "key.<i mod keys>" = "value <i>", and of every record the service.
func sparseLogs(records, keys int) []*telemetry.Batch {
	const perBatch = 200 // so that no batch has more keys than it gives columns to
	var batches []*telemetry.Batch
	for from := 0; from < records; from += perBatch {
		b := telemetry.NewBuilder(telemetry.Logs, "default")
		res := pcommon.NewResource()
		res.Attributes().PutStr("service.name", fmt.Sprintf("service-%d", from/perBatch%100))
		b.UseSet(res, "", pcommon.NewInstrumentationScope(), "")
		for i := from; i < min(records, from+perBatch); i++ {
			r := plog.NewLogRecord()
			r.SetTimestamp(pcommon.NewTimestampFromTime(testNow.Add(time.Duration(i) * time.Millisecond)))
			r.Body().SetStr(fmt.Sprintf("record %d", i))
			r.Attributes().PutStr(fmt.Sprintf("key.%d", i%keys), fmt.Sprintf("value %d", i))
			b.AppendLog(r, testNow)
		}
		batches = append(batches, b.Build())
	}
	return batches
}

// TestTenThousandKeys holds that search, fields, values, counts and whole records are right with 10,000 attribute keys, most of which have no column of
// their own in a segment, and that none of them takes a time that grows with keys times rows.
func TestTenThousandKeys(t *testing.T) {
	const records, keys = 20_000, 10_000
	st, err := store.OpenDir(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	h := head(t, "h", sparseLogs(records, keys)...)
	overflow := 0
	whole := sealed(t, st, segment.NewCache(64<<20, 0), h)
	for _, c := range whole.Columns() {
		if c.Overflow {
			overflow++
		}
	}
	if overflow < keys/2 {
		t.Fatalf("%d columns are in the overflow: this tests nothing", overflow)
	}
	for name, part := range map[string]index.Part{"head": h, "segment": whole} {
		e := newEngine(t, &fixedSource{parts: map[telemetry.Signal][]index.Part{telemetry.Logs: {part}}})
		request := func(query string) Request {
			return Request{Tenant: "default", Signal: telemetry.Logs, Query: mustParse(t, query)}
		}
		timed := func(what string, most time.Duration, f func()) {
			started := time.Now()
			f()
			took := time.Since(started)
			t.Logf("%s: %s %v", name, what, took.Round(100*time.Microsecond))
			if took > most {
				t.Errorf("%s: %s took %v", name, what, took)
			}
		}
		timed("count", 2*time.Second, func() {
			if c, err := e.Count(t.Context(), request("key.9876:*")); err != nil || c.Count != records/keys {
				t.Errorf("%s: count %v, %v", name, c, err)
			}
		})
		timed("count by", 2*time.Second, func() {
			g, err := e.CountBy(t.Context(), request("*"), "key.77", 10)
			if err != nil || len(g.Groups) != records/keys || g.Absent != records-records/keys {
				t.Errorf("%s: groups %+v, %v", name, g, err)
			}
		})
		timed("values", 2*time.Second, func() {
			g, err := e.Values(t.Context(), request("record"), "key.9999", "value", 10)
			if err != nil || len(g.Groups) != records/keys {
				t.Errorf("%s: values %+v, %v", name, g, err)
			}
		})
		timed("records", 2*time.Second, func() {
			f, err := e.Search(t.Context(), Search{Request: request("*"), Limit: 500})
			if err != nil || len(f.Records) != 500 {
				t.Fatalf("%s: %v", name, err)
			}
			for i, r := range f.Records {
				n := records - 1 - i
				v, ok := r.Get(telemetry.LevelRecord, fmt.Sprintf("key.%d", n%keys))
				if !ok || v.Text() != fmt.Sprintf("value %d", n) || r.Text("body") != fmt.Sprintf("record %d", n) || r.Service() == "" {
					t.Fatalf("%s: record %d is %+v", name, n, r)
				}
			}
		})
		timed("fields", 5*time.Second, func() {
			f, err := e.Fields(t.Context(), request("record"))
			if err != nil || f.Count != records {
				t.Fatalf("%s: %v", name, err)
			}
			found := 0
			for _, c := range f.Fields {
				if c.Column.Level == telemetry.LevelRecord && c.Count == records/keys {
					found++
				}
			}
			if found != keys {
				t.Errorf("%s: %d of %d keys are listed", name, found, keys)
			}
		})
		timed("any", 20*time.Second, func() {
			if c, err := e.Count(t.Context(), request(`any:"value 12345"`)); err != nil || c.Count != 1 {
				t.Errorf("%s: %v, %v", name, c, err)
			}
		})
	}
}

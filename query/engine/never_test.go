package engine

import (
	"context"
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

// wordParts makes n sealed parts and a head with a word of its own each, beside words and numbers that all have.
func wordParts(t testing.TB, n int) []index.Part {
	st, err := store.OpenDir(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	cache := segment.NewCache(64<<20, 0)
	var parts []index.Part
	for i := range n + 1 {
		logs := plog.NewLogs()
		records := logs.ResourceLogs().AppendEmpty().ScopeLogs().AppendEmpty().LogRecords()
		for j := range 200 {
			r := records.AppendEmpty()
			r.SetTimestamp(pcommon.NewTimestampFromTime(testNow.Add(-time.Duration(i*200+j) * time.Second)))
			switch {
			case j == 100:
				r.Body().SetStr(fmt.Sprintf("cache region alone%c rebuilt", 'a'+i%26))
			default:
				r.Body().SetStr(fmt.Sprintf("request %d took %dms for user u%dx%d", j, j*i, j, i))
			}
			r.Attributes().PutInt("shard", int64(i))
		}
		batch := logBatch(logs)
		h := head(t, fmt.Sprint("head", i), batch)
		batch.Release()
		if i < n {
			h = sealed(t, st, cache, h)
		}
		parts = append(parts, h)
	}
	return parts
}

// TestNeverIsRemembered holds that parts that cannot match are passed over when a query comes again, with the same answers and statistics, and
// that nothing is remembered of heads, for other queries, or across times.
func TestNeverIsRemembered(t *testing.T) {
	const sealedParts = 4
	parts := wordParts(t, sealedParts)
	e := newEngine(t, &fixedSource{parts: map[telemetry.Signal][]index.Part{telemetry.Logs: parts}})
	for _, c := range []struct {
		query string
		count uint64
		open  int // parts still looked at when asked again
	}{
		{"alonea", 1, 2},
		{"aloneb", 1, 2},
		{"alonee", 1, 1},           // the head's
		{"nowhere", 0, 1},          // the head could have it
		{"alonea OR aloneb", 2, 3}, // a plan of its own
		{"alonea aloneb", 0, 1},
		{"-nowhere", 1000, 5},
		{"u7x2", 1, 2}, // numbers are in no filter: the rows have told
		{"shard:2", 200, 2},
		{"cache -aloneb", 4, 4},
		{`"alonea rebuilt"`, 1, 2},
		{"body:/alone[ab]/", 2, 3},
		{"body:/(?i)ALONE[ab]/", 2, 3},
	} {
		r := Request{Tenant: "default", Signal: telemetry.Logs, Query: mustParse(t, c.query)}
		var first Stats
		for i := range 3 {
			got, err := e.Count(t.Context(), r)
			if err != nil {
				t.Fatal(err)
			}
			if got.Count != c.count {
				t.Errorf("%s, asked %d times before: %d, want %d", c.query, i, got.Count, c.count)
			}
			if i == 0 {
				first = got.Stats
			}
			if s := got.Stats; s.RowGroups != first.RowGroups || s.Parts != first.Parts || s.RowsMatched != first.RowsMatched {
				t.Errorf("%s, asked %d times before: statistics %+v, first %+v", c.query, i, s, first)
			}
		}
		_, q, err := e.begin(t.Context(), r)
		if err != nil {
			t.Fatal(err)
		}
		if open := len(q.open()); open != c.open {
			t.Errorf("%s: %d parts are still open, want %d", c.query, open, c.open)
		}
		q.end()
	}
}

// BenchmarkRareWord counts a word that one of many segments has: the others must cost next to nothing.
func BenchmarkRareWord(b *testing.B) {
	for _, n := range []int{5, 50, 500} {
		b.Run(fmt.Sprint(n), func(b *testing.B) {
			parts := wordParts(b, n)
			e := newEngine(b, &fixedSource{parts: map[telemetry.Signal][]index.Part{telemetry.Logs: parts[:n]}})
			r := Request{Tenant: "default", Signal: telemetry.Logs, Query: mustParse(b, "took u7x2")}
			for b.Loop() {
				if got, err := e.Count(context.Background(), r); err != nil || got.Count != 1 {
					b.Fatal(got, err)
				}
			}
		})
	}
}

package engine

import (
	"fmt"
	"log/slog"
	"testing"
	"time"

	"clew/index/catalog"
	"clew/index/segment"
	"clew/index/traceindex"
	"clew/internal/telemetry"
	"clew/query/parts"
	"clew/query/parts/partstest"
)

// Among many segments a trace is found by opening those that have it.
func TestTraceOfManySegments(t *testing.T) {
	const n = 600
	c, st := partstest.Many(t, n)
	quiet := slog.New(slog.DiscardHandler)
	ix, err := traceindex.Open(t.TempDir(), traceindex.DefaultLimits(), quiet)
	if err != nil {
		t.Fatal(err)
	}
	defer ix.Close()
	feeder := traceindex.NewFeeder(ix, c, st, quiet)
	began := time.Now()
	if _, err := feeder.Pass(t.Context()); err != nil {
		t.Fatal(err)
	}
	if s := ix.Stats(); s.Segments != n || s.Entries < n*100-10 {
		t.Fatalf("%+v, want %d segments of 100 traces", s, n)
	}
	t.Logf("fed in %v", time.Since(began))
	source := parts.NewSegments(c, st, segment.NewCache(64<<20, 0), nil, quiet)
	source.UseTraces(ix)
	e := newEngine(t, source)
	search := func(i int) {
		q := mustParse(t, fmt.Sprintf("trace_id:%s name:op*", partstest.Trace(i)))
		found, err := e.Search(t.Context(), Search{Request: Request{Tenant: "default", Signal: telemetry.Spans, Query: q}, Limit: 10})
		if err != nil || len(found.Records) != 3 || len(found.Stats.Partial) > 0 || found.Stats.Parts+found.Stats.Skipped != n {
			t.Fatalf("trace %d: %v, %+v", i, err, found)
		}
	}
	for i := 0; i < n*100; i += 7919 {
		got, err := e.Trace(t.Context(), "default", telemetry.TraceID(partstest.Trace(i)), 0, 0)
		if err != nil || len(got.Spans) != 3 || len(got.Stats.Partial) > 0 {
			t.Fatal(i, got, err)
		}
		search(i)
	}
	if s := source.OpenStats(); s.Segments > n*100/7919+3 {
		t.Errorf("%d segments were opened for %d traces", s.Segments, n*100/7919+1)
	}
	// A segment that is not fed yet is searched too, and what goes is forgotten.
	empty, err := traceindex.Open(t.TempDir(), traceindex.DefaultLimits(), quiet)
	if err != nil {
		t.Fatal(err)
	}
	defer empty.Close()
	source.UseTraces(empty)
	if got, err := e.Trace(t.Context(), "default", telemetry.TraceID(partstest.Trace(250)), 0, 0); err != nil || len(got.Spans) != 3 || got.Stats.Skipped != 0 {
		t.Errorf("with an index that knows no segment: %v, %v", got, err)
	}
	v := c.Current()
	cm := catalog.Commit{Version: catalog.CommitVersion, Reason: "retention", Last: 1}
	for seg := range v.All() {
		if len(cm.Removed) < n/2+10 {
			cm.Removed = append(cm.Removed, seg.ID)
		}
	}
	if err := c.Apply(2, cm); err != nil {
		t.Fatal(err)
	}
	if _, err := feeder.Pass(t.Context()); err != nil {
		t.Fatal(err)
	}
	if s := ix.Stats(); s.Segments != n/2-10 {
		t.Errorf("%d segments are covered after all but %d went", s.Segments, n/2-10)
	}
	source.Forget(cm.Removed)
	if s := source.OpenStats(); s.Segments != n/2-10 {
		t.Errorf("%d segments are open after all but %d went", s.Segments, n/2-10)
	}
}

package engine

import (
	"context"
	"io"
	"log/slog"
	"testing"
	"time"

	"go.opentelemetry.io/collector/pdata/pcommon"
	"go.opentelemetry.io/collector/pdata/plog"
	"go.opentelemetry.io/collector/pdata/ptrace"

	"clew/index"
	"clew/index/segment"
	"clew/index/store"
	"clew/index/table"
	"clew/internal/telemetry"
	"clew/query/lang"
	"clew/query/parts"
)

var testNow = time.Date(2026, 11, 21, 12, 0, 0, 0, time.UTC)

// fixedSource always gives the same parts.
type fixedSource struct {
	parts   map[telemetry.Signal][]index.Part
	partial []string
}

func (s *fixedSource) View(_ context.Context, scope parts.Scope) (*parts.View, error) {
	return &parts.View{Parts: s.parts[scope.Signal], Version: 7, Partial: s.partial, Release: func() {}}, nil
}

func newEngine(t testing.TB, src parts.Source) *Engine {
	t.Helper()
	e := New(src, Limits{CacheBytes: 1 << 20}, slog.New(slog.NewTextHandler(io.Discard, nil)))
	e.now = func() time.Time { return testNow }
	t.Cleanup(e.Close)
	return e
}

func logBatch(logs plog.Logs) *telemetry.Batch {
	b := telemetry.NewBuilder(telemetry.Logs, "default")
	for _, rl := range logs.ResourceLogs().All() {
		for _, sl := range rl.ScopeLogs().All() {
			b.UseSet(rl.Resource(), rl.SchemaUrl(), sl.Scope(), sl.SchemaUrl())
			for _, r := range sl.LogRecords().All() {
				b.AppendLog(r, testNow)
			}
		}
	}
	return b.Build()
}

func spanBatch(traces ptrace.Traces) *telemetry.Batch {
	b := telemetry.NewBuilder(telemetry.Spans, "default")
	for _, rs := range traces.ResourceSpans().All() {
		for _, ss := range rs.ScopeSpans().All() {
			b.UseSet(rs.Resource(), rs.SchemaUrl(), ss.Scope(), ss.SchemaUrl())
			for _, s := range ss.Spans().All() {
				b.AppendSpan(s, testNow)
			}
		}
	}
	return b.Build()
}

// head makes a head generation of batches.
func head(t testing.TB, id string, batches ...*telemetry.Batch) index.Part {
	t.Helper()
	tb := table.New(id, batches[0].Signal, "default", 0)
	for _, b := range batches {
		if err := tb.Append(b, nil); err != nil {
			t.Fatal(err)
		}
	}
	return tb.Snapshot()
}

// sealed makes a segment of parts.
func sealed(t testing.TB, st store.Store, cache *segment.Cache, parts ...index.Part) index.Part {
	t.Helper()
	info := parts[0].Info()
	id := segment.NewID(0, info.Signal, testNow)
	opt := segment.Options{}
	if _, isTest := t.(*testing.T); isTest {
		opt.PageRows = 64 // so that few records make many pages
	}
	if _, err := segment.Write(t.Context(), st, id, parts, opt); err != nil {
		t.Fatal(err)
	}
	s, err := segment.Open(t.Context(), st, id, cache)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func mustParse(t testing.TB, query string) lang.Expr {
	t.Helper()
	e, err := lang.Parse(query)
	if err != nil {
		t.Fatalf("%s: %v", query, err)
	}
	return e
}

func putAll(m pcommon.Map, values map[string]any) {
	for k, v := range values {
		switch v := v.(type) {
		case string:
			m.PutStr(k, v)
		case int64:
			m.PutInt(k, v)
		case float64:
			m.PutDouble(k, v)
		case bool:
			m.PutBool(k, v)
		case []byte:
			m.PutEmptyBytes(k).FromRaw(v)
		case []any:
			_ = m.PutEmptySlice(k).FromRaw(v)
		}
	}
}

package match

import (
	"slices"
	"testing"
	"time"

	"clew/index/vocabulary"
	"clew/internal/telemetry"
	"clew/query/lang"
)

func query(t *testing.T, text string) lang.Expr {
	t.Helper()
	e, err := lang.Parse(text)
	if err != nil {
		t.Fatal(err)
	}
	return e
}

// A plan says which traces a record must be of, where that follows.
func TestTracesOfPlan(t *testing.T) {
	const a, b = "0102030405060708090a0b0c0d0e0f10", "1102030405060708090a0b0c0d0e0f10"
	hash := func(text string) uint64 {
		id, err := telemetry.ParseTraceID(text)
		if err != nil {
			t.Fatal(err)
		}
		return vocabulary.Hash(id[:])
	}
	for text, want := range map[string][]uint64{
		"trace_id:" + a:                                 {hash(a)},
		"error trace_id:" + a + " duration>5ms":         {hash(a)},
		"(trace_id:" + a + " OR trace_id:" + b + ") -x": {hash(a), hash(b)},
		"trace_id:" + a + " OR error":                   nil,
		"-trace_id:" + a:                                nil,
		"trace_id!=" + a:                                nil,
		"trace_id:0102*":                                nil,
		"trace_id:*":                                    nil,
		"any:" + a:                                      nil,
		"attr.trace_id:" + a:                            nil,
		"parent_span_id:0102030405060708":               nil,
		"trace_id:" + a + " (trace_id:" + b + " OR name:get)": {hash(a)},
		"*": nil,
	} {
		p, err := NewPlan(query(t, text), telemetry.Spans, time.Unix(1_700_000_000, 0))
		if err != nil {
			t.Fatalf("%s: %v", text, err)
		}
		if got := p.Traces(); !slices.Equal(got, want) {
			t.Errorf("%s: %x, want %x", text, got, want)
		}
	}
	ids := NewIDSet([]telemetry.TraceID{{1}, {2}})
	if got := ids.leaf(telemetry.Spans).Traces(); !slices.Equal(got, ids.hashes) {
		t.Errorf("a set of ids: %x", got)
	}
}

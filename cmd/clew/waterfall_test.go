package main

import (
	"strings"
	"testing"

	"clew/query/api"
)

// TestDeepWaterfall: a chain of very many calls takes no more than a line's width for each.
func TestDeepWaterfall(t *testing.T) {
	const depth = 20_000
	trace := &api.Trace{DurationNano: depth, Truncated: true}
	for i := range depth {
		trace.Nodes = append(trace.Nodes, api.Node{Span: i, Parent: i - 1, Depth: i, Service: "s", Name: "call", DurationNano: 1})
		trace.Spans = append(trace.Spans, api.SpanRecord{})
	}
	text := (&waterfall{trace: trace, width: 100}).String()
	if n := len(text); n > 110*(depth+10) {
		t.Errorf("%d bytes for %d spans", n, depth)
	}
	lines := strings.Split(text, "\n")
	if want := strings.Repeat("  ", 3) + "s call "; !strings.HasPrefix(lines[5], want) {
		t.Errorf("depth 3 is %q, want it to begin with %q", lines[5], want)
	}
	if want := "19999> s call"; !strings.Contains(text, want) {
		t.Errorf("the deepest span's line has no %q", want)
	}
	if want := "not complete: the trace has more spans"; !strings.Contains(text, want) {
		t.Errorf("a truncated trace has no note %q", want)
	}
}

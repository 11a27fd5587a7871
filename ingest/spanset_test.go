package ingest

import (
	"testing"

	"go.opentelemetry.io/collector/pdata/pcommon"
	"go.opentelemetry.io/collector/pdata/ptrace"

	"clew/internal/telemetry"
)

// TestSharedSpanIDs: both sides of a call that have the same ids, as Zipkin's tracers have it, are kept; repetitions of each are not, after a restart too.
func TestSharedSpanIDs(t *testing.T) {
	side := func(n int, kind ptrace.SpanKind) *telemetry.Batch {
		b := telemetry.NewBuilder(telemetry.Spans, tenant)
		b.UseSet(testResource(), "", pcommon.NewInstrumentationScope(), "")
		s := ptrace.NewSpan()
		s.SetTraceID(pcommon.TraceID{1})
		s.SetSpanID(pcommon.SpanID{2})
		s.SetKind(kind)
		s.SetStartTimestamp(pcommon.NewTimestampFromTime(testTime))
		s.Attributes().PutInt("n", int64(n))
		b.AppendSpan(s, testTime)
		return b.Build()
	}
	dir := t.TempDir()
	send := func(r *rig) {
		t.Helper()
		r.send(t, side(0, ptrace.SpanKindClient))
		r.send(t, side(1, ptrace.SpanKindServer))
		r.send(t, side(0, ptrace.SpanKindClient))
		r.send(t, side(1, ptrace.SpanKindServer))
		r.settle(t)
		r.want(t, tenant, telemetry.Spans, 2)
	}
	r := openRig(t, dir, testConfig(), nil)
	send(r)
	if err := r.Seal(t.Context()); err != nil {
		t.Fatal(err)
	}
	send(r)
	r.stop()
	send(openRig(t, dir, testConfig(), nil))
}

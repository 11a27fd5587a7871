package quota

import (
	"context"
	"testing"
	"time"

	"go.opentelemetry.io/collector/pdata/plog"
	"go.opentelemetry.io/collector/pdata/pmetric"
	"go.opentelemetry.io/collector/pdata/ptrace"

	"clew/collector/refusal"
)

func logsOf(services ...string) plog.Logs {
	ld := plog.NewLogs()
	for _, name := range services {
		rl := ld.ResourceLogs().AppendEmpty()
		rl.Resource().Attributes().PutStr("service.name", name)
		rl.ScopeLogs().AppendEmpty().LogRecords().AppendEmpty().Body().SetStr("hello")
	}
	return ld
}

// TestDoorCharges: a request that no receiver has charged is charged at the door, by its size as OTLP; one that was is not charged again.
func TestDoorCharges(t *testing.T) {
	now := time.Unix(1_700_000_000, 0)
	q := newQuota(t, Config{Defaults: Limits{BytesPerSecond: 100, BurstBytes: 1}})
	size := int64((&plog.ProtoMarshaler{}).LogsSize(logsOf("a")))
	if err := q.Logs(t.Context(), logsOf("a"), now); err != nil {
		t.Fatalf("the first request: %v", err)
	}
	if got := q.Status()[0].Received; got != size {
		t.Errorf("%d bytes received, want %d", got, size)
	}
	for signal, err := range map[string]error{
		"logs": q.Logs(t.Context(), logsOf("a"), now), "spans": q.Spans(t.Context(), ptrace.NewTraces(), now), "metrics": q.Metrics(t.Context(), pmetric.NewMetrics(), now),
	} {
		if refused := refusal.Of(err); err == nil || refused.Reason != ReasonRate || refused.Kind != refusal.Overload {
			t.Errorf("%s past the rate: %v, want a refusal for %s", signal, err, ReasonRate)
		}
	}
	later := now.Add(time.Minute)
	ctx, _, refused := q.Charge(t.Context(), 50, later)
	if refused != nil {
		t.Fatalf("charge a minute later: %v", refused)
	}
	if err := q.Logs(ctx, logsOf("a"), later); err != nil {
		t.Errorf("a request that was charged: %v", err)
	}
	if _, _, refused := q.Charge(context.Background(), 1, later); refused == nil {
		t.Error("a request past the rate was charged")
	}
}

// TestDoorTells: what is rejected is taken out, counted, and in the receipt, for those who have one.
func TestDoorTells(t *testing.T) {
	now := time.Unix(1_700_000_000, 0)
	q := newQuota(t, Config{Defaults: Limits{Services: 1}})
	ctx, receipt, refused := q.Charge(t.Context(), 1, now)
	if refused != nil {
		t.Fatal(refused)
	}
	for name, ctx := range map[string]context.Context{"with a receipt": ctx, "without": t.Context()} {
		ld := logsOf("a", "b", "c")
		if err := q.Logs(ctx, ld, now); err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		if got := ld.LogRecordCount(); got != 1 {
			t.Errorf("%s: %d records passed, want 1", name, got)
		}
	}
	if got := receipt.Rejected(); len(got) != 1 || got[ReasonServices] != 2 {
		t.Errorf("receipt %v, want 2 of %s", got, ReasonServices)
	}
	if got := q.Status()[0].Rejected[ReasonServices]; got != 4 {
		t.Errorf("%d rejected records counted, want 4", got)
	}
}

package quota

import (
	"context"
	"time"

	"go.opentelemetry.io/collector/pdata/pcommon"
	"go.opentelemetry.io/collector/pdata/plog"
	"go.opentelemetry.io/collector/pdata/pmetric"
	"go.opentelemetry.io/collector/pdata/ptrace"
)

// The door is before the exporter, where all pipelines end: whatever way a request came in, it passes here before anything is stored.
// One method for each signal: each returns nil, with the records that the tenant may not send removed, or a *refusal.Error.

// Logs passes a request of log records.
func (q *Quota) Logs(ctx context.Context, ld plog.Logs, now time.Time) error {
	e, err := q.enter(ctx, now, func() int { return (&plog.ProtoMarshaler{}).LogsSize(ld) })
	if err != nil || !e.tenant.BoundsServices() {
		return err
	}
	ld.ResourceLogs().RemoveIf(func(rl plog.ResourceLogs) bool {
		if e.service(rl.Resource()) {
			return false
		}
		n := 0
		for _, sl := range rl.ScopeLogs().All() {
			n += sl.LogRecords().Len()
		}
		e.reject(ReasonServices, n)
		return true
	})
	return nil
}

// Spans passes a request of spans.
func (q *Quota) Spans(ctx context.Context, td ptrace.Traces, now time.Time) error {
	e, err := q.enter(ctx, now, func() int { return (&ptrace.ProtoMarshaler{}).TracesSize(td) })
	if err != nil || !e.tenant.BoundsServices() {
		return err
	}
	td.ResourceSpans().RemoveIf(func(rs ptrace.ResourceSpans) bool {
		if e.service(rs.Resource()) {
			return false
		}
		n := 0
		for _, ss := range rs.ScopeSpans().All() {
			n += ss.Spans().Len()
		}
		e.reject(ReasonServices, n)
		return true
	})
	return nil
}

// Metrics passes a request of metrics. Records are data points.
func (q *Quota) Metrics(ctx context.Context, md pmetric.Metrics, now time.Time) error {
	e, err := q.enter(ctx, now, func() int { return (&pmetric.ProtoMarshaler{}).MetricsSize(md) })
	if err != nil {
		return err
	}
	if e.tenant.BoundsServices() {
		md.ResourceMetrics().RemoveIf(func(rm pmetric.ResourceMetrics) bool {
			if e.service(rm.Resource()) {
				return false
			}
			e.reject(ReasonServices, points(rm))
			return true
		})
	}
	if e.tenant.BoundsSeries() {
		e.series(md)
	}
	return nil
}

// entry is one request at the door.
type entry struct {
	tenant  *Tenant
	receipt *Receipt // nil: nobody asks
	now     time.Time
}

// enter finds the tenant, and charges what no receiver has charged. bytes is asked only then: it walks through the request.
func (q *Quota) enter(ctx context.Context, now time.Time, bytes func() int) (*entry, error) {
	e := &entry{tenant: q.Tenant(TenantOf(ctx), now), now: now}
	if r, ok := ctx.Value(receiptKey{}).(*Receipt); ok {
		e.receipt = r
		return e, nil
	}
	if refused := e.tenant.Receive(bytes(), now); refused != nil {
		return nil, refused
	}
	return e, nil
}

func (e *entry) reject(reason string, records int) {
	if records == 0 {
		return
	}
	e.tenant.Rejected(reason, records)
	if e.receipt != nil {
		e.receipt.reject(reason, records)
	}
}

// service says whether records of the resource may be taken. A resource without a service name is no service.
func (e *entry) service(r pcommon.Resource) bool {
	name, ok := r.Attributes().Get("service.name")
	return !ok || e.tenant.Service(hashValue(name), e.now)
}

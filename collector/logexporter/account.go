package logexporter

import (
	"context"

	"go.opentelemetry.io/collector/pdata/pcommon"
	"go.opentelemetry.io/collector/pdata/plog"
	"go.opentelemetry.io/collector/pdata/pmetric"
	"go.opentelemetry.io/collector/pdata/ptrace"

	"clew/collector/quota"
	"clew/collector/refusal"
	"clew/internal/clock"
	"clew/internal/ledger"
	"clew/internal/telemetry"
)

// account counts the records of one request by service, for the book: what came, and what the tenant's limits left of it. It is nil, and its methods do nothing, for a
// numbered batch, whose sender counts for itself.
type account struct {
	book     *ledger.Book
	tenant   string
	signal   telemetry.Signal
	services []serviceCount // few: a request is one process's, or a gateway's of some
}

type serviceCount struct {
	name  string
	count [2]int // by stage
}

// stage is where records are counted.
type stage int

const (
	received stage = iota
	admitted
)

func (p pipelineEnd) account(ctx context.Context, signal telemetry.Signal) *account {
	if ledger.NumberOf(ctx) != nil {
		return nil
	}
	return &account{book: p.book, tenant: quota.TenantOf(ctx), signal: signal}
}

func (a *account) add(r pcommon.Resource, s stage, n int) {
	if n == 0 {
		return
	}
	name := ""
	if v, ok := r.Attributes().Get("service.name"); ok {
		name = v.AsString()
	}
	for i := range a.services {
		if a.services[i].name == name {
			a.services[i].count[s] += n
			return
		}
	}
	if len(a.services) >= servicesCounted {
		name = otherServices
		if last := &a.services[len(a.services)-1]; last.name == name {
			last.count[s] += n
			return
		}
	}
	c := serviceCount{name: name}
	c.count[s] = n
	a.services = append(a.services, c)
}

func (a *account) logs(ld plog.Logs, s stage) {
	if a == nil {
		return
	}
	for _, rl := range ld.ResourceLogs().All() {
		n := 0
		for _, sl := range rl.ScopeLogs().All() {
			n += sl.LogRecords().Len()
		}
		a.add(rl.Resource(), s, n)
	}
}

func (a *account) spans(td ptrace.Traces, s stage) {
	if a == nil {
		return
	}
	for _, rs := range td.ResourceSpans().All() {
		n := 0
		for _, ss := range rs.ScopeSpans().All() {
			n += ss.Spans().Len()
		}
		a.add(rs.Resource(), s, n)
	}
}

func (a *account) metrics(md pmetric.Metrics, s stage) {
	if a == nil {
		return
	}
	for _, rm := range md.ResourceMetrics().All() {
		n := 0
		for _, sm := range rm.ScopeMetrics().All() {
			for _, m := range sm.Metrics().All() {
				n += telemetry.DataPoints(m)
			}
		}
		a.add(rm.Resource(), s, n)
	}
}

// end writes the request's outcome into the book.
func (a *account) end(err error) {
	if a == nil {
		return
	}
	now := clock.Now()
	for _, c := range a.services {
		var o ledger.Outcome
		if err != nil {
			o.Refused = map[string]int{refusal.Of(err).Reason: c.count[received]}
		} else {
			o.Stored = c.count[admitted]
			if over := c.count[received] - c.count[admitted]; over > 0 {
				o.Refused = map[string]int{quota.ReasonLimits: over}
			}
		}
		a.book.Sent(a.tenant, c.name, a.signal, o, now)
	}
}

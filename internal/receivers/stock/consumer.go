package stock

import (
	"context"
	"strings"

	"go.opentelemetry.io/collector/consumer"
	"go.opentelemetry.io/collector/pdata/pcommon"
	"go.opentelemetry.io/collector/pdata/plog"
	"go.opentelemetry.io/collector/pdata/ptrace"

	"clew/internal/access"
	"clew/internal/receivers/way"
)

// priorityAttribute is on every record whose line the syslog parser could read.
const priorityAttribute = "priority"

// records counts syslog's records on their way into the pipeline, and those among them whose lines are none.
type records struct {
	consumer.Logs
	protocol string
	metrics  *way.Metrics
	guard    *access.Guard
}

// Capabilities is part of consumer.Logs.
func (*records) Capabilities() consumer.Capabilities { return consumer.Capabilities{MutatesData: true} }

// ConsumeLogs is part of consumer.Logs.
func (c *records) ConsumeLogs(ctx context.Context, ld plog.Logs) error {
	ctx, err := way.Tenant(ctx, c.guard, c.protocol, "")
	if err != nil {
		return done(ctx, c.metrics, c.protocol, ld.LogRecordCount(), err)
	}
	n, unparsed := 0, 0
	for _, rl := range ld.ResourceLogs().All() {
		for _, sl := range rl.ScopeLogs().All() {
			for _, lr := range sl.LogRecords().All() {
				n++
				if body := lr.Body(); body.Type() == pcommon.ValueTypeStr {
					if text := strings.TrimRight(body.Str(), "\r\n"); len(text) < len(body.Str()) {
						body.SetStr(text)
					}
				}
				if _, ok := lr.Attributes().Get(priorityAttribute); !ok {
					unparsed++
				}
			}
		}
	}
	if unparsed > 0 {
		c.metrics.Unparsed(c.protocol, unparsed)
	}
	return done(ctx, c.metrics, c.protocol, n, c.Logs.ConsumeLogs(ctx, ld))
}

// traces counts spans on their way into the pipeline, and rejects those without ids: they are in no trace and nobody's parent.
type traces struct {
	consumer.Traces
	protocol string
	metrics  *way.Metrics
	guard    *access.Guard
}

// Capabilities is part of consumer.Traces.
func (*traces) Capabilities() consumer.Capabilities { return consumer.Capabilities{MutatesData: true} }

// ConsumeTraces is part of consumer.Traces.
func (c *traces) ConsumeTraces(ctx context.Context, td ptrace.Traces) error {
	ctx, err := way.Tenant(ctx, c.guard, c.protocol, "")
	if err != nil {
		return done(ctx, c.metrics, c.protocol, td.SpanCount(), err)
	}
	for _, rs := range td.ResourceSpans().All() {
		for _, ss := range rs.ScopeSpans().All() {
			ss.Spans().RemoveIf(func(s ptrace.Span) bool {
				reason := ""
				switch {
				case s.TraceID().IsEmpty():
					reason = "empty_trace_id"
				case s.SpanID().IsEmpty():
					reason = "empty_span_id"
				default:
					return false
				}
				c.metrics.Rejected(c.protocol, reason, 1)
				return true
			})
		}
	}
	n := td.SpanCount()
	if n == 0 {
		return nil
	}
	return done(ctx, c.metrics, c.protocol, n, c.Traces.ConsumeTraces(ctx, td))
}

// done counts what became of n records, and leaves a refusal for the answer.
func done(ctx context.Context, m *way.Metrics, protocol string, n int, err error) error {
	if err == nil {
		m.Accepted(protocol, n)
		return nil
	}
	e := way.Of(err)
	m.Refused(protocol, e.Reason, n)
	if a, ok := ctx.Value(answerKey{}).(*answer); ok {
		a.refused = e
	}
	return err
}

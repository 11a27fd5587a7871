package engine

import (
	"context"

	"clew/internal/telemetry"
	"clew/query/lang"
)

// Span is one span and the log records that were written in it.
type Span struct {
	Spans []Record // of the id: more than one if both sides of a call share theirs, or an id was used twice; by start
	Logs  []Record // by time
	// Truncated says that there are more log records than Limits.Records.
	Truncated bool
	Stats     Stats
}

// Span finds a span by its ids. Spans is empty if there is none. from and to are as for Trace.
func (e *Engine) Span(ctx context.Context, tenant string, trace telemetry.TraceID, span telemetry.SpanID, from, to int64) (*Span, error) {
	is := func(field, id string) lang.Expr {
		return &lang.Match{Field: field, Op: lang.OpEqual, Value: lang.Value{Text: id}}
	}
	r := Request{Tenant: tenant, Signal: telemetry.Spans, From: from, To: to}
	r.Query = lang.Conj(is(telemetry.FieldTraceID, trace.String()), is(telemetry.FieldSpanID, span.String()))
	spans, _, stats, err := e.gather(ctx, r, spansOfIDMax)
	if err != nil {
		return nil, err
	}
	out := &Span{Spans: uniqueSpans(spans), Stats: stats}
	r.Signal = telemetry.Logs
	if out.Logs, out.Truncated, stats, err = e.gather(ctx, r, e.limits.Records); err != nil {
		return nil, err
	}
	out.Stats = out.Stats.plus(stats)
	return out, nil
}

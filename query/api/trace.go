package api

import (
	"fmt"
	"net/http"
	"strconv"

	"github.com/gin-gonic/gin"

	"clew/internal/telemetry"
	"clew/query/chain"
	"clew/query/engine"
)

func (s *Server) trace(c *gin.Context) {
	name, id, err := traceParams(c)
	if err != nil {
		s.failed(c, err)
		return
	}
	from, to, err := timeRange(c)
	if err != nil {
		s.failed(c, err)
		return
	}
	t, err := s.deps.Engine.Trace(c.Request.Context(), name, id, from, to)
	if err != nil {
		s.failed(c, err)
		return
	}
	if len(t.Spans) == 0 && len(t.Logs) == 0 {
		noTrace(c, id, t.Stats)
		return
	}
	out := traceAnswer(t)
	if first, err := strconv.ParseInt(out.StartNano, 10, 64); err == nil {
		out.Stats = s.notedTrace(name, first, first+out.DurationNano, out.Stats)
	}
	w := writer{make([]byte, 0, spanBytesMean*len(out.Spans))}
	w.open()
	list(&w, "spans", out.Spans)
	list(&w, "logs", out.Logs)
	w.rest(besideRecords{Trace: &out})
	w.answer(c)
}

// besideRecords is what a trace has beside its spans and log records.
type besideRecords struct {
	*Trace
	Spans *struct{} `json:"spans,omitempty"`
	Logs  *struct{} `json:"logs,omitempty"`
}

// traceParams are who asks, and for which trace.
func traceParams(c *gin.Context) (name string, id telemetry.TraceID, err error) {
	if err = checkParams(c, "start", "end"); err != nil {
		return "", id, err
	}
	if name, err = tenant(c); err != nil {
		return "", id, err
	}
	if id, err = telemetry.ParseTraceID(c.Param("id")); err != nil {
		return "", id, &paramError{field: "id", err: err}
	}
	return name, id, nil
}

func noTrace(c *gin.Context, id telemetry.TraceID, stats engine.Stats) {
	message := fmt.Sprintf("no span and no log record has the trace id %s", id)
	if len(stats.Partial) > 0 {
		message += ", as far as could be read: " + stats.Partial[0]
	}
	fail(c, http.StatusNotFound, ErrorDetail{Code: "not_found", Message: message})
}

// traceAnswer rebuilds the chain and puts the log records to their hops.
func traceAnswer(t *engine.Trace) Trace {
	built := chain.Build(chainSpans(t.Spans))
	if len(t.Spans) == 0 {
		built.Start, built.End = t.Logs[0].Time, t.Logs[len(t.Logs)-1].Time
	}
	out := Trace{
		TraceID: t.ID.String(), Start: formatTime(built.Start), StartNano: strconv.FormatInt(built.Start, 10), DurationNano: built.End - built.Start,
		Nodes: make([]Node, len(built.Nodes)), Spans: spanRecords(t.Spans), Logs: logRecords(t.Logs), LogNodes: make([]int, len(t.Logs)),
		Critical: make([]Step, len(built.Critical)), Missing: built.Missing, Errors: built.Errors, ErrorOrigins: built.ErrorOrigins,
		Duplicates: built.Duplicates, Truncated: t.Truncated, Services: services(built), Clocks: clocks(built), Stats: stats(t.Stats),
	}
	bySpan := map[string]int{}
	for i := range built.Nodes {
		n := &built.Nodes[i]
		out.Nodes[i] = Node{
			Span: n.Span, Parent: n.Parent, Depth: n.Depth, SpanID: n.ID.String(), Service: n.Service, Name: n.Name, Kind: n.Kind,
			Reason: string(n.Reason), Error: n.Error, OffsetNano: n.Start - built.Start, DurationNano: n.Duration, SkewNano: n.Skew,
			SelfNano: n.SelfTime, CriticalNano: n.OnCritical,
		}
		if _, seen := bySpan[out.Nodes[i].SpanID]; !seen {
			bySpan[out.Nodes[i].SpanID] = i
		}
	}
	for i := range out.Logs {
		node, ok := bySpan[out.Logs[i].SpanID]
		if !ok {
			node = -1
		}
		out.LogNodes[i] = node
	}
	for i, step := range built.Critical {
		out.Critical[i] = Step{Node: step.Node, FromNano: step.From - built.Start, ToNano: step.To - built.Start}
	}
	return out
}

func clocks(built *chain.Chain) []Clock {
	out := make([]Clock, len(built.Clocks))
	for i, k := range built.Clocks {
		out[i] = Clock{Process: k.Process, OffsetNano: k.Offset, Calls: k.Calls}
	}
	return out
}

func services(built *chain.Chain) []Service {
	out := make([]Service, len(built.Services))
	for i, v := range built.Services {
		out[i] = Service{Service: v.Service, Spans: v.Spans, Errors: v.Errors, SelfNano: v.SelfTime}
	}
	return out
}

func chainSpans(records []engine.Record) []chain.Span {
	spans := make([]chain.Span, len(records))
	for i := range records {
		r := &records[i]
		s := &spans[i]
		s.Service, s.Name, s.Kind = r.Service(), r.Text(telemetry.FieldName), r.Text(telemetry.FieldKind)
		s.Status, s.StatusMessage = r.Text(telemetry.FieldStatus), r.Text(telemetry.FieldStatusMessage)
		s.Duration = r.Int(telemetry.FieldDuration)
		s.Start = r.Time
		if f, ok := r.Get(telemetry.LevelField, telemetry.FieldStatedStart); ok {
			s.Start = f.Value.Int
		}
		s.Process = r.Process()
		copyID(s.ID[:], r, telemetry.FieldSpanID)
		copyID(s.Parent[:], r, telemetry.FieldParentSpanID)
	}
	return spans
}

func copyID(dst []byte, r *engine.Record, field string) {
	f, _ := r.Get(telemetry.LevelField, field)
	copy(dst, f.Value.Text)
}

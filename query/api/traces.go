package api

import (
	"fmt"
	"net/http"
	"strconv"

	"github.com/gin-gonic/gin"

	"clew/internal/telemetry"
	"clew/query/engine"
)

func (s *Server) traces(c *gin.Context) {
	r, err := spansRequest(c, "limit", "cursor")
	if err != nil {
		s.failed(c, err)
		return
	}
	ask := engine.TraceSearch{Request: r}
	if ask.Limit, err = intParam(c, "limit", tracesDefault, 1, tracesMax); err != nil {
		s.failed(c, err)
		return
	}
	if ask.Cursor, err = engine.ParseTraceCursor(c.Query("cursor")); err != nil {
		s.failed(c, &paramError{field: "cursor", err: err})
		return
	}
	found, err := s.deps.Engine.Traces(c.Request.Context(), ask)
	if err != nil {
		s.failed(c, err)
		return
	}
	out := Traces{Traces: make([]TraceSummary, len(found.Traces)), Cursor: found.Cursor.String(), Stats: s.noted(r, stats(found.Stats))}
	for i := range found.Traces {
		out.Traces[i] = traceSummary(&found.Traces[i])
	}
	c.JSON(http.StatusOK, out)
}

func traceSummary(t *engine.TraceSummary) TraceSummary {
	out := TraceSummary{
		TraceID: t.ID.String(), Start: formatTime(t.Start), StartNano: strconv.FormatInt(t.Start, 10), DurationNano: t.Duration,
		RootService: t.RootService, RootName: t.RootName, RootMissing: t.RootMissing, Spans: t.Spans, Errors: t.Errors, Matched: t.Matched,
		Services: make([]TraceService, len(t.Services)),
	}
	for i, v := range t.Services {
		out.Services[i] = TraceService{Service: v.Service, Spans: v.Spans, Errors: v.Errors}
	}
	return out
}

func (s *Server) span(c *gin.Context) {
	name, id, err := traceParams(c)
	if err != nil {
		s.failed(c, err)
		return
	}
	spanID, err := telemetry.ParseSpanID(c.Param("spanId"))
	if err != nil {
		s.failed(c, &paramError{field: "spanId", err: err})
		return
	}
	from, to, err := timeRange(c)
	if err != nil {
		s.failed(c, err)
		return
	}
	found, err := s.deps.Engine.Span(c.Request.Context(), name, id, spanID, from, to)
	if err != nil {
		s.failed(c, err)
		return
	}
	if len(found.Spans) == 0 {
		message := fmt.Sprintf("trace %s has no span %s", id, spanID)
		if len(found.Stats.Partial) > 0 {
			message += ", as far as could be read: " + found.Stats.Partial[0]
		}
		fail(c, http.StatusNotFound, ErrorDetail{Code: "not_found", Message: message})
		return
	}
	spans := spanRecords(found.Spans)
	c.JSON(http.StatusOK, SpanDetail{
		Span: spans[0], Others: spans[1:], Logs: logRecords(found.Logs), Truncated: found.Truncated, Stats: stats(found.Stats),
	})
}

func (s *Server) heatmap(c *gin.Context) {
	r, err := spansRequest(c, "step")
	if err != nil {
		s.failed(c, err)
		return
	}
	width, err := step(c)
	if err != nil {
		s.failed(c, err)
		return
	}
	h, err := s.deps.Engine.Heatmap(c.Request.Context(), r, width)
	if err != nil {
		s.failed(c, err)
		return
	}
	out := Heatmap{
		Start: formatTime(h.Start), StepMs: h.Step.Milliseconds(), Bounds: append([]int64{}, h.Bounds...),
		Columns: make([]HeatmapColumn, len(h.Columns)), Count: h.Count, Stats: stats(h.Stats),
	}
	for i, column := range h.Columns {
		out.Columns[i] = HeatmapColumn(column)
	}
	c.JSON(http.StatusOK, out)
}

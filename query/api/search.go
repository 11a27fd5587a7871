package api

import (
	"errors"
	"fmt"
	"net/http"
	"time"

	"github.com/gin-gonic/gin"

	"clew/internal/telemetry"
	"clew/query/engine"
)

func (s *Server) search(c *gin.Context) {
	r, err := request(c, "limit", "cursor", "order")
	if err != nil {
		s.failed(c, err)
		return
	}
	ask := engine.Search{Request: r}
	if ask.Limit, err = intParam(c, "limit", searchDefault, 1, searchMax); err != nil {
		s.failed(c, err)
		return
	}
	if ask.Cursor, err = engine.ParseCursor(c.Query("cursor")); err != nil {
		s.failed(c, &paramError{field: "cursor", err: err})
		return
	}
	switch order := c.DefaultQuery("order", "desc"); order {
	case "desc":
	case "asc":
		ask.OldestFirst = true
	default:
		s.failed(c, &paramError{field: "order", err: fmt.Errorf("%.20q: want desc (newest first) or asc", order)})
		return
	}
	found, err := s.deps.Engine.Search(c.Request.Context(), ask)
	if err != nil {
		s.failed(c, err)
		return
	}
	out := Search{Signal: r.Signal.String(), Stats: s.noted(r, stats(found.Stats))}
	if found.Cursor != nil {
		out.Cursor = found.Cursor.String()
	}
	var w writer
	w.open()
	if r.Signal == telemetry.Logs {
		list(&w, "logs", logRecords(found.Records))
	} else {
		list(&w, "spans", spanRecords(found.Records))
	}
	w.rest(out)
	w.answer(c)
}

func logRecords(found []engine.Record) []LogRecord {
	out := make([]LogRecord, len(found))
	var k knownResources
	for i := range found {
		out[i] = k.log(&found[i])
	}
	return out
}

func spanRecords(found []engine.Record) []SpanRecord {
	out := make([]SpanRecord, len(found))
	var k knownResources
	for i := range found {
		out[i] = k.span(&found[i])
	}
	return out
}

// context finds a record again by its id and gives its neighbours.
func (s *Server) context(c *gin.Context) {
	if err := checkParams(c, "id", "before", "after"); err != nil {
		s.failed(c, err)
		return
	}
	name, err := tenant(c)
	if err != nil {
		s.failed(c, err)
		return
	}
	at, err := engine.ParseCursor(c.Query("id"))
	if err != nil || at == nil {
		s.failed(c, &paramError{field: "id", err: fmt.Errorf("%.60q: want the id of a log record that a search gave", c.Query("id"))})
		return
	}
	before, err := intParam(c, "before", 0, 0, contextMax)
	if err != nil {
		s.failed(c, err)
		return
	}
	after, err := intParam(c, "after", 0, 0, contextMax)
	if err != nil {
		s.failed(c, err)
		return
	}
	all := engine.Request{Tenant: name, Signal: telemetry.Logs}
	same := all
	same.From, same.To = at.Time, at.Time+1
	found, err := s.deps.Engine.Search(c.Request.Context(), engine.Search{Request: same, OldestFirst: true})
	if err != nil {
		s.failed(c, err)
		return
	}
	for i := range found.Records {
		r := &found.Records[i]
		if engine.CursorAt(r).String() != c.Query("id") {
			continue
		}
		around, err := s.deps.Engine.RecordsAround(c.Request.Context(), all, r, before, after)
		if err != nil {
			s.failed(c, err)
			return
		}
		c.JSON(http.StatusOK, Context{Before: logRecords(around.Before), After: logRecords(around.After), Stats: stats(around.Stats)})
		return
	}
	fail(c, http.StatusNotFound, ErrorDetail{Code: "not_found", Field: "id", Message: "there is no such log record (any more)"})
}

func (s *Server) count(c *gin.Context) {
	r, err := request(c, "by", "top")
	if err != nil {
		s.failed(c, err)
		return
	}
	by := c.Query("by")
	if by == "" {
		n, err := s.deps.Engine.Count(c.Request.Context(), r)
		if err != nil {
			s.failed(c, err)
			return
		}
		c.JSON(http.StatusOK, Count{Count: n.Count, Stats: s.noted(r, stats(n.Stats))})
		return
	}
	top, err := intParam(c, "top", groupsDefault, 1, groupsMax)
	if err != nil {
		s.failed(c, err)
		return
	}
	g, err := s.deps.Engine.CountBy(c.Request.Context(), r, by, top)
	if err != nil {
		s.failed(c, err)
		return
	}
	c.JSON(http.StatusOK, Count{Count: g.Count, Field: by, Groups: groups(g.Groups), Other: g.Other, Absent: g.Absent, Stats: s.noted(r, stats(g.Stats))})
}

func groups(in []engine.Group) []Group {
	out := make([]Group, len(in))
	for i, g := range in {
		out[i] = Group{Value: g.Value, Count: g.Count}
	}
	return out
}

func (s *Server) values(c *gin.Context) {
	r, err := request(c, "field", "prefix", "top")
	if err != nil {
		s.failed(c, err)
		return
	}
	field := c.Query("field")
	if field == "" {
		s.failed(c, &paramError{field: "field", err: errors.New("want the name of a field, as /api/v1/fields lists them")})
		return
	}
	top, err := intParam(c, "top", groupsDefault, 1, groupsMax)
	if err != nil {
		s.failed(c, err)
		return
	}
	v, err := s.deps.Engine.Values(c.Request.Context(), r, field, c.Query("prefix"), top)
	if err != nil {
		s.failed(c, err)
		return
	}
	c.JSON(http.StatusOK, Values{Field: field, Values: groups(v.Groups), Stats: stats(v.Stats)})
}

func (s *Server) fields(c *gin.Context) {
	r, err := request(c)
	if err != nil {
		s.failed(c, err)
		return
	}
	f, err := s.deps.Engine.Fields(c.Request.Context(), r)
	if err != nil {
		s.failed(c, err)
		return
	}
	out := Fields{Count: f.Count, Fields: make([]Field, len(f.Fields)), Stats: stats(f.Stats)}
	for i, field := range f.Fields {
		out.Fields[i] = Field{
			Name: field.Column.Name(), Type: field.Column.Type.String(), Level: field.Column.Level.String(), Count: field.Count,
		}
	}
	c.JSON(http.StatusOK, out)
}

func (s *Server) histogram(c *gin.Context) {
	r, err := request(c, "step", "by", "top")
	if err != nil {
		s.failed(c, err)
		return
	}
	by := engine.HistogramBy{Field: c.Query("by")}
	if by.Top, err = intParam(c, "top", groupsDefault, 1, groupsMax); err != nil {
		s.failed(c, err)
		return
	}
	if by.Step, err = step(c); err != nil {
		s.failed(c, err)
		return
	}
	h, err := s.deps.Engine.Histogram(c.Request.Context(), r, by)
	if err != nil {
		s.failed(c, err)
		return
	}
	out := Histogram{Start: formatTime(h.Start), StepMs: h.Step.Milliseconds(), Count: h.Count, Series: make([]Series, len(h.Series)), Stats: s.noted(r, stats(h.Stats))}
	for i, series := range h.Series {
		out.Series[i] = Series{Value: series.Value, Absent: series.Absent, Other: series.Other, Count: series.Count, Counts: series.Counts}
	}
	c.JSON(http.StatusOK, out)
}

// step is the buckets' width as asked for, or 0: the engine then chooses a round one.
func step(c *gin.Context) (time.Duration, error) {
	text := c.Query("step")
	if text == "" {
		return 0, nil
	}
	d, err := time.ParseDuration(text)
	if err != nil || d < time.Millisecond {
		return 0, &paramError{field: "step", err: fmt.Errorf("%.40q: want a duration of at least 1ms, such as 30s or 5m", text)}
	}
	return d, nil
}

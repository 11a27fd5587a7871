package api

import (
	"errors"
	"fmt"
	"net/url"
	"slices"
	"strconv"
	"time"

	"github.com/gin-gonic/gin"

	"clew/internal/clock"
	"clew/internal/strictyaml"
	"clew/internal/telemetry"
	"clew/query/engine"
	"clew/query/lang"
)

// paramError is a parameter that cannot be used.
type paramError struct {
	field string
	err   error
}

func (e *paramError) Error() string { return e.field + ": " + e.err.Error() }
func (e *paramError) Unwrap() error { return e.err }

// checkParams refuses parameters that the endpoint does not know: a misspelt "strat" must not silently ask for everything.
func checkParams(c *gin.Context, known ...string) error {
	// URL.Query() drops what it cannot read, and a query that is dropped would ask for everything.
	params, err := url.ParseQuery(c.Request.URL.RawQuery)
	if err != nil {
		return &paramError{field: "URL", err: fmt.Errorf("%w: want parameters that are percent-encoded", err)}
	}
	for name, values := range params {
		if !slices.Contains(known, name) {
			hint := ""
			if near := strictyaml.Nearest(name, known); near != "" {
				hint = fmt.Sprintf("; did you mean %q?", near)
			}
			return &paramError{field: name, err: fmt.Errorf("unknown parameter%s", hint)}
		}
		if len(values) > 1 {
			return &paramError{field: name, err: errors.New("given more than once")}
		}
	}
	return nil
}

// request reads the parameters that say which records are meant, for questions about any signal. further are the others that the
// endpoint knows.
func request(c *gin.Context, further ...string) (engine.Request, error) {
	r, err := spansRequest(c, append(further, "signal")...)
	if err != nil {
		return r, err
	}
	switch signal := c.DefaultQuery("signal", "logs"); signal {
	case "logs":
		r.Signal = telemetry.Logs
	case "spans":
		r.Signal = telemetry.Spans
	default:
		return r, &paramError{field: "signal", err: fmt.Errorf("%.40q: want logs or spans", signal)}
	}
	return r, nil
}

// spansRequest is request for questions that are about spans anyway.
func spansRequest(c *gin.Context, further ...string) (engine.Request, error) {
	r := engine.Request{Signal: telemetry.Spans}
	if err := checkParams(c, append(further, "query", "start", "end")...); err != nil {
		return r, err
	}
	var err error
	if r.Tenant, err = tenant(c); err != nil {
		return r, err
	}
	if r.Query, err = lang.Parse(c.Query("query")); err != nil {
		return r, err
	}
	if r.From, r.To, err = timeRange(c); err != nil {
		return r, err
	}
	if r.From != 0 && r.To != 0 && r.From >= r.To {
		return r, &paramError{field: "end", err: fmt.Errorf("%s is not after start, %s", formatTime(r.To), formatTime(r.From))}
	}
	return r, nil
}

// timeRange reads start and end; 0 is unbounded.
func timeRange(c *gin.Context) (from, to int64, err error) {
	now := clock.Now()
	if from, err = timeParam(c, "start", now); err != nil {
		return 0, 0, err
	}
	to, err = timeParam(c, "end", now)
	return from, to, err
}

// timeParam reads a time in nanoseconds since 1970; 0 if it is not given.
func timeParam(c *gin.Context, name string, now time.Time) (int64, error) {
	text := c.Query(name)
	if text == "" {
		return 0, nil
	}
	if n, err := strconv.ParseInt(text, 10, 64); err == nil {
		return n, nil
	}
	if t, ok := lang.ParseTime(text, now); ok {
		return t.UnixNano(), nil
	}
	return 0, &paramError{field: name, err: fmt.Errorf("%.60q: want nanoseconds since 1970, a time such as 2026-01-31T15:04:05Z, or now-15m", text)}
}

// intParam reads a whole number between low and high.
func intParam(c *gin.Context, name string, otherwise, low, high int) (int, error) {
	text := c.Query(name)
	if text == "" {
		return otherwise, nil
	}
	n, err := strconv.Atoi(text)
	if err != nil || n < low || n > high {
		return 0, &paramError{field: name, err: fmt.Errorf("%.40q: want a whole number from %d to %d", text, low, high)}
	}
	return n, nil
}

// stats are the wire form of an answer's statistics.
func stats(s engine.Stats) Stats {
	return Stats{
		TookMs: float64(s.Took) / float64(time.Millisecond),
		Parts:  s.Parts, Heads: s.Heads, Skipped: s.Skipped, RowGroups: s.RowGroups,
		PrunedTime: s.PrunedTime, PrunedVocab: s.PrunedVocab, PrunedFilter: s.PrunedFilter,
		RowsMatched: s.RowsMatched, RowsRebuilt: s.RowsRebuilt, BytesRead: s.BytesRead,
		CatalogVersion: s.CatalogVersion, Partial: len(s.Partial) > 0, Reasons: s.Partial,
	}
}

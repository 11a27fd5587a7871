package promapi

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"math"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/prometheus/common/model"
	"github.com/prometheus/prometheus/model/labels"
	"github.com/prometheus/prometheus/promql"
	"github.com/prometheus/prometheus/promql/parser"
	"github.com/prometheus/prometheus/storage"
	"github.com/prometheus/prometheus/util/annotations"

	"clew/query/lang"
	"clew/query/metrics"
	"clew/query/metrics/lent"
)

// The native API: what the pages draw, in clew's manners. Times are nanoseconds since 1970, RFC 3339 or now-15m, as elsewhere under /api/v1, and by
// default the last hour; errors name the field at fault.

// Native serves /api/v1/metrics/...
func (a *API) Native() http.Handler { return a.native }

func (a *API) newNative() http.Handler {
	mux := http.NewServeMux()
	for path, f := range map[string]func(*nativeRequest) (any, error){
		"names": a.names, "labels": a.labels, "series": a.series, "query_range": a.queryRange,
	} {
		mux.HandleFunc("GET /api/v1/metrics/"+path, func(w http.ResponseWriter, r *http.Request) {
			a.answer(w, r, f)
		})
	}
	return mux
}

// fieldError says which parameter is wrong.
type fieldError struct {
	field    string
	err      error
	pos, end int
	hasPos   bool
}

func (e *fieldError) Error() string { return e.field + ": " + e.err.Error() }
func (e *fieldError) Unwrap() error { return e.err }

// nativeRequest is a request being answered.
type nativeRequest struct {
	*http.Request
	params     url.Values
	tenant     string
	start, end time.Time
	warnings   annotations.Annotations
}

// Answers' common part.
type nativeMeta struct {
	// Warnings say why the answer may lack something; empty if it does not.
	Warnings []string `json:"warnings"`
	Partial  bool     `json:"partial"`
}

func (a *API) answer(w http.ResponseWriter, r *http.Request, f func(*nativeRequest) (any, error)) {
	started := time.Now()
	ctx, cancel := context.WithTimeout(r.Context(), a.limits.Timeout)
	defer cancel()
	q := &nativeRequest{Request: r.WithContext(ctx), warnings: annotations.Annotations{}}
	out, err := a.ask(q, f)
	status := http.StatusOK
	if err != nil {
		status = nativeError(w, r, err)
	} else {
		writeJSON(w, status, out)
	}
	a.seconds.WithLabelValues(r.URL.Path, strconv.Itoa(status)).Observe(time.Since(started).Seconds())
}

func (a *API) ask(q *nativeRequest, f func(*nativeRequest) (any, error)) (any, error) {
	var err error
	if q.tenant, err = tenantOf(q.Request); err != nil {
		a.refused.WithLabelValues("tenant").Inc()
		return nil, &fieldError{field: "X-Scope-OrgID", err: err}
	}
	if q.params, err = url.ParseQuery(q.URL.RawQuery); err != nil {
		return nil, &fieldError{field: "URL", err: fmt.Errorf("%w: want parameters that are percent-encoded", err)}
	}
	now := a.now()
	if q.end, err = q.time("end", now, now); err != nil {
		return nil, err
	}
	if q.start, err = q.time("start", now, q.end.Add(-time.Hour)); err != nil {
		return nil, err
	}
	if q.end.Before(q.start) {
		return nil, &fieldError{field: "end", err: fmt.Errorf("%s is before start, %s", q.end.UTC().Format(time.RFC3339Nano), q.start.UTC().Format(time.RFC3339Nano))}
	}
	leave, err := a.enter(q.Context(), q.tenant)
	if err != nil {
		return nil, err
	}
	defer leave()
	q.Request = q.WithContext(metrics.WithTenant(q.Context(), q.tenant))
	return f(q)
}

// check refuses parameters that are not known: one that is misspelt would silently ask for something else.
func (q *nativeRequest) check(known ...string) error {
	known = append(known, "start", "end")
	for name := range q.params {
		if !slices.Contains(known, name) {
			return &fieldError{field: name, err: fmt.Errorf("unknown parameter; want one of %s", strings.Join(known, ", "))}
		}
	}
	return nil
}

func (q *nativeRequest) time(name string, now, otherwise time.Time) (time.Time, error) {
	text := q.params.Get(name)
	if text == "" {
		return otherwise, nil
	}
	if n, err := strconv.ParseInt(text, 10, 64); err == nil {
		return time.Unix(0, n), nil
	}
	if t, ok := lang.ParseTime(text, now); ok {
		return t, nil
	}
	return now, &fieldError{field: name, err: fmt.Errorf("%.60q: want nanoseconds since 1970, a time such as 2026-01-31T15:04:05Z, or now-15m", text)}
}

func (q *nativeRequest) limit(otherwise, most int) (int, error) {
	text := q.params.Get("limit")
	if text == "" {
		return otherwise, nil
	}
	n, err := strconv.Atoi(text)
	if err != nil || n < 1 || n > most {
		return 0, &fieldError{field: "limit", err: fmt.Errorf("%.40q: want a whole number from 1 to %d", text, most)}
	}
	return n, nil
}

// matchers reads the parameters "match": selectors such as system_cpu_time_seconds_total{host_name="a"} or {"system.cpu.time"}. None: every series.
func (a *API) matchers(q *nativeRequest) ([][]*labels.Matcher, error) {
	var sets [][]*labels.Matcher
	for _, text := range q.params["match"] {
		set, err := a.parser.ParseMetricSelector(text)
		if err != nil {
			return nil, queryError("match", err)
		}
		sets = append(sets, set)
	}
	return sets, nil
}

func (q *nativeRequest) meta() nativeMeta {
	m := nativeMeta{Warnings: []string{}}
	for _, err := range q.warnings.AsErrors() {
		m.Warnings = append(m.Warnings, err.Error())
	}
	slices.Sort(m.Warnings)
	m.Partial = slices.ContainsFunc(q.warnings.AsErrors(), metrics.IsPartial)
	return m
}

// namesAnswer lists metrics.
type namesAnswer struct {
	Names []metrics.Name `json:"names"`
	nativeMeta
}

func (a *API) names(q *nativeRequest) (any, error) {
	if err := q.check("match", "limit"); err != nil {
		return nil, err
	}
	limit, err := q.limit(namesDefault, namesMax)
	if err != nil {
		return nil, err
	}
	sets, err := a.matchers(q)
	if err != nil {
		return nil, err
	}
	all, warnings, err := a.deps.Metrics.Names(q.Context(), q.start.UnixMilli(), q.end.UnixMilli(), sets...)
	if err != nil {
		return nil, err
	}
	q.warnings.Merge(warnings)
	return namesAnswer{all[:min(limit, len(all))], q.meta()}, nil
}

// labelsAnswer lists names of labels, or with the parameter "label" values of one.
type labelsAnswer struct {
	Label  string   `json:"label,omitempty"`
	Labels []string `json:"labels,omitempty"`
	Values []string `json:"values,omitempty"`
	nativeMeta
}

func (a *API) labels(q *nativeRequest) (any, error) {
	if err := q.check("match", "limit", "label"); err != nil {
		return nil, err
	}
	limit, err := q.limit(namesDefault, namesMax)
	if err != nil {
		return nil, err
	}
	sets, err := a.matchers(q)
	if err != nil {
		return nil, err
	}
	if len(sets) == 0 {
		sets = append(sets, nil)
	}
	querier, err := a.deps.Metrics.Querier(q.start.UnixMilli(), q.end.UnixMilli())
	if err != nil {
		return nil, err
	}
	defer querier.Close()
	out := labelsAnswer{Label: q.params.Get("label")}
	var all []string
	for _, set := range sets {
		var more []string
		var warnings annotations.Annotations
		hints := &storage.LabelHints{Limit: limit}
		if out.Label != "" {
			more, warnings, err = querier.LabelValues(q.Context(), out.Label, hints, set...)
		} else {
			more, warnings, err = querier.LabelNames(q.Context(), hints, set...)
		}
		if err != nil {
			return nil, err
		}
		q.warnings.Merge(warnings)
		all = append(all, more...)
	}
	slices.Sort(all)
	all = slices.Compact(all)
	all = all[:min(limit, len(all))]
	if out.Label != "" {
		out.Values = all
	} else {
		out.Labels = all
	}
	out.nativeMeta = q.meta()
	return out, nil
}

// seriesAnswer lists series by their labels.
type seriesAnswer struct {
	Series    []labels.Labels `json:"series"`
	Truncated bool            `json:"truncated"`
	nativeMeta
}

func (a *API) series(q *nativeRequest) (any, error) {
	if err := q.check("match", "limit"); err != nil {
		return nil, err
	}
	limit, err := q.limit(1000, seriesMax)
	if err != nil {
		return nil, err
	}
	sets, err := a.matchers(q)
	if err != nil {
		return nil, err
	}
	if len(sets) == 0 {
		return nil, &fieldError{field: "match", err: errors.New(`is missing: want a selector such as {host_name="a"}`)}
	}
	querier, err := a.deps.Metrics.Querier(q.start.UnixMilli(), q.end.UnixMilli())
	if err != nil {
		return nil, err
	}
	defer querier.Close()
	found := map[uint64]labels.Labels{}
	for _, set := range sets {
		s := querier.Select(q.Context(), false, nil, set...)
		for s.Next() {
			ls := s.At().Labels()
			found[ls.Hash()] = ls
		}
		if s.Err() != nil {
			return nil, s.Err()
		}
		q.warnings.Merge(s.Warnings())
	}
	out := seriesAnswer{Series: make([]labels.Labels, 0, len(found))}
	for _, ls := range found {
		out.Series = append(out.Series, ls)
	}
	slices.SortFunc(out.Series, labels.Compare)
	if len(out.Series) > limit {
		out.Series, out.Truncated = out.Series[:limit], true
	}
	out.nativeMeta = q.meta()
	return out, nil
}

// rangeAnswer is a chart: all series have a value, or null, for each time.
type rangeAnswer struct {
	// Start is the first time and Step what is between two, in milliseconds; Points is how many there are.
	Start  int64 `json:"start"`
	Step   int64 `json:"step"`
	Points int   `json:"points"`

	Series    []rangeSeries `json:"series"`
	Truncated bool          `json:"truncated"`
	nativeMeta
	TookMs float64 `json:"took_ms"`
}

type rangeSeries struct {
	Labels labels.Labels `json:"labels"`
	Values []number      `json:"values"`
}

// number is a value, or null where there is none or it is no finite one.
type number float64

func (v number) MarshalJSON() ([]byte, error) {
	if f := float64(v); !math.IsNaN(f) && !math.IsInf(f, 0) {
		return strconv.AppendFloat(nil, f, 'g', -1, 64), nil
	}
	return []byte("null"), nil
}

func (a *API) queryRange(q *nativeRequest) (any, error) {
	if err := q.check("query", "step", "limit"); err != nil {
		return nil, err
	}
	started := time.Now()
	limit, err := q.limit(1000, seriesMax)
	if err != nil {
		return nil, err
	}
	step, err := q.step()
	if err != nil {
		return nil, err
	}
	start, end := q.start.Truncate(time.Millisecond), q.end.Truncate(time.Millisecond)
	points := int(end.Sub(start)/step) + 1
	if points > pointsMax {
		return nil, &fieldError{field: "step", err: fmt.Errorf("%v from start to end is %d points a series; want at most %d", step, points, pointsMax)}
	}
	query, err := a.engine.NewRangeQuery(q.Context(), a.deps.Metrics, nil, q.params.Get("query"), start, end, step)
	if err != nil {
		return nil, queryError("query", err)
	}
	defer query.Close()
	result := query.Exec(q.Context())
	if result.Err != nil {
		return nil, result.Err
	}
	q.warnings.Merge(result.Warnings)
	out := rangeAnswer{Start: start.UnixMilli(), Step: step.Milliseconds(), Points: points, Series: []rangeSeries{}}
	matrix, err := result.Matrix()
	if err != nil {
		return nil, err
	}
	slices.SortFunc(matrix, func(x, y promql.Series) int { return labels.Compare(x.Metric, y.Metric) })
	for _, s := range matrix {
		if len(s.Floats) == 0 {
			continue // histograms: ask for histogram_quantile, histogram_sum and the like
		}
		if len(out.Series) == limit {
			out.Truncated = true
			break
		}
		values := make([]number, points)
		for i := range values {
			values[i] = number(math.NaN())
		}
		for _, p := range s.Floats {
			values[(p.T-out.Start)/out.Step] = number(p.F)
		}
		out.Series = append(out.Series, rangeSeries{s.Metric, values})
	}
	out.nativeMeta = q.meta()
	out.TookMs = float64(time.Since(started)) / float64(time.Millisecond)
	return out, nil
}

// step is the parameter "step", a duration such as 15s or a number of seconds; by default some 250 steps, not below 15 s.
func (q *nativeRequest) step() (time.Duration, error) {
	text := q.params.Get("step")
	if text == "" {
		return max(15*time.Second, (q.end.Sub(q.start) / 250).Round(time.Second)), nil
	}
	if s, err := strconv.ParseFloat(text, 64); err == nil && s >= 0.001 && s < math.MaxInt32 {
		return time.Duration(s * float64(time.Second)).Truncate(time.Millisecond), nil
	}
	if d, err := model.ParseDuration(text); err == nil && d >= model.Duration(time.Millisecond) {
		return time.Duration(d), nil
	}
	return 0, &fieldError{field: "step", err: fmt.Errorf("%.40q: want a duration such as 15s or 1m, at least 1ms", text)}
}

// queryError says where in a query the mistake is.
func queryError(field string, err error) error {
	var all parser.ParseErrors
	var one *parser.ParseErr
	switch {
	case errors.As(err, &all) && len(all) > 0:
		one = &all[0]
	case errors.As(err, &one):
	default:
		return &fieldError{field: field, err: err}
	}
	return &fieldError{field: field, err: one.Err, pos: int(one.PositionRange.Start), end: int(one.PositionRange.End), hasPos: true}
}

type nativeDetail struct {
	Code    string `json:"code"`
	Message string `json:"message"`
	Field   string `json:"field,omitempty"`
	Pos     *int   `json:"pos,omitempty"`
	End     *int   `json:"end,omitempty"`
}

// nativeError writes an error as all of /api/v1 does.
func nativeError(w http.ResponseWriter, r *http.Request, err error) (status int) {
	d := nativeDetail{Code: "internal", Message: err.Error()}
	status = http.StatusInternalServerError
	var field *fieldError
	var tooMany promql.ErrTooManySamples
	var timeout promql.ErrQueryTimeout
	var canceled promql.ErrQueryCanceled
	switch {
	case errors.As(err, &field):
		status, d.Code, d.Field = http.StatusBadRequest, "bad_request", field.field
		if field.hasPos {
			d.Pos, d.End = &field.pos, &field.end
			d.Message = field.err.Error()
		}
	case errors.As(err, &tooMany):
		status, d.Code = http.StatusUnprocessableEntity, "too_large"
	case errors.Is(err, errBusy):
		w.Header().Set("Retry-After", "1")
		status, d.Code = http.StatusServiceUnavailable, "overload"
	case r.Context().Err() != nil, errors.As(err, &canceled) && r.Context().Err() != nil:
		status = 499 // the client has gone; nobody reads this
	case errors.As(err, &timeout), errors.Is(err, context.DeadlineExceeded), errors.As(err, &canceled):
		status, d.Code = http.StatusGatewayTimeout, "timeout"
		d.Message = "the query took longer than it may; narrow the time range or the query"
	default:
		var bad promql.ErrStorage
		switch stored := errors.As(err, &bad); {
		case !stored:
			status, d.Code = http.StatusUnprocessableEntity, "execution"
		case errors.Is(bad.Err, lent.ErrBusy):
			status, d.Code = http.StatusServiceUnavailable, "overload"
		case lent.Refused(bad.Err):
			status, d.Code = http.StatusUnprocessableEntity, "too_large"
		}
	}
	writeJSON(w, status, map[string]nativeDetail{"error": d})
	return status
}

func writeJSON(w http.ResponseWriter, status int, v any) {
	w.Header().Set("Content-Type", "application/json; charset=utf-8")
	w.Header().Set("Cache-Control", "no-store")
	w.WriteHeader(status)
	// A client that left reads no error either.
	_ = json.NewEncoder(w).Encode(v)
}

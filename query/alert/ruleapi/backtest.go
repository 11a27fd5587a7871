package ruleapi

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"time"

	"github.com/prometheus/common/model"

	"clew/query/alert"
	"clew/query/alert/backtest"
	"clew/query/alert/rulefile"
)

// BacktestRequest asks what the rules of a file would have done.
type BacktestRequest struct {
	Name    string     `json:"name"`            // of the file, for problems; may be empty
	Content string     `json:"content"`         // the file
	Since   string     `json:"since,omitempty"` // how long before end, such as 7d; without start
	Start   *time.Time `json:"start,omitempty"`
	End     *time.Time `json:"end,omitempty"` // default: now
}

// BacktestAnswer is what they would have done.
type BacktestAnswer struct {
	Start  time.Time        `json:"start"`
	End    time.Time        `json:"end"`
	TookMS int64            `json:"took_ms"`
	Rules  []BacktestedRule `json:"rules"`
}

// BacktestedRule is one rule's.
type BacktestedRule struct {
	Group       string      `json:"group"`
	Name        string      `json:"name"`
	Type        string      `json:"type"`  // alerting, recording
	Query       string      `json:"query"` // the question in words
	Evaluations int         `json:"evaluations"`
	Fired       int         `json:"fired"`   // times that an alert fired
	Pending     int         `json:"pending"` // times that an alert was pending only
	Series      int         `json:"series"`  // of a recording rule, at most
	Failed      int         `json:"failed"`  // evaluations
	Error       string      `json:"error,omitempty"`
	Firings     []WouldHave `json:"firings"`
}

// WouldHave is an alert that would have fired.
type WouldHave struct {
	Labels      map[string]string `json:"labels"`
	Annotations map[string]string `json:"annotations"`
	ActiveAt    time.Time         `json:"activeAt"`
	FiredAt     time.Time         `json:"firedAt"`
	ResolvedAt  *time.Time        `json:"resolvedAt,omitempty"` // missing: it still fires at the end
	Value       string            `json:"value"`                // when it fired
	Peak        string            `json:"peak"`
	Examples    []alert.Example   `json:"examples"`
}

func (a *API) backtest(w http.ResponseWriter, r *http.Request) {
	tenant, err := tenantOf(r)
	if err != nil {
		fail(w, http.StatusBadRequest, "bad_request", err)
		return
	}
	var in BacktestRequest
	decoder := json.NewDecoder(http.MaxBytesReader(w, r.Body, requestBytesMax))
	decoder.DisallowUnknownFields()
	if err := decoder.Decode(&in); err != nil {
		fail(w, http.StatusBadRequest, "bad_request", fmt.Errorf("read the request: %w", err))
		return
	}
	from, to, err := in.span(a.now())
	if err != nil {
		fail(w, http.StatusBadRequest, "bad_request", err)
		return
	}
	if in.Name == "" {
		in.Name = "rules"
	}
	file, problems := rulefile.Parse(in.Name, []byte(in.Content))
	if len(problems) > 0 {
		fail(w, http.StatusBadRequest, "bad_rules", problems)
		return
	}
	select {
	case a.turns <- struct{}{}:
		defer func() { <-a.turns }()
	default:
		w.Header().Set("Retry-After", "5")
		fail(w, http.StatusServiceUnavailable, "overload", errors.New("other backtests are running"))
		return
	}
	ctx, cancel := context.WithTimeout(r.Context(), backtestTimeout)
	defer cancel()
	started := time.Now()
	results, err := backtest.Run(ctx, a.deps.Answers, backtest.Request{File: file, Tenant: tenant, From: from, To: to, Settings: a.deps.Settings})
	switch {
	case errors.Is(err, context.DeadlineExceeded):
		fail(w, http.StatusGatewayTimeout, "timeout", fmt.Errorf("the backtest took longer than %v; choose a shorter time", backtestTimeout))
		return
	case err != nil:
		fail(w, http.StatusUnprocessableEntity, "backtest", err)
		return
	}
	out := BacktestAnswer{Start: from, End: to, TookMS: time.Since(started).Milliseconds(), Rules: []BacktestedRule{}}
	for i := range results {
		out.Rules = append(out.Rules, wireBacktest(&results[i]))
	}
	write(w, http.StatusOK, out)
}

// span is the time that is asked for.
func (in *BacktestRequest) span(now time.Time) (from, to time.Time, err error) {
	to = now
	if in.End != nil {
		to = *in.End
	}
	since := defaultSince
	if in.Since != "" {
		d, err := model.ParseDuration(in.Since)
		if err != nil {
			return from, to, fmt.Errorf("since: %w", err)
		}
		since = time.Duration(d)
	}
	from = to.Add(-since)
	if in.Start != nil {
		from = *in.Start
	}
	if !from.Before(to) {
		return from, to, errors.New("start is not before end")
	}
	return from, to, nil
}

func wireBacktest(r *backtest.Result) BacktestedRule {
	out := BacktestedRule{
		Group: r.Group.Name, Name: r.Rule.Name(), Type: "recording", Query: r.Rule.String(), Evaluations: r.Evaluations, Fired: r.Fired, Pending: r.Pending,
		Series: r.Series, Failed: r.Failed, Firings: []WouldHave{},
	}
	if r.Rule.Alert != "" {
		out.Type = "alerting"
	}
	switch {
	case r.Err != nil:
		out.Error = r.Err.Error()
	case r.LastError != nil:
		out.Error = r.LastError.Error()
	}
	for i := range r.Firings {
		f := &r.Firings[i]
		out.Firings = append(out.Firings, WouldHave{
			Labels: f.Alert.Labels.Map(), Annotations: f.Alert.Annotations.Map(), ActiveAt: f.Alert.ActiveAt, FiredAt: f.Alert.FiredAt,
			ResolvedAt: present(f.Alert.ResolvedAt), Value: f.Alert.Value.String(), Peak: alert.Value(f.Peak).String(),
			Examples: append([]alert.Example{}, f.Alert.Examples...),
		})
	}
	return out
}

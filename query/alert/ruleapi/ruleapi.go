// Package ruleapi serves rules and alerts over HTTP: as Prometheus does, for Grafana and others, with what clew knows beyond that added to it (language, examples);
// and backtests.
package ruleapi

import (
	"encoding/json"
	"fmt"
	"log/slog"
	"net/http"
	"slices"
	"time"

	"clew/internal/access"
	"clew/internal/telemetry"
	"clew/query/alert"
	"clew/query/alert/rulefile"
)

// Deps are what the API is given.
type Deps struct {
	Status   func() alert.Status
	Answers  *alert.Answers
	Settings alert.Settings // of backtests
	Logger   *slog.Logger
}

// API serves. It is safe for concurrent use.
type API struct {
	deps  Deps
	now   func() time.Time
	turns chan struct{} // one for each backtest that runs
}

// New returns the API.
func New(deps Deps) *API {
	return &API{deps: deps, now: time.Now, turns: make(chan struct{}, backtestsAtOnce)}
}

// Prometheus serves /prometheus/api/v1/rules and /prometheus/api/v1/alerts.
func (a *API) Prometheus() http.Handler {
	mux := http.NewServeMux()
	mux.HandleFunc("GET /prometheus/api/v1/rules", a.rules)
	mux.HandleFunc("GET /prometheus/api/v1/alerts", a.alerts)
	return mux
}

// Native serves /api/v1/rules and what is below it.
func (a *API) Native() http.Handler {
	mux := http.NewServeMux()
	mux.HandleFunc("GET /api/v1/rules", a.status)
	mux.HandleFunc("POST /api/v1/rules/backtest", a.backtest)
	return mux
}

// Group is a group of rules, as Prometheus shows it.
type Group struct {
	Name           string    `json:"name"`
	File           string    `json:"file"`
	Rules          []Rule    `json:"rules"`
	Interval       float64   `json:"interval"` // seconds
	Limit          int       `json:"limit"`
	EvaluationTime float64   `json:"evaluationTime"` // seconds that the last evaluation took
	LastEvaluation time.Time `json:"lastEvaluation"`

	// What Prometheus has not.
	Tenant     string     `json:"tenant"`
	Missed     int        `json:"missed"`
	LastMissed *time.Time `json:"lastMissed,omitempty"`
	Here       bool       `json:"here"` // the process that answers evaluates it
	StateError string     `json:"stateError,omitempty"`
}

// Rule is an alerting or a recording rule.
type Rule struct {
	State          string            `json:"state,omitempty"` // of an alerting rule: firing, pending, inactive, unknown
	Name           string            `json:"name"`
	Query          string            `json:"query"`
	Duration       *float64          `json:"duration,omitempty"`      // for, in seconds
	KeepFiringFor  *float64          `json:"keepFiringFor,omitempty"` // seconds
	Labels         map[string]string `json:"labels"`
	Annotations    map[string]string `json:"annotations,omitzero"`
	Alerts         []Alert           `json:"alerts,omitzero"` // an alerting rule has a list, which may be empty
	Health         string            `json:"health"`          // ok, err, unknown
	LastError      string            `json:"lastError,omitempty"`
	EvaluationTime float64           `json:"evaluationTime"`
	LastEvaluation time.Time         `json:"lastEvaluation"`
	Type           string            `json:"type"` // alerting, recording

	// What Prometheus has not.
	Lang      rulefile.Lang `json:"lang"`
	Window    float64       `json:"window,omitempty"` // seconds
	By        []string      `json:"by,omitempty"`
	Condition string        `json:"condition,omitempty"`
	Line      int           `json:"line"`
}

// Alert is a pending or firing alert.
type Alert struct {
	Labels          map[string]string `json:"labels"`
	Annotations     map[string]string `json:"annotations"`
	State           string            `json:"state"`
	ActiveAt        time.Time         `json:"activeAt"`
	KeepFiringSince *time.Time        `json:"keepFiringSince,omitempty"`
	Value           string            `json:"value"`

	// What Prometheus has not.
	FiredAt  *time.Time      `json:"firedAt,omitempty"`
	Examples []alert.Example `json:"examples"`
}

// tenantGroups are the groups of the request's tenant.
func (a *API) tenantGroups(r *http.Request) ([]alert.GroupStatus, error) {
	tenant, err := tenantOf(r)
	if err != nil {
		return nil, err
	}
	return slices.DeleteFunc(a.deps.Status().Groups, func(g alert.GroupStatus) bool { return g.Group.Tenant != tenant }), nil
}

func tenantOf(r *http.Request) (string, error) {
	name := r.Header.Get(telemetry.TenantHeader)
	if name == "" {
		return telemetry.DefaultTenant, nil
	}
	if err := telemetry.CheckTenant(name); err != nil {
		return "", fmt.Errorf("%s: %w", telemetry.TenantHeader, err)
	}
	return name, nil
}

func wireGroup(g *alert.GroupStatus) Group {
	out := Group{
		Name: g.Group.Name, File: g.Group.File, Rules: []Rule{}, Interval: g.Interval.Seconds(), Limit: g.Group.Limit,
		EvaluationTime: g.Took.Seconds(), LastEvaluation: g.Evaluated, Tenant: g.Group.Tenant, Missed: g.Missed,
		LastMissed: present(g.LastMissed), Here: g.Here, StateError: g.StateError,
	}
	for i := range g.Rules {
		out.Rules = append(out.Rules, wireRule(&g.Rules[i]))
	}
	return out
}

func wireRule(r *alert.RuleStatus) Rule {
	of := r.Rule
	out := Rule{
		Name: of.Name(), Query: of.Expr, Labels: notNil(of.Labels), Health: "ok", EvaluationTime: r.Took.Seconds(), LastEvaluation: r.Evaluated,
		Type: "recording", Lang: of.Lang, Window: of.Window.Seconds(), By: of.By, Line: of.Line,
	}
	if of.Condition.Op != "" {
		out.Condition = of.Condition.String()
	}
	switch {
	case r.Err != nil:
		out.Health, out.LastError = "err", r.Err.Error()
	case r.Evaluated.IsZero():
		out.Health = "unknown"
	}
	if of.Alert == "" {
		return out
	}
	out.Type, out.State, out.Annotations, out.Alerts = "alerting", string(r.State), notNil(of.Annotations), []Alert{}
	if r.Evaluated.IsZero() && len(r.Alerts) == 0 {
		out.State = "unknown"
	}
	hold, keep := of.For.Seconds(), of.KeepFiringFor.Seconds()
	out.Duration, out.KeepFiringFor = &hold, &keep
	for i := range r.Alerts {
		if r.Alerts[i].State != alert.Inactive {
			out.Alerts = append(out.Alerts, wireAlert(&r.Alerts[i]))
		}
	}
	return out
}

func wireAlert(a *alert.Alert) Alert {
	return Alert{
		Labels: a.Labels.Map(), Annotations: a.Annotations.Map(), State: string(a.State), ActiveAt: a.ActiveAt, KeepFiringSince: present(a.KeepFiringSince),
		Value: a.Value.String(), FiredAt: present(a.FiredAt), Examples: append([]alert.Example{}, a.Examples...),
	}
}

func present(t time.Time) *time.Time {
	if t.IsZero() {
		return nil
	}
	return &t
}

func notNil(m map[string]string) map[string]string {
	if m == nil {
		return map[string]string{}
	}
	return m
}

// rules is Prometheus' /rules, with its filters.
func (a *API) rules(w http.ResponseWriter, r *http.Request) {
	groups, err := a.tenantGroups(r)
	if err != nil {
		failPrometheus(w, err)
		return
	}
	wanted, err := newFilter(r.URL.Query())
	if err != nil {
		failPrometheus(w, err)
		return
	}
	out := []Group{}
	for i := range groups {
		g := wireGroup(&groups[i])
		if wanted.group(&g) {
			out = append(out, g)
		}
	}
	succeed(w, map[string]any{"groups": out})
}

// alerts is Prometheus' /alerts.
func (a *API) alerts(w http.ResponseWriter, r *http.Request) {
	groups, err := a.tenantGroups(r)
	if err != nil {
		failPrometheus(w, err)
		return
	}
	out := []Alert{}
	for i := range groups {
		for k := range groups[i].Rules {
			out = append(out, wireRule(&groups[i].Rules[k]).Alerts...)
		}
	}
	succeed(w, map[string]any{"alerts": out})
}

// status is the rules as they stand, with what is wrong with their files.
func (a *API) status(w http.ResponseWriter, r *http.Request) {
	groups, err := a.tenantGroups(r)
	if err != nil {
		fail(w, http.StatusBadRequest, "bad_request", err)
		return
	}
	s := a.deps.Status()
	out := struct {
		LoadedAt time.Time `json:"loaded_at"`
		Problems []string  `json:"problems"`
		Groups   []Group   `json:"groups"`
	}{s.LoadedAt, []string{}, []Group{}}
	if !access.Sees(r.Context(), access.AllTenants) {
		s.Problems = nil // files are of all tenants
	}
	for _, p := range s.Problems {
		out.Problems = append(out.Problems, p.Error())
	}
	for i := range groups {
		out.Groups = append(out.Groups, wireGroup(&groups[i]))
	}
	write(w, http.StatusOK, out)
}

func succeed(w http.ResponseWriter, data any) {
	write(w, http.StatusOK, map[string]any{"status": "success", "data": data})
}

func failPrometheus(w http.ResponseWriter, err error) {
	write(w, http.StatusBadRequest, map[string]any{"status": "error", "errorType": "bad_data", "error": err.Error()})
}

// fail answers as clew's own API does.
func fail(w http.ResponseWriter, status int, code string, err error) {
	write(w, status, map[string]any{"error": map[string]any{"code": code, "message": err.Error()}})
}

func write(w http.ResponseWriter, status int, v any) {
	w.Header().Set("Content-Type", "application/json")
	w.Header().Set("Cache-Control", "no-store")
	w.WriteHeader(status)
	_ = json.NewEncoder(w).Encode(v) // the client has gone: nobody is left to tell
}

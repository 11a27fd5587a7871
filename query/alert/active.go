package alert

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/url"
	"slices"
	"time"

	"github.com/prometheus/common/model"
	"github.com/prometheus/prometheus/model/labels"
	"github.com/prometheus/prometheus/promql"
	"github.com/prometheus/prometheus/template"

	"clew/query/alert/rulefile"
)

// errSameLabels is Prometheus' ErrDuplicateAlertLabelSet.
var errSameLabels = errors.New("members of the value have the same labels once the rule's labels are applied")

// active is a rule's alerts, by the hash of their labels. Those that were resolved not long ago are among them.
type active map[uint64]*Alert

// expander makes alerts of a vector's members.
type expander struct {
	rule        *rulefile.Rule
	query       template.QueryFunc
	externalURL *url.URL
	external    labels.Labels
	log         *slog.Logger
}

// templateVariables are those of Prometheus' templates.
const templateVariables = "{{$labels := .Labels}}{{$externalLabels := .ExternalLabels}}{{$externalURL := .ExternalURL}}{{$value := .Value}}"

// expand gives the alerts that a vector's members are, not active yet.
func (x *expander) expand(ctx context.Context, vector promql.Vector, ts time.Time) (active, error) {
	out := make(active, len(vector))
	names, annotations := sortedKeys(x.rule.Labels), sortedKeys(x.rule.Annotations)
	lb := labels.NewBuilder(labels.EmptyLabels())
	for _, m := range vector {
		data := template.AlertTemplateData(m.Metric.Map(), x.external.Map(), x.externalURL.String(), m)
		text := func(t string) string {
			e := template.NewTemplateExpander(ctx, templateVariables+t, "__alert_"+x.rule.Alert, data, model.TimeFromUnixNano(ts.UnixNano()), x.query, x.externalURL, nil)
			s, err := e.Expand()
			if err != nil {
				x.log.Warn("a template cannot be expanded", "alert", x.rule.Alert, "error", err)
				return fmt.Sprintf("<error expanding template: %s>", err)
			}
			return s
		}
		lb.Reset(m.Metric)
		lb.Del(model.MetricNameLabel)
		for _, name := range names {
			lb.Set(name, text(x.rule.Labels[name]))
		}
		lb.Set(labels.AlertName, x.rule.Alert)
		a := &Alert{Labels: lb.Labels(), Value: Value(m.F), State: Pending, ActiveAt: ts}
		var notes labels.ScratchBuilder
		for _, name := range annotations {
			notes.Add(name, text(x.rule.Annotations[name]))
		}
		a.Annotations = notes.Labels()
		key := a.Labels.Hash()
		if out[key] != nil {
			return nil, errSameLabels
		}
		out[key] = a
	}
	return out, nil
}

func sortedKeys(m map[string]string) []string {
	keys := make([]string, 0, len(m))
	for k := range m {
		keys = append(keys, k)
	}
	slices.Sort(keys)
	return keys
}

// step is what an evaluation at ts does to the active alerts: now are those of the rule's value. What was firing is not resolved before
// resolveAfter. It gives how many are pending or firing.
func (act active) step(now active, r *rulefile.Rule, ts, resolveAfter time.Time) int {
	for key, a := range now {
		if have := act[key]; have != nil && have.State != Inactive {
			have.Value, have.Annotations = a.Value, a.Annotations
			continue
		}
		act[key] = a
	}
	count := 0
	for key, a := range act {
		if now[key] == nil {
			if !act.without(key, a, r, ts, resolveAfter) {
				continue
			}
		} else {
			a.KeepFiringSince = time.Time{}
		}
		count++
		if a.State == Pending && ts.Sub(a.ActiveAt) >= r.For {
			a.State, a.FiredAt = Firing, ts
		}
		// The rule's for may be longer than it was when the alert fired.
		if a.State == Firing && ts.Sub(a.ActiveAt) < r.For {
			a.State, a.FiredAt, a.LastSentAt, a.KeepFiringSince = Pending, time.Time{}, time.Time{}, time.Time{}
		}
	}
	return count
}

// without is the step of an alert that the rule's value does not have. It says whether the alert goes on firing nevertheless.
func (act active) without(key uint64, a *Alert, r *rulefile.Rule, ts, resolveAfter time.Time) bool {
	keep := false
	if a.State == Firing && r.KeepFiringFor > 0 {
		if a.KeepFiringSince.IsZero() {
			a.KeepFiringSince = ts
		}
		keep = ts.Sub(a.KeepFiringSince) < r.KeepFiringFor
	}
	if a.State == Firing && ts.Before(resolveAfter) {
		keep = true
	}
	if a.State == Pending || !a.ResolvedAt.IsZero() && ts.Sub(a.ResolvedAt) > resolvedRetention {
		delete(act, key)
	}
	if a.State != Inactive && !keep {
		a.State, a.ResolvedAt = Inactive, ts
	}
	return keep
}

// state is the worst of the alerts'.
func (act active) state() State {
	worst := Inactive
	for _, a := range act {
		switch {
		case a.State == Firing:
			return Firing
		case a.State == Pending:
			worst = Pending
		}
	}
	return worst
}

// sorted are the alerts in order of their labels.
func (act active) sorted() []*Alert {
	out := make([]*Alert, 0, len(act))
	for _, a := range act {
		out = append(out, a)
	}
	slices.SortFunc(out, func(a, b *Alert) int { return labels.Compare(a.Labels, b.Labels) })
	return out
}

// Names of the series in which alerts are recorded, and of their label: Prometheus'.
const (
	alertsName   = "ALERTS"
	forStateName = "ALERTS_FOR_STATE"
	stateLabel   = "alertstate"
)

// samples are the alerts as series: which are active and how, and since when.
func (act active) samples(ts time.Time) []promql.Sample {
	var out []promql.Sample
	lb := labels.NewBuilder(labels.EmptyLabels())
	for _, a := range act.sorted() {
		if a.State == Inactive {
			continue
		}
		lb.Reset(a.Labels)
		lb.Set(model.MetricNameLabel, forStateName)
		out = append(out, promql.Sample{Metric: lb.Labels(), T: ts.UnixMilli(), F: float64(a.ActiveAt.Unix())})
		lb.Set(model.MetricNameLabel, alertsName)
		lb.Set(stateLabel, string(a.State))
		out = append(out, promql.Sample{Metric: lb.Labels(), T: ts.UnixMilli(), F: 1})
	}
	return out
}

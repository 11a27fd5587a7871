package alert

import (
	"context"
	"slices"
	"strconv"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/prometheus/prometheus/model/exemplar"
	"github.com/prometheus/prometheus/model/labels"
	"github.com/prometheus/prometheus/promql/parser"

	"clew/internal/telemetry"
	"clew/query/alert/rulefile"
	"clew/query/engine"
	"clew/query/lang"
	"clew/query/metrics"
)

// exemplarWindow is how far back exemplars are looked for if the expression does not say.
const exemplarWindow = 5 * time.Minute

// Examples finds records that show why an alert is active: the newest that its rule counts, or exemplars of the series it asks for. What cannot be
// found is left out: an alert without examples is better than none.
func (a *Answers) Examples(ctx context.Context, tenant string, r *rulefile.Rule, of *Alert, ts time.Time) []Example {
	if r.Lang == rulefile.PromQL {
		return a.exemplars(ctx, tenant, r, of, ts)
	}
	query := asOf(r.Query, ts)
	for _, field := range r.By {
		query = lang.Conj(query, byLabel(field, of.Labels.Get(rulefile.LabelOf(field))))
	}
	found, err := a.Records.Search(ctx, engine.Search{
		Request: engine.Request{Tenant: tenant, Signal: r.Lang.Signal(), Query: query, From: ts.Add(-r.Window).UnixNano(), To: ts.UnixNano()},
		Limit:   examplesMax,
	})
	if err != nil {
		return nil
	}
	var out []Example
	for i := range found.Records {
		out = append(out, exampleOf(&found.Records[i], r.Lang.Signal()))
	}
	return out
}

// byLabel matches the records of a label's value.
func byLabel(field, value string) lang.Expr {
	if value == "" {
		return lang.Neg(&lang.Match{Field: field, Value: lang.Value{Form: lang.FormExists}})
	}
	return &lang.Match{Field: field, Op: lang.OpEqual, Value: lang.Value{Text: value}}
}

func exampleOf(r *engine.Record, signal telemetry.Signal) Example {
	e := Example{Time: time.Unix(0, r.Time).UTC(), Signal: signal.String(), Service: r.Service()}
	id := func(key string) string {
		f, ok := r.Get(telemetry.LevelField, key)
		if !ok {
			return ""
		}
		return f.Text()
	}
	e.TraceID, e.SpanID = id(telemetry.FieldTraceID), id(telemetry.FieldSpanID)
	if signal == telemetry.Spans {
		text := r.Text(telemetry.FieldName) + " " + time.Duration(r.Int(telemetry.FieldDuration)).String()
		if message := r.Text(telemetry.FieldStatusMessage); message != "" {
			text += ": " + message
		}
		e.Text = cut(text)
		return e
	}
	e.Severity = telemetry.SeverityText(r.Int(telemetry.FieldSeverity))
	e.Text = cut(r.Text(telemetry.FieldBody))
	return e
}

// cut bounds a text, at a character, and keeps it on one line.
func cut(s string) string {
	s = strings.ReplaceAll(strings.TrimSpace(s), "\n", "\\n")
	if len(s) <= exampleBytesMax {
		return s
	}
	n := exampleBytesMax
	for n > 0 && !utf8.RuneStart(s[n]) {
		n--
	}
	return s[:n] + "…"
}

// exemplars are the newest of the series that a PromQL rule asks for, of those whose labels do not contradict the alert's.
func (a *Answers) exemplars(ctx context.Context, tenant string, r *rulefile.Rule, of *Alert, ts time.Time) []Example {
	if a.Exemplars == nil {
		return nil
	}
	q, err := a.Exemplars.ExemplarQuerier(metrics.WithTenant(ctx, tenant))
	if err != nil {
		return nil
	}
	window := exemplarWindow
	parser.Inspect(r.PromQL, func(n parser.Node, _ []parser.Node) error {
		if m, ok := n.(*parser.MatrixSelector); ok {
			window = max(window, m.Range)
		}
		return nil
	})
	found, err := q.Select(ts.Add(-window).UnixMilli(), ts.UnixMilli(), parser.ExtractSelectors(r.PromQL)...)
	if err != nil {
		return nil
	}
	var out []Example
	for _, series := range found {
		if !agree(series.SeriesLabels, of.Labels) {
			continue
		}
		for _, e := range series.Exemplars {
			if id := e.Labels.Get("trace_id"); id != "" {
				out = append(out, exemplarOf(e, series.SeriesLabels, id))
			}
		}
	}
	slices.SortStableFunc(out, func(x, y Example) int { return y.Time.Compare(x.Time) })
	out = slices.CompactFunc(out, func(x, y Example) bool { return x.TraceID == y.TraceID })
	return out[:min(len(out), examplesMax)]
}

func exemplarOf(e exemplar.Exemplar, of labels.Labels, id string) Example {
	return Example{
		Time: time.UnixMilli(e.Ts).UTC(), Signal: "metrics", Service: of.Get("service_name"), Text: strconv.FormatFloat(e.Value, 'g', -1, 64),
		TraceID: id, SpanID: e.Labels.Get("span_id"), Labels: of.Map(),
	}
}

// agree says whether no label that both have differs.
func agree(series, alert labels.Labels) bool {
	ok := true
	alert.Range(func(l labels.Label) {
		if v := series.Get(l.Name); v != "" && v != l.Value {
			ok = false
		}
	})
	return ok
}

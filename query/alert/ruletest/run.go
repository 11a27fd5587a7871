package ruletest

import (
	"context"
	"fmt"
	"log/slog"
	"math"
	"net/url"
	"os"
	"slices"
	"strings"
	"time"

	"github.com/prometheus/prometheus/model/labels"
	"github.com/prometheus/prometheus/promql"

	"clew/query/alert"
	"clew/query/alert/memseries"
	"clew/query/alert/rulefile"
	"clew/query/promlang"
)

// Result is the outcome of a test.
type Result struct {
	File, Name string
	Place      string   // file:line:column
	Failures   []string // each file:line:column: what; empty: it passed
	Took       time.Duration
}

// Run runs the tests of a file. An error is of the file or of its rules: nothing has been tested then.
func Run(ctx context.Context, name string) ([]Result, error) {
	data, err := os.ReadFile(name)
	if err != nil {
		return nil, fmt.Errorf("read tests: %w", err)
	}
	f, err := parse(name, data)
	if err != nil {
		return nil, err
	}
	rules, err := f.rules()
	if err != nil {
		return nil, err
	}
	var out []Result
	for i := range f.Tests {
		started := time.Now()
		r := Result{File: name, Name: f.Tests[i].Name, Place: f.place("tests", i)}
		if r.Name == "" {
			r.Name = fmt.Sprintf("test %d", i+1)
		}
		t := &running{file: f, at: i, test: &f.Tests[i], rules: rules, result: &r}
		if err := t.run(ctx); err != nil {
			if ctx.Err() != nil {
				return nil, ctx.Err()
			}
			r.Failures = append(r.Failures, err.Error())
		}
		r.Took = time.Since(started)
		out = append(out, r)
	}
	return out, nil
}

// running is a test that runs.
type running struct {
	file   *file
	at     int
	test   *test
	rules  []*rulefile.File
	result *Result

	series  *memseries.Store
	records records
	answers alert.Answers
	trials  []trial
}

type trial struct {
	group *rulefile.Group
	*alert.Trial
}

func (t *running) run(ctx context.Context) error {
	if err := t.load(); err != nil {
		return err
	}
	engine := promlang.NewEngine(promlang.Options{Logger: slog.New(slog.DiscardHandler), Samples: math.MaxInt32, Timeout: time.Minute})
	defer func() { _ = engine.Close() }() // it has no log to close
	t.answers = alert.Answers{Records: t.records.engine(), PromQL: engine, Metrics: t.series}
	defer t.answers.Records.Close()
	if err := t.begin(); err != nil {
		return err
	}
	if err := t.evaluate(ctx); err != nil {
		return err
	}
	for i := range t.test.PromqlExprTest {
		t.checkExpr(ctx, i)
	}
	return nil
}

// start is the time of the test's beginning, as PromQL sees it.
func (t *running) start() time.Time {
	if t.test.StartTimestamp.IsZero() {
		return time.Unix(0, 0).UTC()
	}
	return t.test.StartTimestamp.Time
}

// load makes the input.
func (t *running) load() error {
	t.series = memseries.New()
	interval := t.test.Interval
	if interval <= 0 {
		interval = t.file.EvaluationInterval
	}
	p := promlang.Parser()
	for i, in := range t.test.InputSeries {
		l, values, err := p.ParseSeriesDesc(in.Series + " " + in.Values)
		if err != nil {
			return fmt.Errorf("%s: input_series: %w", t.file.place("tests", t.at, "input_series", i), err)
		}
		var samples []promql.Sample
		for k, v := range values {
			if !v.Omitted {
				at := t.start().Add(time.Duration(k) * time.Duration(interval))
				samples = append(samples, promql.Sample{Metric: l, T: at.UnixMilli(), F: v.Value, H: v.Histogram})
			}
		}
		t.series.Append(samples...)
	}
	if err := t.records.addLogs(t.test.Logs); err != nil {
		return fmt.Errorf("%s: logs: %w", t.file.place("tests", t.at, "logs"), err)
	}
	for i, in := range t.test.Traces {
		if err := t.records.addTrace(in); err != nil {
			return fmt.Errorf("%s: traces: %w", t.file.place("tests", t.at, "traces", i), err)
		}
	}
	return nil
}

// begin makes the trials of all groups.
func (t *running) begin() error {
	external, err := url.Parse(t.test.ExternalURL)
	if err != nil {
		return fmt.Errorf("%s: external_url: %w", t.file.place("tests", t.at, "external_url"), err)
	}
	settings := alert.Settings{ExternalURL: external, ExternalLabels: labels.FromMap(t.test.ExternalLabels)}
	order := map[string]int{}
	for i, name := range t.file.GroupEvalOrder {
		order[name] = i
	}
	for _, f := range t.rules {
		for i := range f.Groups {
			g := &f.Groups[i]
			t.trials = append(t.trials, trial{g, alert.NewTrial(g, &t.answers, t.vector, recorder{t.series}, settings)})
		}
	}
	slices.SortStableFunc(t.trials, func(a, b trial) int { return order[a.group.Name] - order[b.group.Name] })
	return nil
}

// vector answers rules on records at the time that they have.
func (t *running) vector(ctx context.Context, tenant string, r *rulefile.Rule, ts time.Time) (promql.Vector, error) {
	if r.Lang == rulefile.PromQL {
		return t.answers.Vector(ctx, tenant, r, ts)
	}
	v, err := t.answers.Vector(ctx, tenant, r, epoch.Add(ts.Sub(t.start())))
	for i := range v {
		v[i].T = ts.UnixMilli()
	}
	return v, err
}

// recorder writes into the test's series.
type recorder struct{ series *memseries.Store }

func (r recorder) Record(_ context.Context, _ string, samples []promql.Sample) error {
	r.series.Append(samples...)
	return nil
}

// evaluate evaluates all groups step by step and checks alerts on the way, after the last evaluation at or before their eval_time.
func (t *running) evaluate(ctx context.Context) error {
	step := time.Duration(t.file.EvaluationInterval)
	last := time.Duration(0)
	for _, c := range t.test.AlertRuleTest {
		last = max(last, time.Duration(c.EvalTime))
	}
	for _, c := range t.test.PromqlExprTest {
		last = max(last, time.Duration(c.EvalTime))
	}
	if last/step > evaluationsMax {
		return fmt.Errorf("%s: %d evaluations: want at most %d", t.result.Place, last/step, evaluationsMax)
	}
	for after := time.Duration(0); after <= last; after += step {
		for _, g := range t.trials {
			if err := g.Evaluate(ctx, t.start().Add(after)); err != nil {
				return fmt.Errorf("%s: group %s at %s: %w", t.result.Place, g.group.Name, duration(after), err)
			}
		}
		for i, c := range t.test.AlertRuleTest {
			if at := time.Duration(c.EvalTime); after <= at && at < after+step {
				t.checkAlert(i)
			}
		}
	}
	return nil
}

// shown is an alert as text, to compare.
func shown(l, annotations map[string]string) string {
	text := labels.FromMap(l).String()
	if len(annotations) > 0 {
		text += "\n  annotations " + labels.FromMap(annotations).String()
	}
	return text
}

// difference lists what is expected and is not there, and what is there and not expected; empty if they are the same.
func difference(want, have []string) string {
	var b strings.Builder
	rest := slices.Clone(have)
	for _, w := range want {
		if at := slices.Index(rest, w); at >= 0 {
			rest = slices.Delete(rest, at, at+1)
			continue
		}
		b.WriteString("    - " + strings.ReplaceAll(w, "\n", "\n    - ") + "\n")
	}
	for _, h := range rest {
		b.WriteString("    + " + strings.ReplaceAll(h, "\n", "\n    + ") + "\n")
	}
	return strings.TrimSuffix(b.String(), "\n")
}

func (t *running) checkAlert(i int) {
	c := &t.test.AlertRuleTest[i]
	place := t.file.place("tests", t.at, "alert_rule_test", i)
	if c.Alertname == "" {
		t.fail(place, "has no alertname")
		return
	}
	var want, have []string
	for _, e := range c.ExpAlerts {
		l := map[string]string{labels.AlertName: c.Alertname}
		for k, v := range e.ExpLabels {
			l[k] = v
		}
		want = append(want, shown(l, e.ExpAnnotations))
	}
	known := false
	for _, g := range t.trials {
		for k := range g.group.Rules {
			if g.group.Rules[k].Alert != c.Alertname {
				continue
			}
			known = true
			for _, a := range g.Alerts(k) {
				if a.State == alert.Firing {
					have = append(have, shown(a.Labels.Map(), a.Annotations.Map()))
				}
			}
		}
	}
	if !known {
		t.fail(place, fmt.Sprintf("no rule is named %s", c.Alertname))
		return
	}
	if diff := difference(want, have); diff != "" {
		t.fail(place, fmt.Sprintf("%s at %s: - expected, + fires:\n%s", c.Alertname, c.EvalTime, diff))
	}
}

func (t *running) fail(place, what string) {
	t.result.Failures = append(t.result.Failures, place+": "+what)
}

// checkExpr compares what an expression gives.
func (t *running) checkExpr(ctx context.Context, i int) {
	c := &t.test.PromqlExprTest[i]
	place := t.file.place("tests", t.at, "promql_expr_test", i)
	vector, err := t.answers.Query(ctx, "default", c.Expr, t.start().Add(time.Duration(c.EvalTime)))
	if err != nil {
		t.fail(place, fmt.Sprintf("%s at %s: %v", c.Expr, c.EvalTime, err))
		return
	}
	var have, want []string
	for _, s := range vector {
		have = append(have, t.sampleText(s))
	}
	p := promlang.Parser()
	for _, e := range c.ExpSamples {
		s := promql.Sample{F: e.Value, Metric: labels.EmptyLabels()}
		if e.Labels != "" {
			if s.Metric, err = p.ParseMetric(e.Labels); err != nil {
				t.fail(place, fmt.Sprintf("labels %s: %v", e.Labels, err))
				return
			}
		}
		if e.Histogram != "" {
			_, values, err := p.ParseSeriesDesc("{} " + e.Histogram)
			if err != nil || len(values) != 1 || values[0].Histogram == nil {
				t.fail(place, fmt.Sprintf("histogram %s: want one such as {{schema:0 sum:3 count:2 buckets:[1 1]}} %v", e.Histogram, err))
				return
			}
			s.H = values[0].Histogram
		}
		want = append(want, t.sampleText(s))
	}
	if diff := difference(want, have); diff != "" {
		t.fail(place, fmt.Sprintf("%s at %s: - expected, + is:\n%s", c.Expr, c.EvalTime, diff))
	}
}

// sampleText is a sample to compare: with fuzzy_compare the last digits don't count.
func (t *running) sampleText(s promql.Sample) string {
	if s.H != nil {
		return s.Metric.String() + " " + s.H.Compact(0).TestExpression()
	}
	format := "%s %v"
	if t.file.FuzzyCompare {
		format = "%s %.14g"
	}
	return fmt.Sprintf(format, s.Metric, s.F)
}

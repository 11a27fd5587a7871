package alert

import (
	"context"
	"errors"
	"fmt"
	"hash/fnv"
	"log/slog"
	"math"
	"net/url"
	"sync"
	"time"

	"github.com/prometheus/common/model"
	"github.com/prometheus/prometheus/model/labels"
	"github.com/prometheus/prometheus/model/value"
	"github.com/prometheus/prometheus/promql"

	"clew/query/alert/memseries"
	"clew/query/alert/rulefile"
)

// Settings are what evaluation depends on beside rules and data.
type Settings struct {
	Interval       time.Duration // of groups that do not say; 0: DefaultInterval
	ExternalURL    *url.URL      // of the web application, for links
	ExternalLabels labels.Labels // known to templates
}

func (s Settings) orDefault() Settings {
	if s.Interval <= 0 {
		s.Interval = DefaultInterval
	}
	if s.ExternalURL == nil {
		s.ExternalURL = &url.URL{}
	}
	return s
}

// group evaluates the rules of a group. One goroutine evaluates; others may look (status.go).
type group struct {
	of       *rulefile.Group
	interval time.Duration
	settings Settings
	answers  *Answers // with what the group has recorded laid over
	vector   Vectors
	recent   *memseries.Store
	recorder Recorder
	links    *links
	log      *slog.Logger
	count    *counters

	bare bool // alerts get no examples

	mu           sync.Mutex // guards what follows, and what rules have under it
	rules        []*rule
	evaluated    time.Time // the time of the last evaluation
	resolveAfter time.Time // what fired when nobody evaluated is not resolved before
	took         time.Duration
	missed       int
	lastMissed   time.Time
	stateError   error // the state could not be written or read
	held         bool  // this process evaluates the group
}

// rule is a rule and what its evaluations have led to.
type rule struct {
	rule   *rulefile.Rule
	expand expander
	series map[string]labels.Labels // recorded by the last evaluation

	// Under group.mu:
	active    active
	err       error
	evaluated time.Time
	took      time.Duration
	samples   int
}

func newGroup(of *rulefile.Group, answers *Answers, recorder Recorder, settings Settings, count *counters, log *slog.Logger) *group {
	settings = settings.orDefault()
	g := &group{
		of: of, interval: of.Interval, settings: settings, recent: memseries.New(), recorder: recorder, links: newLinks(settings.ExternalURL),
		log: log.With("group", of.Name, "file", of.File), count: count,
	}
	if g.interval == 0 {
		g.interval = settings.Interval
	}
	g.answers = answers.overlaid(g.recent)
	g.vector = g.answers.Vector
	for i := range of.Rules {
		r := &rule{rule: &of.Rules[i], active: active{}, series: map[string]labels.Labels{}}
		r.expand = expander{
			rule: r.rule, externalURL: settings.ExternalURL, external: settings.ExternalLabels, log: g.log,
			query: func(ctx context.Context, expr string, ts time.Time) (promql.Vector, error) {
				return g.answers.Query(ctx, of.Tenant, expr, ts)
			},
		}
		g.rules = append(g.rules, r)
	}
	return g
}

// slot is the group's evaluation time at or before t. Groups of the same interval have different ones, so that they do not all ask at once.
func (g *group) slot(t time.Time) time.Time {
	h := fnv.New64a()
	h.Write([]byte(g.of.Key()))
	offset := int64(h.Sum64() % uint64(g.interval))
	n := t.UnixNano() - offset
	return time.Unix(0, n-n%int64(g.interval)+offset).UTC()
}

// evaluate evaluates the group at ts: all rules, or only those that record. The error is of recording; the rules have their own.
func (g *group) evaluate(ctx context.Context, ts time.Time, recordOnly bool) error {
	started := time.Now()
	var failed error
	for _, r := range g.rules {
		if ctx.Err() != nil {
			return ctx.Err()
		}
		if recordOnly && r.rule.Alert != "" {
			continue
		}
		began := time.Now()
		samples, err := g.evaluateRule(ctx, r, ts)
		if ctx.Err() != nil {
			return ctx.Err() // it was stopped: that is not the rule's fault
		}
		g.count.evaluated(err, time.Since(began))
		if err != nil {
			g.log.Warn("a rule cannot be evaluated; its alerts stay as they are", "rule", r.rule.Name(), "error", err)
		}
		g.mu.Lock()
		r.err, r.evaluated, r.took, r.samples = err, ts, time.Since(began), len(samples)
		g.mu.Unlock()
		if err == nil {
			failed = errors.Join(failed, g.record(ctx, r, samples, ts))
		}
	}
	g.recent.DropBefore(ts.Add(-2*g.interval - graceMax).UnixMilli())
	g.mu.Lock()
	defer g.mu.Unlock()
	g.evaluated, g.took = ts, time.Since(started)
	return failed
}

// evaluateRule gives the samples that the rule's evaluation is recorded as.
func (g *group) evaluateRule(ctx context.Context, r *rule, ts time.Time) ([]promql.Sample, error) {
	ctx, cancel := context.WithTimeout(ctx, evaluationTimeout)
	defer cancel()
	at := ts.Add(-g.of.QueryOffset)
	vector, err := g.vector(ctx, g.of.Tenant, r.rule, at)
	if err != nil {
		return nil, err
	}
	if r.rule.Record != "" {
		return g.recorded(r, vector)
	}
	now, err := r.expand.expand(ctx, vector, ts)
	if err != nil {
		return nil, err
	}
	limit := alertsMax
	if g.of.Limit > 0 {
		limit = min(limit, g.of.Limit)
	}
	if len(now) > limit {
		return nil, fmt.Errorf("%d alerts: the limit is %d", len(now), limit)
	}
	g.mu.Lock()
	r.active.step(now, r.rule, ts, g.resolveAfter)
	fired := unexplained(r.active, ts)
	samples := r.active.samples(at)
	g.mu.Unlock()
	for _, a := range fired {
		if g.bare {
			break
		}
		examples := g.answers.Examples(ctx, g.of.Tenant, r.rule, a, at)
		g.mu.Lock()
		a.ExamplesAt = ts
		if len(examples) > 0 { // old ones are better than none
			a.Examples = examples
		}
		g.mu.Unlock()
	}
	return samples, nil
}

// unexplained are alerts that fire without examples, or with some that are old, as many as are looked for at once.
func unexplained(act active, ts time.Time) []*Alert {
	var out []*Alert
	for _, a := range act.sorted() {
		if a.State == Firing && ts.Sub(a.ExamplesAt) >= examplesEvery && len(out) < evidencePerEvaluation {
			out = append(out, a)
		}
	}
	return out
}

var errSameSeries = errors.New("members of the value have the same labels once the rule's labels are applied")

// recorded makes a recording rule's samples of its value.
func (g *group) recorded(r *rule, vector promql.Vector) ([]promql.Sample, error) {
	if g.of.Limit > 0 && len(vector) > g.of.Limit {
		return nil, fmt.Errorf("%d series: the limit is %d", len(vector), g.of.Limit)
	}
	lb := labels.NewBuilder(labels.EmptyLabels())
	seen := make(map[string]bool, len(vector))
	for i := range vector {
		lb.Reset(vector[i].Metric)
		lb.Set(model.MetricNameLabel, r.rule.Record)
		for name, v := range r.rule.Labels {
			lb.Set(name, v)
		}
		vector[i].Metric = lb.Labels()
		key := vector[i].Metric.String()
		if seen[key] {
			return nil, errSameSeries
		}
		seen[key] = true
	}
	return vector, nil
}

// record writes a rule's samples, and ends the series that it no longer has.
func (g *group) record(ctx context.Context, r *rule, samples []promql.Sample, ts time.Time) error {
	series := make(map[string]labels.Labels, len(samples))
	for _, s := range samples {
		series[s.Metric.String()] = s.Metric
	}
	at := ts.Add(-g.of.QueryOffset).UnixMilli()
	for key, l := range r.series {
		if _, still := series[key]; !still {
			samples = append(samples, promql.Sample{Metric: l, T: at, F: math.Float64frombits(value.StaleNaN)})
		}
	}
	r.series = series
	if len(samples) == 0 {
		return nil
	}
	g.recent.Append(samples...)
	if err := g.recorder.Record(ctx, g.of.Tenant, samples); err != nil {
		g.count.recordFailed.Inc()
		err = fmt.Errorf("record %s: %w", r.rule.Name(), err)
		g.mu.Lock()
		defer g.mu.Unlock()
		if r.rule.Record != "" {
			r.err = err
		}
		return err
	}
	return nil
}

// due are the notifications that an evaluation at ts leads to.
func (g *group) due(ts time.Time) []*Notification {
	g.mu.Lock()
	defer g.mu.Unlock()
	var out []*Notification
	for _, r := range g.rules {
		for _, a := range r.active.sorted() {
			if a.needsSending(ts) {
				a.LastSentAt = ts
				a.ValidUntil = ts.Add(4 * max(g.interval, resendDelay))
				out = append(out, g.links.notification(g.of.Tenant, a, r.rule.Expr, r.rule.Lang))
			}
		}
	}
	return out
}

// unsent takes back that alerts were sent: they are due again with the next evaluation.
func (g *group) unsent() {
	g.mu.Lock()
	defer g.mu.Unlock()
	for _, r := range g.rules {
		for _, a := range r.active {
			a.LastSentAt = time.Time{}
		}
	}
}

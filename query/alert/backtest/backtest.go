// Package backtest says what rules would have done: it takes a stretch of real history and steps the rules' alerts through it, with the
// values that the rules would have had.
//
// Values come as timelines, a question or two for each rule rather than one for each evaluation (alert.Answers.Range); the alerts are stepped by the code that
// evaluates in earnest (alert.Trial). What rules record is laid over the history for the rules after them. The times of evaluation are multiples of the interval,
// where a group in earnest has a place of its own within it: an alert may be found up to an interval earlier or later.
package backtest

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/prometheus/common/model"
	"github.com/prometheus/prometheus/model/labels"
	"github.com/prometheus/prometheus/promql"
	"github.com/prometheus/prometheus/storage"

	"clew/query/alert"
	"clew/query/alert/memseries"
	"clew/query/alert/rulefile"
)

// Bounds of a backtest. It asks for weeks of data at once; these keep the answer readable and the process alive.
const (
	// stepsMax bounds the evaluations of a group: a month at a minute is 43,200.
	stepsMax = 50_000
	// stepsAtOnce is how many steps of PromQL are asked for in one question.
	stepsAtOnce = 2000
	// firingsMax bounds the firings that are listed of a rule. All are counted.
	firingsMax = 1000
	// examplesMax bounds the firings of a rule for which examples are looked for.
	examplesMax = 20
)

// Request is what to test.
type Request struct {
	File     *rulefile.File
	Tenant   string // whose history; empty: the groups' own
	From, To time.Time
	Settings alert.Settings
}

// Result is what a rule would have done.
type Result struct {
	Group       *rulefile.Group
	Rule        *rulefile.Rule
	Evaluations int
	Fired       int      // times that an alert fired
	Pending     int      // times that an alert was pending and never fired
	Firings     []Firing // in order of time, and of those of one time of labels; the first of them
	Series      int      // of a recording rule: the most at one time
	Failed      int      // evaluations that failed
	LastError   error    // of the last that failed
	Err         error    // the rule could not be evaluated at all
}

// Firing is one alert from its beginning to its end.
type Firing struct {
	Alert alert.Alert // as it fired, with the highest value that it had; ResolvedAt zero: it still fires at the end
	Peak  float64
}

// Run tests the rules. The error is of the request; rules have their own.
func Run(ctx context.Context, answers *alert.Answers, r Request) ([]Result, error) {
	if !r.From.Before(r.To) {
		return nil, errors.New("the time range is empty")
	}
	var out []Result
	recorded := memseries.New()
	over := *answers
	over.Metrics = overlay(answers.Metrics, recorded)
	for i := range r.File.Groups {
		g := r.File.Groups[i]
		if r.Tenant != "" {
			g.Tenant = r.Tenant
		}
		results, err := runGroup(ctx, &over, recorded, &g, r)
		if err != nil {
			return nil, err
		}
		out = append(out, results...)
	}
	return out, nil
}

func overlay(below storage.Queryable, above *memseries.Store) storage.Queryable {
	return storage.QueryableFunc(func(mint, maxt int64) (storage.Querier, error) {
		b, err := below.Querier(mint, maxt)
		if err != nil {
			return nil, err
		}
		a, err := above.Querier(mint, maxt)
		if err != nil {
			return nil, errors.Join(err, b.Close())
		}
		return storage.NewMergeQuerier([]storage.Querier{b, a}, nil, storage.ChainedSeriesMerge), nil
	})
}

// discard records nothing: what rules record is in memory already.
type discard struct{}

func (discard) Record(context.Context, string, []promql.Sample) error { return nil }

func runGroup(ctx context.Context, answers *alert.Answers, recorded *memseries.Store, g *rulefile.Group, r Request) ([]Result, error) {
	timelines := map[*rulefile.Rule]*timelineOf{}
	vectors := func(_ context.Context, _ string, rule *rulefile.Rule, ts time.Time) (promql.Vector, error) {
		t := timelines[rule]
		if t.err != nil {
			return nil, t.err
		}
		return t.at(ts), nil
	}
	trial := alert.NewTrial(g, answers, vectors, discard{}, r.Settings)
	step := trial.Interval()
	from := r.From.Truncate(step)
	if from.Before(r.From) {
		from = from.Add(step)
	}
	if n := r.To.Sub(from) / step; n > stepsMax {
		return nil, fmt.Errorf("group %s: %d evaluations: want at most %d; choose a shorter time", g.Name, n, stepsMax)
	}
	results := make([]Result, len(g.Rules))
	for i := range g.Rules {
		rule := &g.Rules[i]
		results[i] = Result{Group: g, Rule: rule}
		t := &timelineOf{}
		timelines[rule] = t
		t.parts, t.err = timeline(ctx, answers, g, rule, from.Add(-g.QueryOffset), r.To.Add(-g.QueryOffset), step)
		if ctx.Err() != nil {
			return nil, ctx.Err()
		}
		results[i].Err = t.err
		if rule.Record != "" && t.err == nil {
			t.record(recorded, rule)
		}
	}
	watch := watcher{ctx: ctx, answers: answers, tenant: g.Tenant, trial: trial, results: results, seen: make([]map[uint64]*seen, len(results))}
	for ts := from; !ts.After(r.To); ts = ts.Add(step) {
		if ctx.Err() != nil {
			return nil, ctx.Err()
		}
		_ = trial.Evaluate(ctx, ts) // the watcher asks for each rule's error
		watch.look(ts)
	}
	watch.finish()
	return results, nil
}

// timelineOf is a rule's values, in the pieces in which they were asked for.
type timelineOf struct {
	parts []*alert.Timeline
	err   error
}

func timeline(ctx context.Context, answers *alert.Answers, g *rulefile.Group, rule *rulefile.Rule, from, to time.Time, step time.Duration) ([]*alert.Timeline, error) {
	if rule.Lang != rulefile.PromQL {
		t, err := answers.Range(ctx, g.Tenant, rule, from, to, step)
		return []*alert.Timeline{t}, err
	}
	var parts []*alert.Timeline
	for !from.After(to) {
		until := from.Add((stepsAtOnce - 1) * step)
		if until.After(to) {
			until = to
		}
		t, err := answers.Range(ctx, g.Tenant, rule, from, until, step)
		if err != nil {
			return nil, err
		}
		parts = append(parts, t)
		from = from.Add(stepsAtOnce * step)
	}
	return parts, nil
}

func (t *timelineOf) at(ts time.Time) promql.Vector {
	var out promql.Vector
	for _, p := range t.parts {
		out = append(out, p.At(ts)...)
	}
	return out
}

// record lays a recording rule's values over the history.
func (t *timelineOf) record(into *memseries.Store, rule *rulefile.Rule) {
	lb := labels.NewBuilder(labels.EmptyLabels())
	for _, p := range t.parts {
		for _, s := range p.Samples() {
			lb.Reset(s.Metric)
			lb.Set(model.MetricNameLabel, rule.Record)
			for name, v := range rule.Labels {
				lb.Set(name, v)
			}
			s.Metric = lb.Labels()
			into.Append(s)
		}
	}
}

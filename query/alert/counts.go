package alert

import (
	"context"
	"fmt"
	"time"

	"github.com/prometheus/prometheus/model/labels"
	"github.com/prometheus/prometheus/promql"

	"clew/query/alert/rulefile"
	"clew/query/engine"
	"clew/query/metrics"
)

// Timeline is a rule's values over time: what Vector would give at each step.
type Timeline struct {
	series []timed
}

type timed struct {
	labels labels.Labels
	at     map[int64]promql.Sample // by milliseconds
}

// At is the value at a time that the timeline has a step at.
func (t *Timeline) At(ts time.Time) promql.Vector {
	var out promql.Vector
	for i := range t.series {
		if s, ok := t.series[i].at[ts.UnixMilli()]; ok {
			out = append(out, s)
		}
	}
	return out
}

// Samples are all values.
func (t *Timeline) Samples() []promql.Sample {
	var out []promql.Sample
	for i := range t.series {
		for _, s := range t.series[i].at {
			out = append(out, s)
		}
	}
	return out
}

// Range gives a rule's values at from and every step after it up to to, by one question rather than one for each time. Steps of rules on records are
// whole seconds, and from is a multiple of the step.
func (a *Answers) Range(ctx context.Context, tenant string, r *rulefile.Rule, from, to time.Time, step time.Duration) (*Timeline, error) {
	if r.Lang == rulefile.PromQL {
		return a.rangePromQL(ctx, tenant, r, from, to, step)
	}
	return a.rangeCounts(ctx, tenant, r, from, to, step)
}

func (a *Answers) rangePromQL(ctx context.Context, tenant string, r *rulefile.Rule, from, to time.Time, step time.Duration) (*Timeline, error) {
	ctx = metrics.WithTenant(ctx, tenant)
	q, err := a.PromQL.NewRangeQuery(ctx, a.Metrics, nil, r.PromQL.String(), from, to, step)
	if err != nil {
		return nil, err
	}
	defer q.Close()
	result := q.Exec(ctx)
	if result.Err != nil {
		return nil, result.Err
	}
	if err := partial(result.Warnings); err != nil {
		return nil, err
	}
	matrix, err := result.Matrix()
	if err != nil {
		return nil, err
	}
	t := &Timeline{}
	for _, s := range matrix {
		one := timed{s.Metric, make(map[int64]promql.Sample, len(s.Floats)+len(s.Histograms))}
		for _, p := range s.Floats {
			one.at[p.T] = promql.Sample{Metric: s.Metric, T: p.T, F: p.F}
		}
		for _, p := range s.Histograms {
			one.at[p.T] = promql.Sample{Metric: s.Metric, T: p.T, H: p.H.Copy()}
		}
		t.series = append(t.series, one)
	}
	return t, nil
}

// rangeCounts counts in buckets as wide as step and window have in common, and slides the window over them.
func (a *Answers) rangeCounts(ctx context.Context, tenant string, r *rulefile.Rule, from, to time.Time, step time.Duration) (*Timeline, error) {
	if timely(r.Query) {
		return a.eachCount(ctx, tenant, r, from, to, step)
	}
	bucket := commonDivisor(step, r.Window)
	begin := from.Add(-r.Window)
	if n := to.Sub(begin) / bucket; n > bucketsMax {
		return nil, fmt.Errorf("%d buckets of %v: want at most %d; choose a shorter time, or a window that is a multiple of the interval %v", n, bucket, bucketsMax, step)
	}
	members := []member{{query: r.Query}}
	field := ""
	if n := len(r.By); n > 0 {
		field = r.By[n-1]
		head := *r
		head.By, head.Window = r.By[:n-1], to.Sub(begin)
		var err error
		if members, err = a.members(ctx, tenant, &head, to); err != nil {
			return nil, err
		}
	}
	t := &Timeline{}
	for _, m := range members {
		counts, err := a.buckets(ctx, tenant, r, m, field, begin, to, bucket)
		if err != nil {
			return nil, err
		}
		for i := range counts {
			counts[i].slide(t, r, from, to, step, bucket)
		}
		if len(t.series) > groupsMax {
			return nil, fmt.Errorf("more than %d groups", groupsMax)
		}
	}
	return t, nil
}

// eachCount asks once for each step: what the query means is another at each.
func (a *Answers) eachCount(ctx context.Context, tenant string, r *rulefile.Rule, from, to time.Time, step time.Duration) (*Timeline, error) {
	byLabels := map[string]int{}
	t := &Timeline{}
	for ts := from; !ts.After(to); ts = ts.Add(step) {
		vector, err := a.count(ctx, tenant, r, ts)
		if err != nil {
			return nil, err
		}
		for _, s := range vector {
			at, ok := byLabels[s.Metric.String()]
			if !ok {
				at = len(t.series)
				byLabels[s.Metric.String()] = at
				t.series = append(t.series, timed{s.Metric, map[int64]promql.Sample{}})
			}
			t.series[at].at[s.T] = s
		}
	}
	return t, nil
}

// bucketed is the counts of one member, from a time on.
type bucketed struct {
	labels labels.Labels
	start  int64 // nanoseconds
	counts []uint64
}

// buckets asks in pieces that the engine's limit on buckets allows.
func (a *Answers) buckets(ctx context.Context, tenant string, r *rulefile.Rule, m member, field string, begin, to time.Time, bucket time.Duration) ([]bucketed, error) {
	start := begin.UnixNano() - begin.UnixNano()%int64(bucket)
	total := int((to.UnixNano() - start + int64(bucket) - 1) / int64(bucket))
	byLabels := map[string]int{}
	var out []bucketed
	for first := 0; first < total; first += bucketsAtOnce {
		from := start + int64(first)*int64(bucket)
		until := min(from+bucketsAtOnce*int64(bucket), to.UnixNano())
		h, err := a.Records.Histogram(ctx, engine.Request{Tenant: tenant, Signal: r.Lang.Signal(), Query: m.query, From: from, To: until}, engine.HistogramBy{Step: bucket, Field: field})
		if err != nil {
			return nil, err
		}
		if len(h.Stats.Partial) > 0 {
			return nil, &PartialError{h.Stats.Partial}
		}
		for _, s := range h.Series {
			values := m.labels
			if field != "" {
				values = append(append([]string(nil), m.labels...), labelValue(field, s.Value))
			}
			of := labelsOf(r, values)
			at, ok := byLabels[of.String()]
			if !ok {
				at = len(out)
				byLabels[of.String()] = at
				out = append(out, bucketed{of, start, make([]uint64, total)})
			}
			skip := int((h.Start - start) / int64(bucket))
			for i, n := range s.Counts {
				if k := skip + i; k >= 0 && k < total {
					out[at].counts[k] += n
				}
			}
		}
	}
	return out, nil
}

// slide adds the member's value at each step at which it has one: without by it always has, with by where there are records.
func (b *bucketed) slide(t *Timeline, r *rulefile.Rule, from, to time.Time, step, bucket time.Duration) {
	one := timed{b.labels, map[int64]promql.Sample{}}
	width := int(r.Window / bucket)
	for ts := from; !ts.After(to); ts = ts.Add(step) {
		end := int((ts.UnixNano() - b.start) / int64(bucket))
		var n uint64
		for _, c := range b.counts[max(0, end-width):min(end, len(b.counts))] {
			n += c
		}
		if v := float64(n); (n > 0 || len(r.By) == 0) && r.Condition.Holds(v) {
			one.at[ts.UnixMilli()] = promql.Sample{Metric: b.labels, T: ts.UnixMilli(), F: v}
		}
	}
	t.series = append(t.series, one)
}

func commonDivisor(a, b time.Duration) time.Duration {
	for b != 0 {
		a, b = b, a%b
	}
	return a
}

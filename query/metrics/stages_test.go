package metrics

import (
	"context"
	"fmt"
	"math"
	"math/rand/v2"
	"strings"
	"testing"
	"time"

	"github.com/prometheus/prometheus/promql"
	"go.opentelemetry.io/collector/pdata/pcommon"
	"go.opentelemetry.io/collector/pdata/pmetric"

	"clew/index"
	"clew/index/segment"
	"clew/ingest/downsample"
	"clew/internal/points"
	"clew/internal/telemetry"
	"clew/query/metrics/stored"
	"clew/query/parts"
)

// stageSource is parts in several resolutions.
type stageSource struct {
	*partSource
	parts  []index.Part
	stages []parts.Stage
	cuts   map[time.Duration]time.Time
}

// View implements parts.Source.
func (s *stageSource) View(_ context.Context, scope parts.Scope) (*parts.View, error) {
	v := &parts.View{Release: func() {}, Cut: func(resolution time.Duration) int64 {
		if at, ok := s.cuts[resolution]; ok {
			return at.UnixNano()
		}
		return math.MinInt64
	}}
	for i, p := range s.parts {
		if info := p.Info(); info.MinTime <= scope.To && info.MaxTime >= scope.From {
			v.Parts, v.Stages = append(v.Parts, p), append(v.Stages, s.stages[i])
		}
	}
	return v, nil
}

func (s *stageSource) add(resolution time.Duration, sampled bool, all ...index.Part) {
	for _, p := range all {
		s.parts, s.stages = append(s.parts, p), append(s.stages, parts.Stage{Resolution: resolution, Sampled: sampled})
	}
}

// coarser makes a segment of windows.
func (p *partSource) coarser(width time.Duration, of ...index.Part) index.Part {
	p.t.Helper()
	made, err := downsample.Make(p.t.Context(), of, nil, width, func(ctx context.Context) error { return ctx.Err() })
	if err != nil {
		p.t.Fatal(err)
	}
	id := segment.NewID(0, telemetry.Metrics, receivedAt)
	if _, err := segment.Write(p.t.Context(), p.store, id, made.Parts, segment.Options{}); err != nil {
		p.t.Fatal(err)
	}
	s, err := segment.Open(p.t.Context(), p.store, id, p.cache)
	if err != nil {
		p.t.Fatal(err)
	}
	return s
}

// dayStart is when the points of day begin: a full hour.
var dayStart = time.Date(2026, 3, 1, 0, 0, 0, 0, time.UTC)

const dayPoints = 24 * 240 // every fifteen seconds

// day are two days' halves of a gauge, a counter that begins anew now and then, deltas, and histograms of each kind: those that late names, or all others.
func day(seed uint64, only func(i int) bool) pmetric.Metrics {
	rng := rand.New(rand.NewPCG(seed, 1))
	all := pmetric.NewMetrics()
	rm := all.ResourceMetrics().AppendEmpty()
	rm.Resource().Attributes().PutStr(stored.ServiceName, "shop")
	list := rm.ScopeMetrics().AppendEmpty().Metrics()
	metric := func(name string) pmetric.Metric {
		m := list.AppendEmpty()
		m.SetName(name)
		return m
	}
	gauge := metric("load").SetEmptyGauge().DataPoints()
	sum := metric("calls").SetEmptySum()
	sum.SetIsMonotonic(true)
	sum.SetAggregationTemporality(pmetric.AggregationTemporalityCumulative)
	deltas := metric("jobs").SetEmptySum()
	deltas.SetIsMonotonic(true)
	deltas.SetAggregationTemporality(pmetric.AggregationTemporalityDelta)
	classic := metric("size").SetEmptyHistogram()
	classic.SetAggregationTemporality(pmetric.AggregationTemporalityCumulative)
	native := metric("took").SetEmptyExponentialHistogram()
	native.SetAggregationTemporality(pmetric.AggregationTemporalityCumulative)
	var calls int64
	level := 0.0
	buckets := []uint64{0, 0, 0, 0}
	for i := range dayPoints {
		t := pcommon.NewTimestampFromTime(dayStart.Add(time.Duration(i+1) * 15 * time.Second))
		calls += rng.Int64N(20)
		level += rng.NormFloat64()
		for k := range buckets {
			buckets[k] += uint64(rng.IntN(3))
		}
		if rng.IntN(500) == 0 {
			calls = 0
			buckets = []uint64{0, 0, 1, 0}
		}
		job := rng.Int64N(9)
		if !only(i) {
			continue
		}
		dp := gauge.AppendEmpty()
		dp.SetTimestamp(t)
		dp.SetDoubleValue(level)
		dp = sum.DataPoints().AppendEmpty()
		dp.SetTimestamp(t)
		dp.SetIntValue(calls)
		dp = deltas.DataPoints().AppendEmpty()
		dp.SetTimestamp(t)
		dp.SetIntValue(job)
		h := classic.DataPoints().AppendEmpty()
		h.SetTimestamp(t)
		h.ExplicitBounds().FromRaw([]float64{1, 2, 5})
		h.BucketCounts().FromRaw(buckets)
		e := native.DataPoints().AppendEmpty()
		e.SetTimestamp(t)
		e.Positive().BucketCounts().FromRaw(buckets)
		total := buckets[0] + buckets[1] + buckets[2] + buckets[3]
		h.SetCount(total)
		h.SetSum(float64(total))
		e.SetCount(total)
		e.SetSum(float64(total))
	}
	return all
}

// stagedDay is a day, some of which came late, and beside it windows of five minutes and of an hour.
type stagedDay struct {
	raw, five, hour *Storage
	source          *stageSource
}

func newStagedDay(t testing.TB) *stagedDay {
	p := newParts(t)
	late := func(i int) bool { return i >= 1000 && i < 1010 || i == 3000 }
	for _, only := range []func(i int) bool{
		func(i int) bool { return i < dayPoints/2 && !late(i) }, func(i int) bool { return i >= dayPoints/2 && !late(i) }, late,
	} {
		h := p.head()
		if err := h.Append(day(7, only), receivedAt); err != nil {
			t.Fatal(err)
		}
		p.seal(h)
	}
	// Calls of which RED metrics are made.
	rng := rand.New(rand.NewPCG(9, 9))
	var calls []call
	for at := dayStart; at.Before(dayStart.Add(24 * time.Hour)); at = at.Add(time.Duration(rng.IntN(60_000)) * time.Millisecond) {
		calls = append(calls, call{end: at, took: time.Duration(rng.IntN(1000)) * time.Millisecond})
	}
	p.count(calls)
	raw := p.sealed
	var five []index.Part
	for _, part := range raw {
		five = append(five, p.coarser(points.Five, part))
	}
	hour := p.coarser(points.Hour, five[0], five[1], five[2])
	counted := p.coarser(points.Hour, five[3])
	source := func(all func(s *stageSource)) *Storage {
		s := &stageSource{partSource: p, cuts: map[time.Duration]time.Time{}}
		all(s)
		return storageOf(s)
	}
	end := dayStart.Add(24 * time.Hour)
	d := &stagedDay{}
	d.raw = source(func(s *stageSource) { s.add(0, false, raw...) })
	d.five = source(func(s *stageSource) {
		s.add(points.Five, false, five...)
		s.cuts[0] = end
	})
	d.hour = source(func(s *stageSource) {
		s.add(points.Hour, false, hour, counted)
		s.cuts[0], s.cuts[points.Five] = end, end
	})
	d.source = &stageSource{partSource: p, cuts: map[time.Duration]time.Time{}}
	d.source.add(0, true, raw[0], raw[1], raw[3])
	d.source.add(0, false, raw[2])
	d.source.add(points.Five, true, five[0], five[1])
	d.source.add(points.Five, false, five[3])
	d.source.add(points.Hour, false, p.coarser(points.Hour, five[0], five[1]))
	return d
}

// wholeWindows are functions that windows answer exactly, in ranges that are made of whole windows.
var wholeWindows = []string{
	"min_over_time(load[%s])", "max_over_time(load[%s])", "sum_over_time(load[%s])", "count_over_time(load[%s])", "avg_over_time(load[%s])",
	"count_over_time(calls_total[%s])", "resets(calls_total[%s])", "increase(traces_span_metrics_calls_total[%s])",
	"histogram_count(increase(traces_span_metrics_duration_seconds[%s]))",
}

// TestWindowsAreExact: over whole windows the answers are those of all points, in every mixture of resolutions: nothing is missing, and nothing there twice.
func TestWindowsAreExact(t *testing.T) {
	d := newStagedDay(t)
	mixed := storageOf(d.source)
	type mixture struct {
		name      string
		raw, five time.Duration // cuts, from the day's beginning; below 0: none
	}
	mixtures := []mixture{
		{"all is there", -1, -1},
		{"raw from 9:00", 9 * time.Hour, -1},
		{"raw from 13:00, 5m from 6:00", 13 * time.Hour, 6 * time.Hour},
		{"5m and raw from 7:00", 7 * time.Hour, 7 * time.Hour},
		{"raw from 5:00, 5m from 12:00", 5 * time.Hour, 12 * time.Hour},
	}
	for _, query := range wholeWindows {
		for _, span := range []time.Duration{2 * time.Hour, 8 * time.Hour, 24 * time.Hour} {
			for _, at := range []time.Duration{8 * time.Hour, 14 * time.Hour, 24 * time.Hour} {
				text := fmt.Sprintf(query, fmt.Sprintf("%dh", int(span.Hours())))
				want := instant(t, d.raw, text, dayStart.Add(at))
				near := func(name string, s *Storage) {
					if have := instant(t, s, text, dayStart.Add(at)); !(math.Abs(have-want) <= 1e-9*math.Abs(want)) {
						t.Errorf("%s at %v, %s: %v, want %v", text, at, name, have, want)
					}
				}
				near("5m", d.five)
				near("1h", d.hour)
				for _, m := range mixtures {
					d.source.cuts = map[time.Duration]time.Time{}
					if m.raw >= 0 {
						d.source.cuts[0] = dayStart.Add(m.raw)
					}
					if m.five >= 0 {
						d.source.cuts[points.Five] = dayStart.Add(m.five)
					}
					near(m.name, mixed)
				}
			}
		}
	}
}

// TestWindowsAreNear: elsewhere an answer is off by what the range's ends cut off: a window at each.
func TestWindowsAreNear(t *testing.T) {
	d := newStagedDay(t)
	for _, query := range []string{
		"increase(calls_total[%s])", "increase(jobs_total[%s])", "increase(size_count[%s])", "histogram_quantile(0.9, rate(size_bucket[%s]))",
		"histogram_quantile(0.9, rate(took[%s]))", "histogram_count(increase(took[%s]))", "increase(traces_span_metrics_calls_total[%s])",
	} {
		for _, c := range []struct {
			s      *Storage
			width  time.Duration
			within float64
		}{{d.five, points.Five, 0.03}, {d.hour, points.Hour, 0.2}} {
			for _, span := range []string{"6h", "12h"} {
				text := fmt.Sprintf(query, span)
				at := dayStart.Add(13*time.Hour + 17*time.Minute)
				want, have := instant(t, d.raw, text, at), instant(t, c.s, text, at)
				if !(math.Abs(have-want) <= c.within*want) {
					t.Errorf("%s of windows of %v: %v, want %v", text, c.width, have, want)
				}
			}
		}
	}
}

// answers is a range query over the day's middle, and what it is annotated with.
func answers(t *testing.T, s *Storage, query string, step time.Duration) (promql.Matrix, string) {
	t.Helper()
	q, err := testEngine(t).NewRangeQuery(t.Context(), s, nil, query, dayStart.Add(4*time.Hour), dayStart.Add(20*time.Hour), step)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(q.Close) // the answer's memory is used again after it
	res := q.Exec(t.Context())
	m, err := res.Matrix()
	if err != nil {
		t.Fatal(err)
	}
	_, infos := res.Warnings.AsStrings(query, 10, 10)
	return m, strings.Join(infos, "\n")
}

// TestNarrow: ranges narrower than windows, and instants, are answered at every step where only windows are left, and the answer says so.
func TestNarrow(t *testing.T) {
	d := newStagedDay(t)
	for _, query := range []string{
		"load", "calls_total", "rate(calls_total[2m])", "rate(calls_total[5m])", "increase(traces_span_metrics_calls_total[5m])", "min_over_time(load[10m])",
		"sum_over_time(load[7m])", "count_over_time(load[5m])", "histogram_quantile(0.5, rate(size_bucket[5m]))", "histogram_count(rate(took[10m]))", "delta(load[5m])",
		"traces_span_metrics_calls_total", "rate(jobs_total[5m])",
	} {
		for name, s := range map[string]*Storage{"5m": d.five, "1h": d.hour} {
			m, infos := answers(t, s, query, time.Minute)
			if len(m) != 1 || len(m[0].Floats) < 16*60-2 {
				n := -1
				if len(m) > 0 {
					n = len(m[0].Floats)
				}
				t.Errorf("%s of %s: %d series, %d points, want 1 of 961", query, name, len(m), n)
			}
			if !strings.Contains(infos, "down-sampled") {
				t.Errorf("%s of %s: the answer does not say so: %q", query, name, infos)
			}
		}
		m, infos := answers(t, storageOf(d.source), query, time.Minute)
		raw, _ := answers(t, d.raw, query, time.Minute)
		if infos != "" || fmt.Sprint(m) != fmt.Sprint(raw) {
			t.Errorf("%s: the points as they came are there and are not taken: %q\n%.300v\n%.300v", query, infos, m, raw)
		}
	}
	// A mean is the same.
	mean := func(s *Storage) (sum float64) {
		m, _ := answers(t, s, "rate(calls_total[5m])", time.Minute)
		for _, p := range m[0].Floats {
			sum += p.F / float64(len(m[0].Floats))
		}
		return sum
	}
	if five, hour, raw := mean(d.five), mean(d.hour), mean(d.raw); math.Abs(five-raw) > raw/50 || math.Abs(hour-raw) > raw/20 {
		t.Errorf("the mean rate is %v of 5m, %v of 1h, want %v", five, hour, raw)
	}
}

// TestResolution: what a question is answered from while all is there.
func TestResolution(t *testing.T) {
	for _, c := range []struct {
		asked asked
		want  time.Duration
	}{
		{asked{}, 0},
		{asked{"", 0, time.Minute}, 0},
		{asked{"", 0, 25 * time.Minute}, points.Five},
		{asked{"", 0, 5 * time.Hour}, points.Hour},
		{asked{"rate", 5 * time.Minute, 5 * time.Hour}, 0},
		{asked{"rate", 10 * time.Minute, 25 * time.Minute}, points.Five},
		{asked{"rate", time.Hour, 15 * time.Second}, 0},
		{asked{"increase", 24 * time.Hour, 0}, points.Five},
		{asked{"avg_over_time", 30 * 24 * time.Hour, 0}, points.Hour},
		{asked{"quantile_over_time", 30 * 24 * time.Hour, 0}, 0},
	} {
		if have := c.asked.resolution(); have != c.want {
			t.Errorf("%+v: %v, want %v", c.asked, have, c.want)
		}
	}
}

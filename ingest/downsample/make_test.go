package downsample

import (
	"context"
	"math"
	"math/rand/v2"
	"slices"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
	"go.opentelemetry.io/collector/pdata/pcommon"
	"go.opentelemetry.io/collector/pdata/pmetric"

	"clew/index"
	"clew/index/segment"
	"clew/index/store"
	"clew/index/table"
	"clew/ingest/series"
	"clew/internal/points"
	"clew/internal/telemetry"
)

var began = time.Date(2026, 1, 2, 0, 0, 0, 0, time.UTC)

// sealed makes a segment of what fill adds to a metric, and is a part of it.
func sealed(t testing.TB, fill func(m pmetric.Metric)) index.Part {
	t.Helper()
	all := pmetric.NewMetrics()
	rm := all.ResourceMetrics().AppendEmpty()
	rm.Resource().Attributes().PutStr("service.name", "shop")
	m := rm.ScopeMetrics().AppendEmpty().Metrics().AppendEmpty()
	m.SetName("m")
	fill(m)
	head := series.New("head", "t", 0)
	if err := head.Append(all, began.Add(100*time.Hour)); err != nil {
		t.Fatal(err)
	}
	rows, err := head.Rows(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	defer rows.Release()
	tab := table.New("sealing", telemetry.Metrics, "t", 0)
	if err := tab.Append(rows, nil); err != nil {
		t.Fatal(err)
	}
	return written(t, tab.Snapshot())
}

func written(t testing.TB, parts ...index.Part) index.Part {
	t.Helper()
	st, err := store.OpenDir(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	id := segment.NewID(0, telemetry.Metrics, began)
	if _, err := segment.Write(t.Context(), st, id, parts, segment.Options{}); err != nil {
		t.Fatal(err)
	}
	s, err := segment.Open(t.Context(), st, id, nil)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func makeOf(t testing.TB, width time.Duration, parts ...index.Part) index.Part {
	t.Helper()
	res, err := Make(t.Context(), parts, nil, width, func(ctx context.Context) error { return ctx.Err() })
	if err != nil {
		t.Fatal(err)
	}
	if len(res.Parts) == 0 {
		t.Fatal("nothing was made")
	}
	return written(t, res.Parts...)
}

// contents are all points of a part of one metric, and its windows, merged.
func contents(t testing.TB, part index.Part) (seq sequence, windows []points.Window) {
	t.Helper()
	in, err := read(t.Context(), []index.Part{part}, nil)
	if err != nil {
		t.Fatal(err)
	}
	merged := map[int64]*points.Window{}
	all := pmetric.NewMetric()
	for i := range in.series {
		of, err := in.shapeOf(&in.series[i])
		if err != nil {
			t.Fatal(err)
		}
		if i == 0 {
			of.metric.CopyTo(all)
		}
		for _, at := range in.series[i].rows {
			r := in.rowOf(at, of.typ)
			if err := r.AppendPoints(all); err != nil {
				t.Fatal(err)
			}
			found, err := points.Sections(r.Extra)
			if err != nil {
				t.Fatal(err)
			}
			width, _, own, err := found.Windows(nil)
			if err != nil {
				t.Fatal(err)
			}
			for k := range own {
				windowAt(merged, own[k].End, width).Merge(&own[k])
			}
		}
	}
	for _, w := range merged {
		windows = append(windows, *w)
	}
	slices.SortFunc(windows, func(a, b points.Window) int { return int(a.End - b.End) })
	return sequenceOf(all), windows
}

// point is a point of a random series.
type point struct {
	t     int64 // milliseconds
	v     float64
	whole bool
	stale bool
}

// random is a series with gaps and markers; a counter falls now and then.
func random(rng *rand.Rand, counter bool) []point {
	var out []point
	t, v := began.UnixMilli()+rng.Int64N(3_600_000), 0.0
	whole := rng.IntN(2) == 0
	for range 200 + rng.IntN(2000) {
		switch rng.IntN(300) {
		case 0:
			t += rng.Int64N(7_200_000)
		case 1:
			t++
			out = append(out, point{t: t, stale: true})
			t += 1 + rng.Int64N(900_000)
			v = 0
		case 2:
			t = t/300_000*300_000 + 300_000 // on a window's end
		default:
			t += 15_000 + rng.Int64N(3)
		}
		switch {
		case counter && rng.IntN(60) == 0:
			v = float64(rng.IntN(5))
		case counter:
			v += float64(rng.IntN(100))
		default:
			v = math.Round(rng.NormFloat64()*1000) / 8
		}
		if whole {
			v = math.Trunc(v)
		}
		out = append(out, point{t: t, v: v, whole: whole})
	}
	return out
}

func fillNumbers(to pmetric.NumberDataPointSlice, all []point) {
	for _, p := range all {
		dp := to.AppendEmpty()
		dp.SetTimestamp(pcommon.Timestamp(p.t * nanosPerMilli))
		switch {
		case p.stale:
			dp.SetFlags(dp.Flags().WithNoRecordedValue(true))
		case p.whole:
			dp.SetIntValue(int64(p.v))
		default:
			dp.SetDoubleValue(p.v)
		}
	}
}

// plain are the windows of points, computed in the plainest way.
func plain(all []point, width time.Duration, stats bool) []points.Window {
	by := map[int64][]point{}
	for _, p := range all {
		if !p.stale {
			by[points.WindowEnd(p.t, width)] = append(by[points.WindowEnd(p.t, width)], p)
		}
	}
	var out []points.Window
	for end, in := range by {
		w := points.Window{End: end, Count: uint64(len(in))}
		if stats {
			w.Min, w.Max = math.Inf(1), math.Inf(-1)
			for _, p := range in {
				w.Sum += p.v
				w.Min, w.Max = min(w.Min, p.v), max(w.Max, p.v)
			}
		}
		out = append(out, w)
	}
	slices.SortFunc(out, func(a, b points.Window) int { return int(a.End - b.End) })
	return out
}

// increase is what a counter grew by in a range, as PromQL sees it without extrapolating.
func increase(all []point) float64 {
	sum, last := 0.0, math.NaN()
	for _, p := range all {
		if p.stale {
			continue
		}
		if p.v < last {
			sum += p.v
		} else if !math.IsNaN(last) {
			sum += p.v - last
		}
		last = p.v
	}
	return sum
}

func pointsIn(seq sequence) []point {
	var out []point
	for _, i := range byTime(seq, numbersTo(seq.len())) {
		out = append(out, point{t: millis(seq.time(i)), v: seq.value(i), stale: seq.stale(i)})
	}
	return out
}

// TestNumbers: windows say what a plain computation over the points says, of segments that are cut anywhere and hold points in any order, in both steps; a counter's
// increase is that of all points; a gauge's points are the last ones of their windows; markers stay where nothing follows.
func TestNumbers(t *testing.T) {
	for seed := range uint64(16) {
		rng := rand.New(rand.NewPCG(seed, 7))
		counter := seed%2 == 0
		all := random(rng, counter)
		var parts []index.Part
		cuts := []int{0, rng.IntN(len(all)), rng.IntN(len(all)), len(all)}
		slices.Sort(cuts)
		for i, from := range cuts[:3] {
			some := slices.Clone(all[from:cuts[i+1]])
			if len(some) == 0 {
				continue
			}
			if seed%3 == 0 {
				rng.Shuffle(len(some), func(i, k int) { some[i], some[k] = some[k], some[i] })
			}
			parts = append(parts, sealed(t, func(m pmetric.Metric) {
				if counter {
					m.SetEmptySum().SetIsMonotonic(true)
					m.Sum().SetAggregationTemporality(pmetric.AggregationTemporalityCumulative)
					fillNumbers(m.Sum().DataPoints(), some)
				} else {
					fillNumbers(m.SetEmptyGauge().DataPoints(), some)
				}
			}))
		}
		var five index.Part
		if seed%4 < 2 {
			five = makeOf(t, points.Five, parts...)
		} else { // each by itself: what came late
			var each []index.Part
			for _, p := range parts {
				each = append(each, makeOf(t, points.Five, p))
			}
			five = written(t, each...)
		}
		for _, c := range []struct {
			width time.Duration
			part  index.Part
		}{{points.Five, five}, {points.Hour, makeOf(t, points.Hour, five)}} {
			seq, windows := contents(t, c.part)
			if diff := cmp.Diff(plain(all, c.width, !counter), windows, cmpopts.EquateApprox(1e-12, 1e-9)); diff != "" {
				t.Fatalf("seed %d, %v: %s", seed, c.width, diff)
			}
			kept := pointsIn(seq)
			if counter {
				if have, want := increase(kept), increase(all); have != want {
					t.Fatalf("seed %d, %v: the increase is %v, want %v", seed, c.width, have, want)
				}
			} else if want := lastOf(all, c.width); seed%4 < 2 {
				if diff := cmp.Diff(want, kept, cmp.AllowUnexported(point{}), cmpopts.IgnoreFields(point{}, "whole")); diff != "" {
					t.Fatalf("seed %d, %v: %s", seed, c.width, diff)
				}
			}
			if len(kept) > len(all) || c.width == points.Hour && !counter && len(kept) > len(all)/4 && seed%4 < 2 {
				t.Errorf("seed %d, %v: %d of %d points stay", seed, c.width, len(kept), len(all))
			}
		}
	}
}

// lastOf are the last points of windows, and the markers behind them.
func lastOf(all []point, width time.Duration) []point {
	var out []point
	for i, p := range all {
		end := points.WindowEnd(p.t, width)
		last := true
		for _, q := range all[i+1:] {
			if points.WindowEnd(q.t, width) != end {
				break
			}
			// Behind the last point there may be a marker; a marker of a moment with a point is none.
			last = last && q.stale && !p.stale
		}
		if last && (i == 0 || all[i-1].t != p.t) {
			out = append(out, p)
		}
	}
	return out
}

// TestDeltas: sums of deltas and of histograms of deltas stay, window by window; points of other bounds are not mixed.
func TestDeltas(t *testing.T) {
	rng := rand.New(rand.NewPCG(3, 3))
	type sum struct {
		count, first uint64
		total        float64
	}
	want := map[string]map[int64]sum{"sum": {}, "explicit": {}, "exponential": {}}
	note := func(kind string, at int64, count, first uint64, total float64) {
		end := points.WindowEnd(at, points.Hour)
		s := want[kind][end]
		want[kind][end] = sum{s.count + count, s.first + first, s.total + total}
	}
	fill := map[string]func(m pmetric.Metric){
		"sum": func(m pmetric.Metric) {
			m.SetEmptySum().SetAggregationTemporality(pmetric.AggregationTemporalityDelta)
			for i := range int64(2000) {
				at, v := began.UnixMilli()+i*10_000+1, rng.Int64N(100)
				fillNumbers(m.Sum().DataPoints(), []point{{t: at, v: float64(v), whole: true}})
				note("sum", at, 0, 0, float64(v))
			}
		},
		"explicit": func(m pmetric.Metric) {
			m.SetEmptyHistogram().SetAggregationTemporality(pmetric.AggregationTemporalityDelta)
			for i := range int64(1000) {
				at := began.UnixMilli() + i*20_000
				dp := m.Histogram().DataPoints().AppendEmpty()
				dp.SetTimestamp(pcommon.Timestamp(at * nanosPerMilli))
				dp.ExplicitBounds().FromRaw([]float64{1, float64(2 + i/300)})
				a, b, c := rng.Uint64N(9), rng.Uint64N(9), rng.Uint64N(9)
				dp.BucketCounts().FromRaw([]uint64{a, b, c})
				dp.SetCount(a + b + c)
				dp.SetSum(float64(a))
				note("explicit", at, a+b+c, a, float64(a))
			}
		},
		"exponential": func(m pmetric.Metric) {
			m.SetEmptyExponentialHistogram().SetAggregationTemporality(pmetric.AggregationTemporalityDelta)
			for i := range int64(1000) {
				at := began.UnixMilli() + i*20_000
				dp := m.ExponentialHistogram().DataPoints().AppendEmpty()
				dp.SetTimestamp(pcommon.Timestamp(at * nanosPerMilli))
				dp.SetScale(int32(3 + i/400))
				dp.SetZeroCount(1)
				a, b := rng.Uint64N(9), rng.Uint64N(9)
				dp.Positive().SetOffset(rng.Int32N(20) - 10)
				dp.Positive().BucketCounts().FromRaw([]uint64{a, 0, b})
				dp.SetCount(a + b + 1)
				dp.SetSum(float64(b))
				note("exponential", at, a+b+1, 0, float64(b))
			}
		},
	}
	for kind, f := range fill {
		seq, _ := contents(t, makeOf(t, points.Hour, makeOf(t, points.Five, sealed(t, f))))
		got := map[int64]sum{}
		for i := range seq.len() {
			end := points.WindowEnd(millis(seq.time(i)), points.Hour)
			s := got[end]
			switch all := seq.(type) {
			case numbers:
				s.total += all.value(i)
			case explicits:
				dp := all.all.At(i)
				s.count, s.first, s.total = s.count+dp.Count(), s.first+dp.BucketCounts().At(0), s.total+dp.Sum()
			case exponentials:
				dp := all.all.At(i)
				buckets := dp.ZeroCount()
				for _, n := range dp.Positive().BucketCounts().AsRaw() {
					buckets += n
				}
				if buckets != dp.Count() {
					t.Errorf("%s: a point of %d has %d in its buckets", kind, dp.Count(), buckets)
				}
				s.count, s.total = s.count+dp.Count(), s.total+dp.Sum()
			}
			got[end] = s
		}
		if diff := cmp.Diff(want[kind], got, cmp.AllowUnexported(sum{})); diff != "" {
			t.Errorf("%s: %s", kind, diff)
		}
		if most := map[string]int{"sum": 6, "explicit": 7 + 3, "exponential": 7 + 2}[kind]; seq.len() > most {
			t.Errorf("%s: %d points stay, want at most %d", kind, seq.len(), most)
		}
	}
}

// TestResets: of a cumulative histogram the points around resets stay, and an exemplar of each window; points of the future are left out; the same parts give the same rows.
func TestResets(t *testing.T) {
	of := func(m pmetric.Metric) {
		m.SetEmptyHistogram().SetAggregationTemporality(pmetric.AggregationTemporalityCumulative)
		count := uint64(0)
		for i := range int64(400) {
			if count++; i == 133 || i == 134 || i == 250 {
				count = 0
			}
			dp := m.Histogram().DataPoints().AppendEmpty()
			dp.SetTimestamp(pcommon.Timestamp((began.UnixMilli() + 15_000*(i+1)) * nanosPerMilli))
			dp.ExplicitBounds().FromRaw([]float64{1})
			dp.BucketCounts().FromRaw([]uint64{count, 0})
			dp.SetCount(count)
			if i%3 == 0 {
				dp.Exemplars().AppendEmpty().SetDoubleValue(float64(i))
			}
		}
		future := m.Histogram().DataPoints().AppendEmpty()
		future.SetTimestamp(pcommon.NewTimestampFromTime(began.Add(1000 * time.Hour)))
	}
	raw := sealed(t, of)
	five := makeOf(t, points.Five, raw)
	for _, c := range []struct {
		part    index.Part
		windows int
	}{{five, 20}, {makeOf(t, points.Hour, five), 2}} {
		seq, _ := contents(t, c.part)
		kept := pointsIn(seq)
		all := make([]point, 400)
		count := 0.0
		for i := range all {
			if count++; i == 133 || i == 134 || i == 250 {
				count = 0
			}
			all[i] = point{t: int64(i), v: count}
		}
		if have, want := increase(kept), increase(all); have != want {
			t.Errorf("the increase is %v, want %v", have, want)
		}
		if len(kept) > c.windows+1+5 {
			t.Errorf("%d points stay of %d windows", len(kept), c.windows)
		}
		exemplars := 0
		for i := range seq.len() {
			exemplars += seq.exemplars(i).Len()
		}
		if exemplars != c.windows {
			t.Errorf("%d exemplars stay of %d windows", exemplars, c.windows)
		}
	}
	res, err := Make(t.Context(), []index.Part{raw}, nil, points.Five, func(ctx context.Context) error { return ctx.Err() })
	if err != nil || res.Future != 1 || res.PointsIn != 400 {
		t.Errorf("%+v, %v: want 400 points and 1 of the future", res, err)
	}
	a, _ := contents(t, five)
	b, _ := contents(t, makeOf(t, points.Five, raw))
	if diff := cmp.Diff(pointsIn(a), pointsIn(b), cmp.AllowUnexported(point{})); diff != "" {
		t.Error(diff)
	}
}

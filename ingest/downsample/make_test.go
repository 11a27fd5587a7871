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
	res, err := Make(t.Context(), parts, width, func(ctx context.Context) error { return ctx.Err() })
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
	in, err := read(t.Context(), []index.Part{part})
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
			width, _, own, err := found.Windows()
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

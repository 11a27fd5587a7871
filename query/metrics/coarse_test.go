package metrics

import (
	"fmt"
	"math"
	"math/rand/v2"
	"testing"
	"time"

	"github.com/prometheus/prometheus/model/histogram"
	"github.com/prometheus/prometheus/model/labels"
	"github.com/prometheus/prometheus/promql"
	"github.com/prometheus/prometheus/storage"
	"github.com/prometheus/prometheus/tsdb/chunkenc"

	"clew/internal/points"
)

// sampleAt is the iterator's point, as text.
func sampleAt(it chunkenc.Iterator, vt chunkenc.ValueType) string {
	switch vt {
	case chunkenc.ValNone:
		return "none"
	case chunkenc.ValFloat:
		t, v := it.At()
		if n, ok := isWeight(v); ok {
			return fmt.Sprint(t, " weight ", n)
		}
		return fmt.Sprint(t, " ", v)
	}
	t, h := it.AtFloatHistogram(nil)
	return fmt.Sprint(t, " ", h)
}

// TestSeek: what is found by jumping is what is found by going through all, of every kind of series, question and mixture of resolutions.
func TestSeek(t *testing.T) {
	d := newStagedDay(t)
	rng := rand.New(rand.NewPCG(3, 4))
	mixed := *d.source
	mixed.cuts = map[time.Duration]time.Time{0: dayStart.Add(13 * time.Hour), points.Five: dayStart.Add(6 * time.Hour)}
	for name, s := range map[string]*Storage{"raw": d.raw, "5m": d.five, "1h": d.hour, "mixed": storageOf(&mixed)} {
		for _, hints := range []storage.SelectHints{
			{},
			{Step: 5 * time.Hour.Milliseconds()},
			{Func: "rate", Range: time.Minute.Milliseconds()},
			{Func: "rate", Range: 4 * time.Hour.Milliseconds()},
			{Func: "avg_over_time", Range: 4 * time.Hour.Milliseconds()},
			{Func: "count_over_time", Range: 7 * time.Minute.Milliseconds()},
			{Func: "max_over_time", Range: 4 * time.Hour.Milliseconds()},
			{Func: "min_over_time", Range: 4 * time.Minute.Milliseconds()},
		} {
			from, to := dayStart.Add(3*time.Hour).UnixMilli(), dayStart.Add(21*time.Hour).UnixMilli()
			q, err := s.Querier(from, to)
			if err != nil {
				t.Fatal(err)
			}
			set := q.Select(t.Context(), true, &hints, labels.MustNewMatcher(labels.MatchRegexp, "__name__", "load|calls_total|jobs_total|size_bucket|took|traces.*"))
			var it chunkenc.Iterator
			for set.Next() {
				series := set.At()
				var all []string
				var times []int64
				it = series.Iterator(it)
				for vt := it.Next(); vt != chunkenc.ValNone; vt = it.Next() {
					if n := len(times); it.AtT() < from || it.AtT() > to || n > 0 && it.AtT() <= times[n-1] {
						t.Fatalf("%s, %+v, %s: a point at %d", name, hints, series.Labels(), it.AtT())
					}
					all, times = append(all, sampleAt(it, vt)), append(times, it.AtT())
				}
				if it.Err() != nil || len(all) == 0 {
					t.Fatalf("%s, %+v, %s: %d points, %v", name, hints, series.Labels(), len(all), it.Err())
				}
				for range 5 {
					it = series.Iterator(it)
					at, next := from-1, 0
					for next < len(all) {
						var vt chunkenc.ValueType
						if rng.IntN(3) == 0 {
							vt = it.Next()
						} else {
							at = max(at, times[next]) + rng.Int64N(1+rng.Int64N(6*time.Hour.Milliseconds()))
							for next < len(all) && times[next] < at {
								next++
							}
							vt = it.Seek(at)
						}
						want := "none"
						if next < len(all) {
							want = all[next]
						}
						if have := sampleAt(it, vt); have != want {
							t.Fatalf("%s, %+v, %s: from %d on %s, want %s", name, hints, series.Labels(), at, have, want)
						}
						next++
					}
				}
			}
			if set.Err() != nil {
				t.Fatal(set.Err())
			}
			q.Close()
		}
	}
}

// TestWeights: functions that weigh, on points with and without weights.
func TestWeights(t *testing.T) {
	w := weightOf
	for _, c := range []struct {
		points      []float64
		mean, count float64
	}{
		{[]float64{1, 2, 6}, 3, 3},
		{[]float64{w(3), 1, 5}, 2, 4},
		{[]float64{w(2), 1, w(4), 4, w(9)}, 3, 6}, // the range ends between a weight and what it weighs
		{[]float64{w(2), math.Inf(1), 4}, math.Inf(1), 3},
		{[]float64{w(2), math.NaN(), 4}, math.NaN(), 3},
		{[]float64{w(1 << 39), 1e300, w(1 << 39), 1e300}, 1e300, 1 << 40},
		{[]float64{w(1 << 62), 1}, 1, 1<<40 - 1},
	} {
		s := promql.Series{}
		for i, v := range c.points {
			s.Floats = append(s.Floats, promql.FPoint{T: int64(i), F: v})
		}
		for name, want := range map[string]float64{"avg_over_time": c.mean, "count_over_time": c.count} {
			out, _ := promql.FunctionCalls[name](nil, promql.Matrix{s}, nil, &promql.EvalNodeHelper{})
			if len(out) != 1 || !(math.Abs(out[0].F-want) <= math.Abs(want)*1e-12 || out[0].F == want || math.IsNaN(want) && math.IsNaN(out[0].F)) {
				t.Errorf("%s of %v: %v, want %v", name, c.points, out, want)
			}
		}
	}
	alone := promql.Matrix{{Floats: []promql.FPoint{{F: w(2)}}}}
	if out, _ := promql.FunctionCalls["avg_over_time"](nil, alone, nil, &promql.EvalNodeHelper{}); len(out) > 0 {
		t.Errorf("a weight of nothing: %v", out)
	}
	beside := promql.Matrix{{Floats: []promql.FPoint{{F: w(2)}, {F: 1}}, Histograms: []promql.HPoint{{H: &histogram.FloatHistogram{}}}}}
	if out, _ := promql.FunctionCalls["count_over_time"](nil, beside, nil, &promql.EvalNodeHelper{}); len(out) != 1 || out[0].F != 3 {
		t.Errorf("two points and a histogram: %v", out)
	}
}

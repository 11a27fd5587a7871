package metrics

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"testing"
	"time"

	"github.com/prometheus/prometheus/promql"
	"go.opentelemetry.io/collector/pdata/pcommon"
	"go.opentelemetry.io/collector/pdata/pmetric"

	"clew/index"
	"clew/internal/points"
)

// BenchmarkMonth asks the same of thirty days of points every fifteen seconds, half of them gauges, half counters, and of their windows; in segments of six hours each, and what these become.
// It says how many bytes each resolution takes, and how much time a point takes to be down-sampled.
func BenchmarkMonth(b *testing.B) {
	const series, days = 200, 30
	p := newParts(b)
	rng := rand.New(rand.NewPCG(1, 1))
	levels, calls := make([]float64, series/2), make([]int64, series/2)
	var raw, five, hours []index.Part
	var took time.Duration
	total := 0
	for segment := range days * 4 {
		const each = 6 * 240
		m := pmetric.NewMetrics()
		list := m.ResourceMetrics().AppendEmpty().ScopeMetrics().AppendEmpty().Metrics()
		gauge, sum := list.AppendEmpty(), list.AppendEmpty()
		gauge.SetName("load")
		sum.SetName("calls")
		sum.SetEmptySum().SetIsMonotonic(true)
		sum.Sum().SetAggregationTemporality(pmetric.AggregationTemporalityCumulative)
		loads, all := gauge.SetEmptyGauge().DataPoints(), sum.Sum().DataPoints()
		loads.EnsureCapacity(series / 2 * each)
		all.EnsureCapacity(series / 2 * each)
		for k := range series / 2 {
			for i := range each {
				t := pcommon.NewTimestampFromTime(dayStart.Add(time.Duration(segment*each+i+1) * 15 * time.Second))
				levels[k] += float64(rng.IntN(21)-10) / 100
				calls[k] += rng.Int64N(50)
				dp := loads.AppendEmpty()
				dp.Attributes().PutInt("n", int64(k))
				dp.SetTimestamp(t)
				dp.SetDoubleValue(float64(int64(levels[k]*100)) / 100)
				dp = all.AppendEmpty()
				dp.Attributes().PutInt("n", int64(k))
				dp.SetTimestamp(t)
				dp.SetIntValue(calls[k])
			}
		}
		total += series * each
		h := p.head()
		if err := h.Append(m, receivedAt); err != nil {
			b.Fatal(err)
		}
		p.seal(h)
		part := p.sealed[len(p.sealed)-1]
		raw = append(raw, part)
		began := time.Now()
		five = append(five, p.coarser(points.Five, part))
		took += time.Since(began)
		if segment%4 == 3 {
			hours = append(hours, p.coarser(points.Hour, five[len(five)-4:]...))
		}
	}
	end := dayStart.Add(days * 24 * time.Hour)
	bytes := func(all []index.Part) (n int64) {
		for _, p := range all {
			n += p.Info().Bytes
		}
		return n
	}
	b.Logf("%d points; %.2f bytes a point raw, %.3f of 5m (1/%.1f), %.4f of 1h (1/%.0f); %d ns a point to 5m, writing included", total,
		float64(bytes(raw))/float64(total), float64(bytes(five))/float64(total), float64(bytes(raw))/float64(bytes(five)),
		float64(bytes(hours))/float64(total), float64(bytes(raw))/float64(bytes(hours)), took.Nanoseconds()/int64(total))
	engine := promql.NewEngine(promql.EngineOpts{MaxSamples: 500_000_000, Timeout: 5 * time.Minute})
	for _, query := range []string{"sum(rate(calls_total[2h]))", "max(max_over_time(load[2h]))", "avg(load)", "sum(increase(calls_total[1d]))"} {
		for _, c := range []struct {
			name       string
			resolution time.Duration
			parts      []index.Part
		}{{"raw", 0, raw}, {"5m", points.Five, five}, {"1h", points.Hour, hours}} {
			b.Run(fmt.Sprintf("%s/%s", query, c.name), func(b *testing.B) {
				source := &stageSource{partSource: p, cuts: map[time.Duration]time.Time{0: end, points.Five: end}}
				for r := range source.cuts {
					if r >= c.resolution {
						delete(source.cuts, r)
					}
				}
				source.add(c.resolution, false, c.parts...)
				s := storageOf(source)
				var times []time.Duration
				for b.Loop() {
					began := time.Now()
					q, err := engine.NewRangeQuery(b.Context(), s, nil, query, dayStart, end, 5*time.Hour)
					if err != nil {
						b.Fatal(err)
					}
					if res := q.Exec(b.Context()); res.Err != nil {
						b.Fatal(res.Err)
					}
					q.Close()
					times = append(times, time.Since(began))
				}
				slices.Sort(times)
				b.ReportMetric(float64(times[len(times)/2].Microseconds())/1000, "median-ms")
			})
		}
	}
}

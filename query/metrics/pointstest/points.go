// Package pointstest makes metrics for tests: whatever a sender may send, in no order, and the same for the same seed.
package pointstest

import (
	"fmt"
	"math/rand/v2"
	"time"

	"go.opentelemetry.io/collector/pdata/pcommon"
	"go.opentelemetry.io/collector/pdata/pmetric"
)

// Random makes points of all kinds, of few series that are met again and again: in and out of order, late, doubled, stale, with exemplars, with bounds that
// change. A round is 15 seconds after start, and after the one before.
func Random(rnd *rand.Rand, start time.Time, round int) pmetric.Metrics {
	out := pmetric.NewMetrics()
	for range 1 + rnd.IntN(3) {
		rm := out.ResourceMetrics().AppendEmpty()
		rm.Resource().Attributes().PutStr("service.name", "shop")
		rm.Resource().Attributes().PutStr("service.instance.id", fmt.Sprint("i", rnd.IntN(2+round/10)))
		rm.Resource().Attributes().PutStr("zone", fmt.Sprint(round%2))
		sm := rm.ScopeMetrics().AppendEmpty()
		scope := rnd.IntN(2)
		sm.Scope().SetName(fmt.Sprint("scope", scope))
		for range 1 + rnd.IntN(4) {
			m := sm.Metrics().AppendEmpty()
			kind := rnd.IntN(6)
			m.SetName(fmt.Sprint("m", kind))
			for range 1 + rnd.IntN(5) {
				seconds := 15*round - rnd.IntN(3)*rnd.IntN(40)
				// Of two scopes' or resources' points of one moment either may be the one that is seen.
				at := time.Duration(seconds)*time.Second + time.Duration(scope+2*(round%2))*time.Millisecond
				randomPoint(rnd, m, kind, pcommon.NewTimestampFromTime(start.Add(at)))
			}
		}
	}
	return out
}

func randomPoint(rnd *rand.Rand, m pmetric.Metric, kind int, t pcommon.Timestamp) {
	color := fmt.Sprint(rnd.IntN(3))
	flags := pmetric.DefaultDataPointFlags.WithNoRecordedValue(rnd.IntN(50) == 0)
	temporality := pmetric.AggregationTemporalityCumulative
	if kind == 2 {
		temporality = pmetric.AggregationTemporalityDelta
	}
	switch kind {
	case 0, 1, 2:
		randomNumber(rnd, m, kind, temporality, color, t, flags)
	case 3:
		if m.Type() == pmetric.MetricTypeEmpty {
			m.SetEmptyHistogram().SetAggregationTemporality(temporality)
		}
		dp := m.Histogram().DataPoints().AppendEmpty()
		dp.Attributes().PutStr("color", color)
		dp.SetTimestamp(t)
		bounds := []float64{1, 2, 5}
		if rnd.IntN(20) == 0 {
			bounds = append(bounds, float64(10+rnd.IntN(5)))
		}
		dp.ExplicitBounds().FromRaw(bounds)
		for range len(bounds) + 1 {
			n := rnd.Uint64N(9)
			dp.BucketCounts().Append(n)
			dp.SetCount(dp.Count() + n)
		}
		dp.SetSum(rnd.Float64())
		dp.SetFlags(flags)
	case 4:
		if m.Type() == pmetric.MetricTypeEmpty {
			m.SetEmptyExponentialHistogram().SetAggregationTemporality(temporality)
		}
		dp := m.ExponentialHistogram().DataPoints().AppendEmpty()
		dp.Attributes().PutStr("color", color)
		dp.SetTimestamp(t)
		dp.SetScale(int32(rnd.IntN(2)))
		dp.Positive().SetOffset(int32(rnd.IntN(3)))
		dp.Positive().BucketCounts().FromRaw([]uint64{1, rnd.Uint64N(5), 2})
		dp.SetCount(3 + dp.Positive().BucketCounts().At(1))
		dp.SetSum(rnd.Float64())
	default:
		if m.Type() == pmetric.MetricTypeEmpty {
			m.SetEmptySummary()
		}
		dp := m.Summary().DataPoints().AppendEmpty()
		dp.Attributes().PutStr("color", color)
		dp.SetTimestamp(t)
		dp.SetCount(rnd.Uint64N(100))
		for _, q := range []float64{0.5, 0.9, 0.99}[:1+rnd.IntN(3)] {
			v := dp.QuantileValues().AppendEmpty()
			v.SetQuantile(q)
			v.SetValue(rnd.Float64())
		}
	}
}

func randomNumber(
	rnd *rand.Rand, m pmetric.Metric, kind int, temporality pmetric.AggregationTemporality, color string, t pcommon.Timestamp, flags pmetric.DataPointFlags,
) {
	var dps pmetric.NumberDataPointSlice
	if kind == 0 {
		if m.Type() == pmetric.MetricTypeEmpty {
			m.SetEmptyGauge()
		}
		dps = m.Gauge().DataPoints()
	} else {
		if m.Type() == pmetric.MetricTypeEmpty {
			m.SetEmptySum().SetIsMonotonic(true)
		}
		m.Sum().SetAggregationTemporality(temporality)
		dps = m.Sum().DataPoints()
	}
	dp := dps.AppendEmpty()
	dp.Attributes().PutStr("color", color)
	dp.SetTimestamp(t)
	dp.SetIntValue(int64(rnd.IntN(1000)))
	if rnd.IntN(2) == 0 {
		dp.SetDoubleValue(rnd.Float64())
	}
	dp.SetFlags(flags)
	if rnd.IntN(100) == 0 {
		e := dp.Exemplars().AppendEmpty()
		e.SetTimestamp(t)
		e.SetDoubleValue(1)
		e.SetTraceID([16]byte{1})
	}
}

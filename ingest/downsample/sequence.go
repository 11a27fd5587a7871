package downsample

import (
	"math"
	"slices"

	"go.opentelemetry.io/collector/pdata/pmetric"
)

// sequence is the points of a metric, whatever its type.
type sequence interface {
	len() int
	time(i int) int64 // nanoseconds
	stale(i int) bool // a marker of the series' end
	value(i int) float64
	// falls says whether a counter has begun anew between two points, the second of which is the later one.
	falls(from, to int) bool
	exemplars(i int) pmetric.ExemplarSlice
	// copyTo adds a point to a metric of the same type.
	copyTo(i int, m pmetric.Metric)
}

// sequenceOf is nil for a metric without a type.
func sequenceOf(m pmetric.Metric) sequence {
	switch m.Type() {
	case pmetric.MetricTypeGauge:
		return numbers{m.Gauge().DataPoints()}
	case pmetric.MetricTypeSum:
		return numbers{m.Sum().DataPoints()}
	case pmetric.MetricTypeHistogram:
		return explicits{m.Histogram().DataPoints()}
	case pmetric.MetricTypeExponentialHistogram:
		return exponentials{m.ExponentialHistogram().DataPoints()}
	case pmetric.MetricTypeSummary:
		return summaries{m.Summary().DataPoints()}
	}
	return nil
}

type numbers struct {
	all pmetric.NumberDataPointSlice
}

func (s numbers) len() int                              { return s.all.Len() }
func (s numbers) time(i int) int64                      { return int64(s.all.At(i).Timestamp()) }
func (s numbers) exemplars(i int) pmetric.ExemplarSlice { return s.all.At(i).Exemplars() }
func (s numbers) falls(from, to int) bool               { return s.value(to) < s.value(from) }

// stale also knows Prometheus' marker, a NaN of its own.
func (s numbers) stale(i int) bool {
	dp := s.all.At(i)
	const staleNaN = 0x7ff0000000000002
	return dp.Flags().NoRecordedValue() || dp.ValueType() == pmetric.NumberDataPointValueTypeEmpty ||
		dp.ValueType() == pmetric.NumberDataPointValueTypeDouble && math.Float64bits(dp.DoubleValue()) == staleNaN
}

func (s numbers) value(i int) float64 {
	if dp := s.all.At(i); dp.ValueType() == pmetric.NumberDataPointValueTypeInt {
		return float64(dp.IntValue())
	}
	return s.all.At(i).DoubleValue()
}

func (s numbers) copyTo(i int, m pmetric.Metric) {
	if m.Type() == pmetric.MetricTypeSum {
		s.all.At(i).CopyTo(m.Sum().DataPoints().AppendEmpty())
	} else {
		s.all.At(i).CopyTo(m.Gauge().DataPoints().AppendEmpty())
	}
}

type explicits struct {
	all pmetric.HistogramDataPointSlice
}

func (s explicits) len() int                              { return s.all.Len() }
func (s explicits) time(i int) int64                      { return int64(s.all.At(i).Timestamp()) }
func (s explicits) stale(i int) bool                      { return s.all.At(i).Flags().NoRecordedValue() }
func (s explicits) value(i int) float64                   { return float64(s.all.At(i).Count()) }
func (s explicits) exemplars(i int) pmetric.ExemplarSlice { return s.all.At(i).Exemplars() }
func (s explicits) copyTo(i int, m pmetric.Metric) {
	s.all.At(i).CopyTo(m.Histogram().DataPoints().AppendEmpty())
}

// falls is true where any bucket falls, or where the buckets are others. Counts that are bits of doubles compare like these.
func (s explicits) falls(from, to int) bool {
	a, b := s.all.At(from), s.all.At(to)
	return b.Count() < a.Count() || !sameBounds(a, b) || anyFalls(0, a.BucketCounts().AsRaw(), 0, b.BucketCounts().AsRaw())
}

func sameBounds(a, b pmetric.HistogramDataPoint) bool {
	return slices.Equal(a.ExplicitBounds().AsRaw(), b.ExplicitBounds().AsRaw()) && a.BucketCounts().Len() == b.BucketCounts().Len()
}

type exponentials struct {
	all pmetric.ExponentialHistogramDataPointSlice
}

func (s exponentials) len() int         { return s.all.Len() }
func (s exponentials) time(i int) int64 { return int64(s.all.At(i).Timestamp()) }

func (s exponentials) stale(i int) bool                      { return s.all.At(i).Flags().NoRecordedValue() }
func (s exponentials) value(i int) float64                   { return float64(s.all.At(i).Count()) }
func (s exponentials) exemplars(i int) pmetric.ExemplarSlice { return s.all.At(i).Exemplars() }
func (s exponentials) copyTo(i int, m pmetric.Metric) {
	s.all.At(i).CopyTo(m.ExponentialHistogram().DataPoints().AppendEmpty())
}

func (s exponentials) falls(from, to int) bool {
	a, b := s.all.At(from), s.all.At(to)
	falls := func(x, y pmetric.ExponentialHistogramDataPointBuckets) bool {
		return anyFalls(x.Offset(), x.BucketCounts().AsRaw(), y.Offset(), y.BucketCounts().AsRaw())
	}
	return b.Count() < a.Count() || b.ZeroCount() < a.ZeroCount() || !sameScale(a, b) || falls(a.Positive(), b.Positive()) || falls(a.Negative(), b.Negative())
}

func sameScale(a, b pmetric.ExponentialHistogramDataPoint) bool {
	return a.Scale() == b.Scale() && a.ZeroThreshold() == b.ZeroThreshold()
}

// anyFalls compares buckets, the first of which are at these places. What is not there is 0.
func anyFalls(aFirst int32, a []uint64, bFirst int32, b []uint64) bool {
	for i, count := range a {
		at := int64(aFirst) + int64(i) - int64(bFirst)
		if count > 0 && (at < 0 || at >= int64(len(b)) || b[at] < count) {
			return true
		}
	}
	return false
}

type summaries struct {
	all pmetric.SummaryDataPointSlice
}

func (s summaries) len() int                            { return s.all.Len() }
func (s summaries) time(i int) int64                    { return int64(s.all.At(i).Timestamp()) }
func (s summaries) stale(i int) bool                    { return s.all.At(i).Flags().NoRecordedValue() }
func (s summaries) value(i int) float64                 { return float64(s.all.At(i).Count()) }
func (s summaries) falls(from, to int) bool             { return s.all.At(to).Count() < s.all.At(from).Count() }
func (s summaries) exemplars(int) pmetric.ExemplarSlice { return pmetric.NewExemplarSlice() }
func (s summaries) copyTo(i int, m pmetric.Metric) {
	s.all.At(i).CopyTo(m.Summary().DataPoints().AppendEmpty())
}

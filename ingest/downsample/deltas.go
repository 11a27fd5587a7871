package downsample

import (
	"time"

	"go.opentelemetry.io/collector/pdata/pcommon"
	"go.opentelemetry.io/collector/pdata/pmetric"

	"clew/ingest/series"
	"clew/internal/points"
)

// summed sums the deltas of each window. The sum's time is that of the last one; of what clew counts itself (as of chunks of counts), it is the window's end. Deltas that
// don't go together are several sums: of other bounds, of another scale, or of bits of doubles.
func summed(seq sequence, of *shape, width time.Duration) (sequence, *list, error) {
	m := pmetric.NewMetric()
	if err := series.SetType(m, of.typ, of.temporality, of.monotonic); err != nil {
		return nil, nil, err
	}
	out := &list{width: width}
	var w *window
	markers := map[int64]int{} // by the window's end, a marker with nothing behind it
	for _, i := range byTime(seq, numbersTo(seq.len())) {
		end := points.WindowEnd(millis(seq.time(i)), width)
		fresh := w == nil || w.end != end
		w = out.at(end)
		if seq.stale(i) {
			markers[end] = i
			continue
		}
		delete(markers, end)
		if fresh || len(w.points) == 0 || !addTo(m, seq, i) {
			seq.copyTo(i, m)
			w.points = append(w.points, sequenceOf(m).len()-1)
		}
		if of.counted() {
			setTime(m, pcommon.Timestamp(end*nanosPerMilli))
		}
	}
	for k := range out.windows {
		w := &out.windows[k]
		if i, ok := markers[w.end]; ok {
			seq.copyTo(i, m)
			w.points = append(w.points, sequenceOf(m).len()-1)
		}
		// The sum has the exemplars of all.
		for _, p := range w.points {
			if sequenceOf(m).exemplars(p).Len() > 0 {
				w.exemplar = p
			}
		}
	}
	return sequenceOf(m), out, nil
}

// addTo adds a point of seq to the last one of m; false: they don't go together.
func addTo(m pmetric.Metric, seq sequence, i int) bool {
	switch s := seq.(type) {
	case numbers:
		all := sequenceOf(m).(numbers).all
		addNumber(all.At(all.Len()-1), s.all.At(i))
		return true
	case explicits:
		all := m.Histogram().DataPoints()
		return addExplicit(all.At(all.Len()-1), s.all.At(i))
	case exponentials:
		all := m.ExponentialHistogram().DataPoints()
		return addExponential(all.At(all.Len()-1), s.all.At(i))
	}
	return false
}

func setTime(m pmetric.Metric, t pcommon.Timestamp) {
	switch s := sequenceOf(m).(type) {
	case numbers:
		s.all.At(s.len() - 1).SetTimestamp(t)
	case exponentials:
		s.all.At(s.len() - 1).SetTimestamp(t)
	}
}

func addNumber(to, from pmetric.NumberDataPoint) {
	if to.ValueType() == pmetric.NumberDataPointValueTypeInt && from.ValueType() == pmetric.NumberDataPointValueTypeInt {
		to.SetIntValue(to.IntValue() + from.IntValue())
	} else {
		value := func(dp pmetric.NumberDataPoint) float64 {
			if dp.ValueType() == pmetric.NumberDataPointValueTypeInt {
				return float64(dp.IntValue())
			}
			return dp.DoubleValue()
		}
		to.SetDoubleValue(value(to) + value(from))
	}
	to.SetTimestamp(from.Timestamp())
	from.Exemplars().CopyTo(latest(to.Exemplars(), from.Exemplars()))
}

// latest is where exemplars go if there are any; else a place that nobody sees.
func latest(to, from pmetric.ExemplarSlice) pmetric.ExemplarSlice {
	if from.Len() == 0 {
		return pmetric.NewExemplarSlice()
	}
	return to
}

func addExplicit(to, from pmetric.HistogramDataPoint) bool {
	if !sameBounds(to, from) {
		return false
	}
	for i := range to.BucketCounts().Len() {
		to.BucketCounts().SetAt(i, to.BucketCounts().At(i)+from.BucketCounts().At(i))
	}
	addTotals(to, from)
	return true
}

func addExponential(to, from pmetric.ExponentialHistogramDataPoint) bool {
	if !sameScale(to, from) || !fits(to.Positive(), from.Positive()) || !fits(to.Negative(), from.Negative()) {
		return false
	}
	addBuckets(to.Positive(), from.Positive())
	addBuckets(to.Negative(), from.Negative())
	to.SetZeroCount(to.ZeroCount() + from.ZeroCount())
	addTotals(to, from)
	return true
}

// totals are what points of both kinds of histograms say beside their buckets.
type totals interface {
	Count() uint64
	SetCount(v uint64)
	HasSum() bool
	Sum() float64
	SetSum(v float64)
	RemoveSum()
	HasMin() bool
	Min() float64
	SetMin(v float64)
	RemoveMin()
	HasMax() bool
	Max() float64
	SetMax(v float64)
	RemoveMax()
	Timestamp() pcommon.Timestamp
	SetTimestamp(v pcommon.Timestamp)
	Exemplars() pmetric.ExemplarSlice
}

// addTotals adds what is said of all buckets together. What one of the two does not say, the sum does not say.
func addTotals(to, from totals) {
	to.SetCount(to.Count() + from.Count())
	if to.HasSum() && from.HasSum() {
		to.SetSum(to.Sum() + from.Sum())
	} else {
		to.RemoveSum()
	}
	if to.HasMin() && from.HasMin() {
		to.SetMin(min(to.Min(), from.Min()))
	} else {
		to.RemoveMin()
	}
	if to.HasMax() && from.HasMax() {
		to.SetMax(max(to.Max(), from.Max()))
	} else {
		to.RemoveMax()
	}
	to.SetTimestamp(from.Timestamp())
	from.Exemplars().CopyTo(latest(to.Exemplars(), from.Exemplars()))
}

// fits says whether the buckets of both are few enough together.
func fits(a, b pmetric.ExponentialHistogramDataPointBuckets) bool {
	n, m := int64(a.BucketCounts().Len()), int64(b.BucketCounts().Len())
	if n == 0 || m == 0 {
		return true
	}
	from, to := int64(a.Offset()), int64(b.Offset())
	return max(from+n, to+m)-min(from, to) <= bucketsMax
}

func addBuckets(to, from pmetric.ExponentialHistogramDataPointBuckets) {
	n, m := to.BucketCounts().Len(), from.BucketCounts().Len()
	switch {
	case m == 0:
		return
	case n == 0:
		from.CopyTo(to)
		return
	}
	first := min(to.Offset(), from.Offset())
	counts := make([]uint64, max(int(to.Offset()-first)+n, int(from.Offset()-first)+m))
	for i := range n {
		counts[int(to.Offset()-first)+i] += to.BucketCounts().At(i)
	}
	for i := range m {
		counts[int(from.Offset()-first)+i] += from.BucketCounts().At(i)
	}
	to.SetOffset(first)
	to.BucketCounts().FromRaw(counts)
}

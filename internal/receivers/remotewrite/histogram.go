package remotewrite

import (
	"math"

	writev2 "github.com/prometheus/prometheus/prompb/io/prometheus/write/v2"
	"go.opentelemetry.io/collector/pdata/pmetric"

	"clew/internal/points"
	"clew/internal/receivers/way"
)

const (
	schemaCustom               = -53 // bounds are given
	schemaLeast, schemaMost    = -4, 8
	histogramAllocationPerByte = 16 // a varint of a byte becomes a number of eight, in slices that grow
)

// histogram adds a native histogram, whose messages are the same in both versions, but for the start. It says whether there is a point, and where
// exemplars go.
func (b *builder) histogram(r *resource, name string, s *series, message []byte) (exemplars pmetric.ExemplarSlice, ok bool, err error) {
	if err := b.x.Take(histogramAllocationPerByte * int64(len(message))); err != nil {
		return exemplars, false, err
	}
	var h writev2.Histogram
	if err := h.Unmarshal(message); err != nil {
		return exemplars, false, way.Malformed("histogram: %w", err)
	}
	if !inNanos(h.Timestamp) || !inNanos(h.StartTimestamp) {
		b.reject(reasonTime, 1)
		return exemplars, false, nil
	}
	if h.IsFloatHistogram() {
		b.reject(reasonFloats, 1)
		return exemplars, false, nil
	}
	positive, ok1 := unfold(h.PositiveSpans, h.PositiveDeltas)
	negative, ok2 := unfold(h.NegativeSpans, h.NegativeDeltas)
	custom := h.Schema == schemaCustom
	if !ok1 || !ok2 || !custom && (h.Schema < schemaLeast || h.Schema > schemaMost) || custom && !fits(positive, len(h.CustomValues)) {
		b.reject(reasonHistogram, 1)
		return exemplars, false, nil
	}
	if err := b.x.Take(8 * int64(len(positive.counts)+len(negative.counts)+len(h.CustomValues))); err != nil {
		return exemplars, false, err
	}
	if custom {
		return addCustom(r, name, s, &h, positive), true, nil
	}
	return addExponential(r, name, s, &h, positive, negative), true, nil
}

// marks says which kind of native histogram h is.
func marks(h *writev2.Histogram) string {
	if h.ResetHint == writev2.Histogram_RESET_HINT_GAUGE {
		return points.MarkedNative + " " + points.MarkedGauge
	}
	return points.MarkedNative
}

// buckets are counts of consecutive buckets, the first of which has the index first.
type buckets struct {
	first  int32
	counts []uint64
}

// unfold turns spans with gaps, and counts as differences, into buckets.
func unfold(spans []writev2.BucketSpan, deltas []int64) (b buckets, ok bool) {
	var index, count int64
	used := 0
	for i, span := range spans {
		index += int64(span.Offset)
		if i == 0 {
			if index <= math.MinInt32 || index > math.MaxInt32 {
				return b, false
			}
			b.first = int32(index)
		}
		gap := index - int64(b.first) - int64(len(b.counts))
		if gap < 0 || gap+int64(span.Length)+int64(len(b.counts)) > bucketsMax || used+int(span.Length) > len(deltas) {
			return b, false
		}
		b.counts = append(b.counts, make([]uint64, gap)...)
		for _, delta := range deltas[used : used+int(span.Length)] {
			if count += delta; count < 0 {
				return b, false
			}
			b.counts = append(b.counts, uint64(count))
		}
		used += int(span.Length)
		index += int64(span.Length)
	}
	return b, used == len(deltas)
}

// fits says whether custom buckets are within so many bounds: there is one more than bounds, the last has no upper one.
func fits(b buckets, bounds int) bool {
	return bounds <= bucketsMax && b.first >= 0 && int(b.first)+len(b.counts) <= bounds+1
}

func addExponential(r *resource, name string, s *series, h *writev2.Histogram, positive, negative buckets) pmetric.ExemplarSlice {
	m, fresh := r.metric(name, pmetric.MetricTypeExponentialHistogram, s, marks(h))
	if fresh {
		m.SetEmptyExponentialHistogram().SetAggregationTemporality(pmetric.AggregationTemporalityCumulative)
	}
	p := m.ExponentialHistogram().DataPoints().AppendEmpty()
	putLabels(p.Attributes(), s.labels)
	p.SetTimestamp(nanos(h.Timestamp))
	p.SetStartTimestamp(nanos(h.StartTimestamp))
	p.SetScale(h.Schema)
	p.SetCount(h.GetCountInt())
	p.SetSum(h.Sum)
	p.SetZeroCount(h.GetZeroCountInt())
	p.SetZeroThreshold(h.ZeroThreshold)
	// A bucket of Prometheus has the index of its upper bound, OTLP's of its lower one.
	p.Positive().SetOffset(positive.first - 1)
	p.Positive().BucketCounts().FromRaw(positive.counts)
	p.Negative().SetOffset(negative.first - 1)
	p.Negative().BucketCounts().FromRaw(negative.counts)
	if math.Float64bits(h.Sum) == staleBits {
		p.SetFlags(p.Flags().WithNoRecordedValue(true))
	}
	return p.Exemplars()
}

func addCustom(r *resource, name string, s *series, h *writev2.Histogram, b buckets) pmetric.ExemplarSlice {
	m, fresh := r.metric(name, pmetric.MetricTypeHistogram, s, marks(h))
	if fresh {
		m.SetEmptyHistogram().SetAggregationTemporality(pmetric.AggregationTemporalityCumulative)
	}
	p := m.Histogram().DataPoints().AppendEmpty()
	putLabels(p.Attributes(), s.labels)
	p.SetTimestamp(nanos(h.Timestamp))
	p.SetStartTimestamp(nanos(h.StartTimestamp))
	p.SetCount(h.GetCountInt())
	p.SetSum(h.Sum)
	p.ExplicitBounds().FromRaw(h.CustomValues)
	counts := make([]uint64, len(h.CustomValues)+1)
	copy(counts[b.first:], b.counts)
	p.BucketCounts().FromRaw(counts)
	if math.Float64bits(h.Sum) == staleBits {
		p.SetFlags(p.Flags().WithNoRecordedValue(true))
	}
	return p.Exemplars()
}

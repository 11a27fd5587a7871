package metrics

import (
	"fmt"
	"math"
	"slices"

	"github.com/prometheus/prometheus/model/histogram"
	"github.com/prometheus/prometheus/tsdb/chunkenc"
	"go.opentelemetry.io/collector/pdata/pmetric"

	"clew/internal/points"
)

// nativePoint is a point of a native histogram: either h or f is set.
type nativePoint struct {
	t int64 // milliseconds
	h *histogram.Histogram
	f *histogram.FloatHistogram
}

// nativesOf are the points of a row of an exponential histogram, or of one with custom buckets.
func nativesOf(of *base, ref *rowRef, chunk []byte, found *points.Found) (out []nativePoint, err error) {
	defer guard(&err)
	if err := checkRow(ref, chunk); err != nil {
		return nil, err
	}
	if ref.chunk == chunkOTLP {
		return nativesOfOTLP(of, ref, chunk)
	}
	if ref.chunk != chunkHistogram {
		return nil, fmt.Errorf("chunk of kind %d is not of histograms", ref.chunk)
	}
	flags, err := flagsOf(found, int(ref.samples))
	if err != nil {
		return nil, err
	}
	out = make([]nativePoint, 0, ref.samples)
	c := chunkenc.NewHistogramChunk()
	c.Reset(chunk)
	it := c.Iterator(nil)
	for it.Next() == chunkenc.ValHistogram && len(out) < int(ref.samples) {
		t, h := it.AtHistogram(nil)
		out = append(out, of.family.marks.mark(t, h, isStale(flags, len(out))))
	}
	return out, it.Err()
}

// mark makes a point of what a chunk has, as the metric's marks say.
func (m *marks) mark(t int64, h *histogram.Histogram, stale bool) nativePoint {
	switch {
	case stale && m.floats:
		return nativePoint{t: t, f: &histogram.FloatHistogram{Sum: staleNaN}}
	case stale:
		return nativePoint{t: t, h: &histogram.Histogram{Sum: staleNaN}}
	}
	hint := h.CounterResetHint
	switch {
	case m.gauge:
		hint = histogram.GaugeType
	case m.reset:
		hint = histogram.CounterReset
	case hint == histogram.GaugeType:
		hint = histogram.UnknownCounterReset // deltas are kept like gauges
	}
	if !m.floats {
		h.CounterResetHint = hint
		return nativePoint{t: t, h: h}
	}
	f := &histogram.FloatHistogram{
		CounterResetHint: hint, Schema: h.Schema, ZeroThreshold: h.ZeroThreshold, Sum: h.Sum, CustomValues: h.CustomValues,
		Count: math.Float64frombits(h.Count), ZeroCount: math.Float64frombits(h.ZeroCount),
		// All points of a chunk share their spans, which Compact changes.
		PositiveSpans: slices.Clone(h.PositiveSpans), NegativeSpans: slices.Clone(h.NegativeSpans),
		PositiveBuckets: floatsOf(h.PositiveBuckets), NegativeBuckets: floatsOf(h.NegativeBuckets),
	}
	return nativePoint{t: t, f: f.Compact(0)}
}

// floatsOf turns differences of bits into doubles.
func floatsOf(deltas []int64) []float64 {
	out := make([]float64, len(deltas))
	var bits int64
	for i, d := range deltas {
		bits += d
		out[i] = math.Float64frombits(uint64(bits))
	}
	return out
}

func nativesOfOTLP(of *base, ref *rowRef, chunk []byte) ([]nativePoint, error) {
	m, err := metricsOf(ref, chunk)
	if err != nil {
		return nil, err
	}
	out := make([]nativePoint, 0, ref.samples)
	switch m.Type() {
	case pmetric.MetricTypeExponentialHistogram:
		for i := range m.ExponentialHistogram().DataPoints().Len() {
			dp := m.ExponentialHistogram().DataPoints().At(i)
			h, ok := exponential(dp)
			if ok {
				out = append(out, of.family.marks.mark(millis(int64(dp.Timestamp())), h, dp.Flags().NoRecordedValue()))
			}
		}
	case pmetric.MetricTypeHistogram:
		for i := range m.Histogram().DataPoints().Len() {
			dp := m.Histogram().DataPoints().At(i)
			h := &histogram.Histogram{Schema: histogram.CustomBucketsSchema, Count: dp.Count(), Sum: dp.Sum(), CustomValues: dp.ExplicitBounds().AsRaw()}
			h.PositiveSpans, h.PositiveBuckets = nativeBuckets(0, dp.BucketCounts().AsRaw())
			out = append(out, of.family.marks.mark(millis(int64(dp.Timestamp())), h, dp.Flags().NoRecordedValue()))
		}
	default:
		return nil, fmt.Errorf("otlp chunk of a native histogram is of type %v", m.Type())
	}
	return out, nil
}

// exponential makes a native histogram of a point. Finer scales than Prometheus has are made coarser; ok is false for coarser ones, which it has not.
func exponential(dp pmetric.ExponentialHistogramDataPoint) (h *histogram.Histogram, ok bool) {
	if dp.Scale() < histogram.ExponentialSchemaMin {
		return nil, false
	}
	h = &histogram.Histogram{Schema: dp.Scale(), Count: dp.Count(), Sum: dp.Sum(), ZeroCount: dp.ZeroCount(), ZeroThreshold: dp.ZeroThreshold()}
	down := max(0, dp.Scale()-histogram.ExponentialSchemaMax)
	h.Schema -= down
	h.PositiveSpans, h.PositiveBuckets = nativeBuckets(coarser(dp.Positive(), down))
	h.NegativeSpans, h.NegativeBuckets = nativeBuckets(coarser(dp.Negative(), down))
	return h, true
}

// coarser merges buckets until there are 2^down times fewer. first is the index of the first one, as Prometheus counts: OTLP counts from 0 where it counts from 1.
func coarser(b pmetric.ExponentialHistogramDataPointBuckets, down int32) (first int32, counts []uint64) {
	down = min(down, 31)
	n := min(b.BucketCounts().Len(), bucketsMax*16)
	for i := range n {
		at := int32((int64(b.Offset()) + int64(i)) >> down)
		if len(counts) == 0 {
			first = at
		}
		for int(at-first) >= len(counts) {
			counts = append(counts, 0)
		}
		counts[at-first] += b.BucketCounts().At(i)
	}
	return first + 1, counts
}

func nativeBuckets(first int32, counts []uint64) ([]histogram.Span, []int64) {
	if len(counts) == 0 {
		return nil, nil
	}
	deltas := make([]int64, len(counts))
	var last uint64
	for i, c := range counts {
		deltas[i] = int64(c - last)
		last = c
	}
	return []histogram.Span{{Offset: first, Length: uint32(len(counts))}}, deltas
}

// accumulate makes deltas cumulative, from the first point on.
func accumulate(all []nativePoint) []nativePoint {
	var sum *histogram.FloatHistogram
	for i := range all {
		p := &all[i]
		f := p.f
		if f == nil {
			f = p.h.ToFloat(nil)
		}
		if math.Float64bits(f.Sum) == math.Float64bits(staleNaN) {
			continue
		}
		f.CounterResetHint = histogram.UnknownCounterReset
		if sum == nil {
			sum = f.Copy()
		} else if next, _, _, err := sum.Copy().Add(f); err == nil {
			sum = next
		} else {
			sum = f.Copy() // bounds that don't go together: it begins anew
		}
		p.h, p.f = nil, sum.Copy()
	}
	return all
}

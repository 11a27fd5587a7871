package stored

import (
	"fmt"
	"math"
	"slices"

	"github.com/prometheus/prometheus/model/histogram"
	"github.com/prometheus/prometheus/tsdb/chunkenc"
	"go.opentelemetry.io/collector/pdata/pmetric"

	"clew/internal/points"
)

// NativePoint is a point of a native histogram: either h or f is set.
type NativePoint struct {
	T int64 // milliseconds
	H *histogram.Histogram
	F *histogram.FloatHistogram
}

// NativesOf are the points of a row of an exponential histogram, or of one with custom buckets.
func NativesOf(of *Base, ref *Row, chunk []byte, found *points.Found) (out []NativePoint, err error) {
	defer guard(&err)
	if err := CheckRow(ref, chunk); err != nil {
		return nil, err
	}
	if ref.Chunk == ChunkOTLP {
		return nativesOfOTLP(of, ref, chunk)
	}
	if ref.Chunk != ChunkHistogram {
		return nil, fmt.Errorf("chunk of kind %d is not of histograms", ref.Chunk)
	}
	flags, err := flagsOf(found, int(ref.Samples))
	if err != nil {
		return nil, err
	}
	out = make([]NativePoint, 0, ref.Samples)
	c := chunkenc.NewHistogramChunk()
	c.Reset(chunk)
	it := c.Iterator(nil)
	for it.Next() == chunkenc.ValHistogram && len(out) < int(ref.Samples) {
		t, h := it.AtHistogram(nil)
		out = append(out, of.Family.Marks.mark(t, h, isStale(flags, len(out))))
	}
	return out, it.Err()
}

// mark makes a point of what a chunk has, as the metric's marks say.
func (m *Marks) mark(t int64, h *histogram.Histogram, stale bool) NativePoint {
	switch {
	case stale && m.Floats:
		return NativePoint{T: t, F: &histogram.FloatHistogram{Sum: StaleNaN}}
	case stale:
		return NativePoint{T: t, H: &histogram.Histogram{Sum: StaleNaN}}
	}
	hint := h.CounterResetHint
	switch {
	case m.Gauge:
		hint = histogram.GaugeType
	case m.Reset:
		hint = histogram.CounterReset
	case hint == histogram.GaugeType:
		hint = histogram.UnknownCounterReset // deltas are kept like gauges
	}
	if !m.Floats {
		h.CounterResetHint = hint
		return NativePoint{T: t, H: h}
	}
	f := &histogram.FloatHistogram{
		CounterResetHint: hint, Schema: h.Schema, ZeroThreshold: h.ZeroThreshold, Sum: h.Sum, CustomValues: h.CustomValues,
		Count: math.Float64frombits(h.Count), ZeroCount: math.Float64frombits(h.ZeroCount),
		// All points of a chunk share their spans, which Compact changes.
		PositiveSpans: slices.Clone(h.PositiveSpans), NegativeSpans: slices.Clone(h.NegativeSpans),
		PositiveBuckets: floatsOf(h.PositiveBuckets), NegativeBuckets: floatsOf(h.NegativeBuckets),
	}
	return NativePoint{T: t, F: f.Compact(0)}
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

func nativesOfOTLP(of *Base, ref *Row, chunk []byte) ([]NativePoint, error) {
	m, err := MetricsOf(ref, chunk)
	if err != nil {
		return nil, err
	}
	out := make([]NativePoint, 0, ref.Samples)
	switch m.Type() {
	case pmetric.MetricTypeExponentialHistogram:
		for i := range m.ExponentialHistogram().DataPoints().Len() {
			dp := m.ExponentialHistogram().DataPoints().At(i)
			h, ok := exponential(dp)
			if ok {
				out = append(out, of.Family.Marks.mark(Millis(int64(dp.Timestamp())), h, dp.Flags().NoRecordedValue()))
			}
		}
	case pmetric.MetricTypeHistogram:
		for i := range m.Histogram().DataPoints().Len() {
			dp := m.Histogram().DataPoints().At(i)
			h := &histogram.Histogram{Schema: histogram.CustomBucketsSchema, Count: dp.Count(), Sum: dp.Sum(), CustomValues: dp.ExplicitBounds().AsRaw()}
			h.PositiveSpans, h.PositiveBuckets = nativeBuckets(0, dp.BucketCounts().AsRaw())
			out = append(out, of.Family.Marks.mark(Millis(int64(dp.Timestamp())), h, dp.Flags().NoRecordedValue()))
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

// Accumulate makes deltas cumulative, from the first point on.
func Accumulate(all []NativePoint) []NativePoint {
	var sum *histogram.FloatHistogram
	for i := range all {
		p := &all[i]
		f := p.F
		if f == nil {
			f = p.H.ToFloat(nil)
		}
		if math.Float64bits(f.Sum) == math.Float64bits(StaleNaN) {
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
		p.H, p.F = nil, sum.Copy()
	}
	return all
}

// Float is the histogram with counts that are doubles.
func (p *NativePoint) Float() *histogram.FloatHistogram {
	if p.F != nil {
		return p.F
	}
	return p.H.ToFloat(nil)
}

// IsStale says that the series ends here.
func (p *NativePoint) IsStale() bool {
	return math.Float64bits(p.Float().Sum) == math.Float64bits(StaleNaN)
}

package stored

import (
	"fmt"
	"math"
	"slices"

	"github.com/prometheus/prometheus/model/histogram"
	"github.com/prometheus/prometheus/model/value"
	"github.com/prometheus/prometheus/tsdb/chunkenc"
	"go.opentelemetry.io/collector/pdata/pmetric"

	"clew/internal/points"
)

var StaleNaN = math.Float64frombits(value.StaleNaN)

const flagNoValue = 1 // OTLP's flag "no recorded value": the series ends here

// FloatPoint is a point of a series of doubles.
type FloatPoint struct {
	T     int64 // milliseconds
	V     float64
	Start int64 // milliseconds; 0: not known
}

// parts is a point of an explicit histogram or a summary. OTLP's whole counts become doubles as the engine has them.
type MultiPoint struct {
	T      int64
	stale  bool
	hasSum bool
	sum    float64
	count  float64
	bounds []float64 // ascending upper bounds, or quantiles
	Values []float64 // of the buckets, cumulative; or of the quantiles
}

// At is the point's value in a view; ok is false if it has none.
func (p *MultiPoint) At(v View, bound float64) (x float64, ok bool) {
	switch {
	case v == viewSum && !p.hasSum && !p.stale:
		return 0, false
	case v == ViewBucket && !math.IsInf(bound, 1) || v == ViewQuantile:
		i, have := slices.BinarySearch(p.bounds, bound)
		if !have || i >= len(p.Values) {
			return 0, false
		}
		x = p.Values[i]
	case v == viewSum:
		x = p.sum
	default:
		x = p.count
	}
	if p.stale {
		x = StaleNaN
	}
	return x, true
}

// CheckRow says what is wrong with a row before its chunk is decoded.
func CheckRow(ref *Row, chunk []byte) error {
	if ref.Samples < 1 || ref.Samples > SamplesOfRowMax {
		return fmt.Errorf("row of %d points: want 1 to %d", ref.Samples, SamplesOfRowMax)
	}
	if ref.Chunk == ChunkOTLP || ref.Chunk == ChunkCounts {
		return nil
	}
	// Headers: the number of samples, and a byte of flags.
	if len(chunk) < 3 || ref.Chunk == ChunkUnknown {
		return fmt.Errorf("chunk of %d bytes, kind %d", len(chunk), ref.Chunk)
	}
	if n := uint32(chunk[0])<<8 | uint32(chunk[1]); n != ref.Samples {
		return fmt.Errorf("chunk has %d samples, the row %d", n, ref.Samples)
	}
	if ref.Chunk == ChunkHistogram {
		return checkLayout(chunk)
	}
	return nil
}

// flagsOf reads the points' flags; nil: none is set.
func flagsOf(found *points.Found, samples int) ([]uint64, error) {
	if found[points.SectionFlags] == nil {
		return nil, nil
	}
	flags := make([]uint64, samples)
	r := points.Reader{Rest: found[points.SectionFlags]}
	r.Runs(samples, func(i int, v uint64) { flags[i] = v })
	return flags, r.Err
}

func isStale(flags []uint64, i int) bool { return flags != nil && flags[i]&flagNoValue != 0 }

// MetricsOf reads a row that is OTLP.
func MetricsOf(ref *Row, chunk []byte) (pmetric.Metric, error) {
	all, err := (&pmetric.ProtoUnmarshaler{}).UnmarshalMetrics(chunk)
	if err != nil {
		return pmetric.Metric{}, fmt.Errorf("otlp chunk: %w", err)
	}
	if all.MetricCount() != 1 || all.DataPointCount() != int(ref.Samples) {
		return pmetric.Metric{}, fmt.Errorf("otlp chunk has %d points of %d metrics, the row %d", all.DataPointCount(), all.MetricCount(), ref.Samples)
	}
	for i := range all.ResourceMetrics().Len() {
		for j := range all.ResourceMetrics().At(i).ScopeMetrics().Len() {
			if ms := all.ResourceMetrics().At(i).ScopeMetrics().At(j).Metrics(); ms.Len() == 1 {
				return ms.At(0), nil
			}
		}
	}
	return pmetric.Metric{}, fmt.Errorf("otlp chunk has no metric")
}

// NumbersOf are the points of a row of a gauge or a sum.
func NumbersOf(ref *Row, chunk []byte, found *points.Found) (out []FloatPoint, err error) {
	defer guard(&err)
	if err := CheckRow(ref, chunk); err != nil {
		return nil, err
	}
	out = make([]FloatPoint, 0, ref.Samples)
	if ref.Chunk == ChunkOTLP {
		m, err := MetricsOf(ref, chunk)
		if err != nil {
			return nil, err
		}
		var dps pmetric.NumberDataPointSlice
		switch m.Type() {
		case pmetric.MetricTypeGauge:
			dps = m.Gauge().DataPoints()
		case pmetric.MetricTypeSum:
			dps = m.Sum().DataPoints()
		default:
			return nil, fmt.Errorf("otlp chunk of a number is of type %v", m.Type())
		}
		for i := range dps.Len() {
			dp := dps.At(i)
			p := FloatPoint{T: Millis(int64(dp.Timestamp())), V: StaleNaN, Start: Millis(int64(dp.StartTimestamp()))}
			switch {
			case dp.Flags().NoRecordedValue():
			case dp.ValueType() == pmetric.NumberDataPointValueTypeInt:
				p.V = float64(dp.IntValue())
			case dp.ValueType() == pmetric.NumberDataPointValueTypeDouble:
				p.V = dp.DoubleValue()
			}
			out = append(out, p)
		}
		return out, nil
	}
	if ref.Chunk != ChunkXOR2 {
		return nil, fmt.Errorf("chunk of kind %d is not of numbers", ref.Chunk)
	}
	flags, err := flagsOf(found, int(ref.Samples))
	if err != nil {
		return nil, err
	}
	c := chunkenc.NewXOR2Chunk()
	c.Reset(chunk)
	it := c.Iterator(nil)
	for it.Next() == chunkenc.ValFloat {
		t, v := it.At()
		if isStale(flags, len(out)) {
			v = StaleNaN
		}
		out = append(out, FloatPoint{t, v, it.AtST()})
	}
	return out, it.Err()
}

// MultiOf are the points of a row of an explicit histogram or a summary.
func MultiOf(ref *Row, chunk []byte, found *points.Found) (out []MultiPoint, err error) {
	defer guard(&err)
	if err := CheckRow(ref, chunk); err != nil {
		return nil, err
	}
	if ref.Chunk == ChunkOTLP {
		return multiOfOTLP(ref, chunk)
	}
	if ref.Chunk != ChunkHistogram {
		return nil, fmt.Errorf("chunk of kind %d is not of histograms", ref.Chunk)
	}
	flags, err := flagsOf(found, int(ref.Samples))
	if err != nil {
		return nil, err
	}
	has := make([]uint64, ref.Samples)
	if b := found[points.SectionHas]; b != nil {
		r := points.Reader{Rest: b}
		r.Runs(int(ref.Samples), func(i int, v uint64) { has[i] = v })
		if r.Err != nil {
			return nil, r.Err
		}
	} else {
		for i := range has {
			has[i] = points.HasSum
		}
	}
	out = make([]MultiPoint, 0, ref.Samples)
	c := chunkenc.NewHistogramChunk()
	c.Reset(chunk)
	it := c.Iterator(nil)
	h := &histogram.Histogram{}
	for it.Next() == chunkenc.ValHistogram && len(out) < int(ref.Samples) {
		var t int64
		t, h = it.AtHistogram(h)
		i := len(out)
		p := MultiPoint{T: t, stale: isStale(flags, i), hasSum: has[i]&points.HasSum != 0, sum: h.Sum, count: float64(h.Count)}
		if i > 0 && slices.Equal(out[i-1].bounds, h.CustomValues) {
			p.bounds = out[i-1].bounds
		} else {
			p.bounds = finite(slices.Clone(h.CustomValues))
		}
		p.Values = cumulated(h, len(p.bounds))
		out = append(out, p)
	}
	return out, it.Err()
}

// finite are bounds without the last one if that is infinite: count stands for it.
func finite(bounds []float64) []float64 {
	for len(bounds) > 0 && !(bounds[len(bounds)-1] <= math.MaxFloat64) {
		bounds = bounds[:len(bounds)-1]
	}
	return bounds
}

// cumulated are the cumulative counts of a histogram's first n custom buckets.
func cumulated(h *histogram.Histogram, n int) []float64 {
	if len(h.PositiveBuckets) == 0 && h.Count > 0 {
		return nil // a point without buckets
	}
	out := make([]float64, n)
	at, next := 0, 0
	var count int64
	var sum float64
	for _, span := range h.PositiveSpans {
		for range max(0, span.Offset) {
			if at < n {
				out[at] = sum
			}
			at++
		}
		for range span.Length {
			count += h.PositiveBuckets[next]
			next++
			sum += float64(uint64(count))
			if at < n {
				out[at] = sum
			}
			at++
		}
	}
	for ; at < n; at++ {
		out[at] = sum
	}
	return out
}

func multiOfOTLP(ref *Row, chunk []byte) ([]MultiPoint, error) {
	m, err := MetricsOf(ref, chunk)
	if err != nil {
		return nil, err
	}
	out := make([]MultiPoint, 0, ref.Samples)
	switch m.Type() {
	case pmetric.MetricTypeHistogram:
		for i := range m.Histogram().DataPoints().Len() {
			dp := m.Histogram().DataPoints().At(i)
			p := MultiPoint{
				T: Millis(int64(dp.Timestamp())), stale: dp.Flags().NoRecordedValue(), hasSum: dp.HasSum(), sum: dp.Sum(),
				count: float64(dp.Count()), bounds: finite(dp.ExplicitBounds().AsRaw()),
			}
			sum := 0.0
			for b := range min(len(p.bounds), dp.BucketCounts().Len(), bucketsMax) {
				sum += float64(dp.BucketCounts().At(b))
				p.Values = append(p.Values, sum)
			}
			out = append(out, p)
		}
	case pmetric.MetricTypeSummary:
		for i := range m.Summary().DataPoints().Len() {
			dp := m.Summary().DataPoints().At(i)
			p := MultiPoint{T: Millis(int64(dp.Timestamp())), stale: dp.Flags().NoRecordedValue(), hasSum: true, sum: dp.Sum(), count: float64(dp.Count())}
			for q := range min(dp.QuantileValues().Len(), bucketsMax) {
				v := dp.QuantileValues().At(q)
				at, have := slices.BinarySearch(p.bounds, v.Quantile())
				if !have {
					p.bounds = slices.Insert(p.bounds, at, v.Quantile())
					p.Values = slices.Insert(p.Values, at, v.Value())
				}
			}
			out = append(out, p)
		}
	default:
		return nil, fmt.Errorf("otlp chunk of a histogram is of type %v", m.Type())
	}
	return out, nil
}

// EachBounds calls f with the bounds, or quantiles, that a row's points have.
func EachBounds(of *Base, ref *Row, chunk []byte, found *points.Found, f func([]float64)) (err error) {
	defer guard(&err)
	if err := CheckRow(ref, chunk); err != nil {
		return err
	}
	if ref.Chunk == ChunkHistogram { // all points of a chunk have the same
		c := chunkenc.NewHistogramChunk()
		c.Reset(chunk)
		it := c.Iterator(nil)
		if it.Next() == chunkenc.ValHistogram {
			_, h := it.AtHistogram(nil)
			f(finite(h.CustomValues))
		}
		return it.Err()
	}
	all, err := MultiOf(ref, chunk, found)
	for i := range all {
		f(all[i].bounds)
	}
	return err
}

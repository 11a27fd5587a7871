package metrics

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

var staleNaN = math.Float64frombits(value.StaleNaN)

const flagNoValue = 1 // OTLP's flag "no recorded value": the series ends here

// floatPoint is a point of a series of doubles.
type floatPoint struct {
	t     int64 // milliseconds
	v     float64
	start int64 // milliseconds; 0: not known
}

// parts is a point of an explicit histogram or a summary. OTLP's whole counts become doubles as the engine has them.
type multiPoint struct {
	t      int64
	stale  bool
	hasSum bool
	sum    float64
	count  float64
	bounds []float64 // ascending upper bounds, or quantiles
	values []float64 // of the buckets, cumulative; or of the quantiles
}

// at is the point's value in a view; ok is false if it has none.
func (p *multiPoint) at(v view, bound float64) (x float64, ok bool) {
	switch {
	case v == viewSum && !p.hasSum && !p.stale:
		return 0, false
	case v == viewBucket && !math.IsInf(bound, 1) || v == viewQuantile:
		i, have := slices.BinarySearch(p.bounds, bound)
		if !have || i >= len(p.values) {
			return 0, false
		}
		x = p.values[i]
	case v == viewSum:
		x = p.sum
	default:
		x = p.count
	}
	if p.stale {
		x = staleNaN
	}
	return x, true
}

// checkRow says what is wrong with a row before its chunk is decoded.
func checkRow(ref *rowRef, chunk []byte) error {
	if ref.samples < 1 || ref.samples > samplesOfRowMax {
		return fmt.Errorf("row of %d points: want 1 to %d", ref.samples, samplesOfRowMax)
	}
	if ref.chunk == chunkOTLP || ref.chunk == chunkCounts {
		return nil
	}
	// Headers: the number of samples, and a byte of flags.
	if len(chunk) < 3 || ref.chunk == chunkUnknown {
		return fmt.Errorf("chunk of %d bytes, kind %d", len(chunk), ref.chunk)
	}
	if n := uint32(chunk[0])<<8 | uint32(chunk[1]); n != ref.samples {
		return fmt.Errorf("chunk has %d samples, the row %d", n, ref.samples)
	}
	if ref.chunk == chunkHistogram {
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

// metricsOf reads a row that is OTLP.
func metricsOf(ref *rowRef, chunk []byte) (pmetric.Metric, error) {
	all, err := (&pmetric.ProtoUnmarshaler{}).UnmarshalMetrics(chunk)
	if err != nil {
		return pmetric.Metric{}, fmt.Errorf("otlp chunk: %w", err)
	}
	if all.MetricCount() != 1 || all.DataPointCount() != int(ref.samples) {
		return pmetric.Metric{}, fmt.Errorf("otlp chunk has %d points of %d metrics, the row %d", all.DataPointCount(), all.MetricCount(), ref.samples)
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

// numbersOf are the points of a row of a gauge or a sum.
func numbersOf(ref *rowRef, chunk []byte, found *points.Found) (out []floatPoint, err error) {
	defer guard(&err)
	if err := checkRow(ref, chunk); err != nil {
		return nil, err
	}
	out = make([]floatPoint, 0, ref.samples)
	if ref.chunk == chunkOTLP {
		m, err := metricsOf(ref, chunk)
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
			p := floatPoint{t: millis(int64(dp.Timestamp())), v: staleNaN, start: millis(int64(dp.StartTimestamp()))}
			switch {
			case dp.Flags().NoRecordedValue():
			case dp.ValueType() == pmetric.NumberDataPointValueTypeInt:
				p.v = float64(dp.IntValue())
			case dp.ValueType() == pmetric.NumberDataPointValueTypeDouble:
				p.v = dp.DoubleValue()
			}
			out = append(out, p)
		}
		return out, nil
	}
	if ref.chunk != chunkXOR2 {
		return nil, fmt.Errorf("chunk of kind %d is not of numbers", ref.chunk)
	}
	flags, err := flagsOf(found, int(ref.samples))
	if err != nil {
		return nil, err
	}
	c := chunkenc.NewXOR2Chunk()
	c.Reset(chunk)
	it := c.Iterator(nil)
	for it.Next() == chunkenc.ValFloat {
		t, v := it.At()
		if isStale(flags, len(out)) {
			v = staleNaN
		}
		out = append(out, floatPoint{t, v, it.AtST()})
	}
	return out, it.Err()
}

// multiOf are the points of a row of an explicit histogram or a summary.
func multiOf(ref *rowRef, chunk []byte, found *points.Found) (out []multiPoint, err error) {
	defer guard(&err)
	if err := checkRow(ref, chunk); err != nil {
		return nil, err
	}
	if ref.chunk == chunkOTLP {
		return multiOfOTLP(ref, chunk)
	}
	if ref.chunk != chunkHistogram {
		return nil, fmt.Errorf("chunk of kind %d is not of histograms", ref.chunk)
	}
	flags, err := flagsOf(found, int(ref.samples))
	if err != nil {
		return nil, err
	}
	has := make([]uint64, ref.samples)
	if b := found[points.SectionHas]; b != nil {
		r := points.Reader{Rest: b}
		r.Runs(int(ref.samples), func(i int, v uint64) { has[i] = v })
		if r.Err != nil {
			return nil, r.Err
		}
	} else {
		for i := range has {
			has[i] = points.HasSum
		}
	}
	out = make([]multiPoint, 0, ref.samples)
	c := chunkenc.NewHistogramChunk()
	c.Reset(chunk)
	it := c.Iterator(nil)
	h := &histogram.Histogram{}
	for it.Next() == chunkenc.ValHistogram && len(out) < int(ref.samples) {
		var t int64
		t, h = it.AtHistogram(h)
		i := len(out)
		p := multiPoint{t: t, stale: isStale(flags, i), hasSum: has[i]&points.HasSum != 0, sum: h.Sum, count: float64(h.Count)}
		if i > 0 && slices.Equal(out[i-1].bounds, h.CustomValues) {
			p.bounds = out[i-1].bounds
		} else {
			p.bounds = finite(slices.Clone(h.CustomValues))
		}
		p.values = cumulated(h, len(p.bounds))
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

func multiOfOTLP(ref *rowRef, chunk []byte) ([]multiPoint, error) {
	m, err := metricsOf(ref, chunk)
	if err != nil {
		return nil, err
	}
	out := make([]multiPoint, 0, ref.samples)
	switch m.Type() {
	case pmetric.MetricTypeHistogram:
		for i := range m.Histogram().DataPoints().Len() {
			dp := m.Histogram().DataPoints().At(i)
			p := multiPoint{
				t: millis(int64(dp.Timestamp())), stale: dp.Flags().NoRecordedValue(), hasSum: dp.HasSum(), sum: dp.Sum(),
				count: float64(dp.Count()), bounds: finite(dp.ExplicitBounds().AsRaw()),
			}
			sum := 0.0
			for b := range min(len(p.bounds), dp.BucketCounts().Len(), bucketsMax) {
				sum += float64(dp.BucketCounts().At(b))
				p.values = append(p.values, sum)
			}
			out = append(out, p)
		}
	case pmetric.MetricTypeSummary:
		for i := range m.Summary().DataPoints().Len() {
			dp := m.Summary().DataPoints().At(i)
			p := multiPoint{t: millis(int64(dp.Timestamp())), stale: dp.Flags().NoRecordedValue(), hasSum: true, sum: dp.Sum(), count: float64(dp.Count())}
			for q := range min(dp.QuantileValues().Len(), bucketsMax) {
				v := dp.QuantileValues().At(q)
				at, have := slices.BinarySearch(p.bounds, v.Quantile())
				if !have {
					p.bounds = slices.Insert(p.bounds, at, v.Quantile())
					p.values = slices.Insert(p.values, at, v.Value())
				}
			}
			out = append(out, p)
		}
	default:
		return nil, fmt.Errorf("otlp chunk of a histogram is of type %v", m.Type())
	}
	return out, nil
}

// eachBounds calls f with the bounds, or quantiles, that a row's points have.
func eachBounds(of *base, ref *rowRef, chunk []byte, found *points.Found, f func([]float64)) (err error) {
	defer guard(&err)
	if err := checkRow(ref, chunk); err != nil {
		return err
	}
	if ref.chunk == chunkHistogram { // all points of a chunk have the same
		c := chunkenc.NewHistogramChunk()
		c.Reset(chunk)
		it := c.Iterator(nil)
		if it.Next() == chunkenc.ValHistogram {
			_, h := it.AtHistogram(nil)
			f(finite(h.CustomValues))
		}
		return it.Err()
	}
	all, err := multiOf(ref, chunk, found)
	for i := range all {
		f(all[i].bounds)
	}
	return err
}

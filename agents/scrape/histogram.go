package scrape

import (
	"encoding/hex"
	"errors"
	"fmt"
	"math"
	"slices"

	dto "github.com/prometheus/client_model/go"
	"go.opentelemetry.io/collector/pdata/pcommon"
	"go.opentelemetry.io/collector/pdata/pmetric"
)

var errFloatHistogram = errors.New("a histogram of floating-point counts, which OTLP has no room for")

// isNative says whether a histogram has native buckets, or none at all with a resolution of its own.
func isNative(h *dto.Histogram) bool {
	return len(h.GetPositiveSpan()) > 0 || len(h.GetNegativeSpan()) > 0 || h.GetZeroThreshold() > 0 || h.GetZeroCount() > 0 || h.GetZeroCountFloat() > 0
}

// classic fills a point with buckets that have bounds. Prometheus's counts include those of the buckets below, OTLP's don't.
func classic(p pmetric.HistogramDataPoint, h *dto.Histogram) error {
	buckets := slices.Clone(h.GetBucket())
	slices.SortFunc(buckets, func(a, b *dto.Bucket) int {
		if a.GetUpperBound() < b.GetUpperBound() {
			return -1
		}
		return 1
	})
	if h.GetSampleCountFloat() > 0 {
		return errFloatHistogram
	}
	var below uint64
	for _, b := range buckets {
		if math.IsNaN(b.GetUpperBound()) || b.GetCumulativeCountFloat() > 0 {
			return errFloatHistogram
		}
		if math.IsInf(b.GetUpperBound(), 1) {
			continue // it is the count
		}
		if b.GetCumulativeCount() < below {
			return fmt.Errorf("the bucket up to %v counts less than the one below it", b.GetUpperBound())
		}
		p.ExplicitBounds().Append(b.GetUpperBound())
		p.BucketCounts().Append(b.GetCumulativeCount() - below)
		below = b.GetCumulativeCount()
		exemplar(p.Exemplars, b.GetExemplar())
	}
	if h.GetSampleCount() < below {
		return errors.New("the count is less than that of its buckets")
	}
	p.BucketCounts().Append(h.GetSampleCount() - below)
	p.SetCount(h.GetSampleCount())
	p.SetSum(h.GetSampleSum())
	return nil
}

// native fills a point with exponential buckets.
func native(p pmetric.ExponentialHistogramDataPoint, h *dto.Histogram) error {
	if h.GetSampleCountFloat() > 0 || len(h.GetPositiveCount())+len(h.GetNegativeCount()) > 0 {
		return errFloatHistogram
	}
	const schemaLeast, schemaMost = -4, 8
	if h.GetSchema() < schemaLeast || h.GetSchema() > schemaMost {
		return fmt.Errorf("schema %d: want %d to %d", h.GetSchema(), schemaLeast, schemaMost)
	}
	p.SetScale(h.GetSchema())
	p.SetCount(h.GetSampleCount())
	p.SetSum(h.GetSampleSum())
	p.SetZeroCount(h.GetZeroCount())
	p.SetZeroThreshold(h.GetZeroThreshold())
	if err := unfold(p.Positive(), h.GetPositiveSpan(), h.GetPositiveDelta()); err != nil {
		return err
	}
	if err := unfold(p.Negative(), h.GetNegativeSpan(), h.GetNegativeDelta()); err != nil {
		return err
	}
	for _, e := range h.GetExemplars() {
		exemplar(p.Exemplars, e)
	}
	return nil
}

// unfold turns spans with gaps, and counts as differences, into consecutive buckets.
func unfold(to pmetric.ExponentialHistogramDataPointBuckets, spans []*dto.BucketSpan, deltas []int64) error {
	var counts []uint64
	var first, index, count int64
	used := 0
	for i, span := range spans {
		index += int64(span.GetOffset())
		if i == 0 {
			first = index
		}
		gap := index - first - int64(len(counts))
		if gap < 0 || gap+int64(span.GetLength())+int64(len(counts)) > bucketsMax || used+int(span.GetLength()) > len(deltas) {
			return fmt.Errorf("spans of buckets that do not fit, or are more than %d", bucketsMax)
		}
		counts = append(counts, make([]uint64, gap)...)
		for _, delta := range deltas[used : used+int(span.GetLength())] {
			if count += delta; count < 0 {
				return errors.New("a bucket counts less than nothing")
			}
			counts = append(counts, uint64(count))
		}
		used += int(span.GetLength())
		index += int64(span.GetLength())
	}
	if used != len(deltas) || first <= math.MinInt32 || first > math.MaxInt32 {
		return errors.New("spans of buckets that do not fit")
	}
	to.SetOffset(int32(first) - 1) // a bucket of Prometheus has the index of its upper bound, OTLP's of its lower one
	to.BucketCounts().FromRaw(counts)
	return nil
}

// exemplar adds one. Its trace is its own field in OTLP.
func exemplar(to func() pmetric.ExemplarSlice, e *dto.Exemplar) {
	if e == nil {
		return
	}
	x := to().AppendEmpty()
	x.SetDoubleValue(e.GetValue())
	if t := e.GetTimestamp(); t.IsValid() {
		x.SetTimestamp(pcommon.NewTimestampFromTime(t.AsTime()))
	}
	for _, l := range e.GetLabel() {
		raw, err := hex.DecodeString(l.GetValue())
		switch {
		case l.GetName() == "trace_id" && err == nil && len(raw) == 16:
			x.SetTraceID(pcommon.TraceID(raw))
		case l.GetName() == "span_id" && err == nil && len(raw) == 8:
			x.SetSpanID(pcommon.SpanID(raw))
		default:
			x.FilteredAttributes().PutStr(l.GetName(), l.GetValue())
		}
	}
}

package quota

import (
	"encoding/binary"
	"math"

	"github.com/cespare/xxhash/v2"
	"go.opentelemetry.io/collector/pdata/pcommon"
	"go.opentelemetry.io/collector/pdata/pmetric"

	"clew/internal/telemetry"
)

// points counts a resource's data points.
func points(rm pmetric.ResourceMetrics) int {
	n := 0
	for _, sm := range rm.ScopeMetrics().All() {
		for _, m := range sm.Metrics().All() {
			n += telemetry.DataPoints(m)
		}
	}
	return n
}

// series removes the points of series beyond the tenant's bound.
func (e *entry) series(md pmetric.Metrics) {
	for _, rm := range md.ResourceMetrics().All() {
		resource := hashAttributes(rm.Resource().Attributes())
		for _, sm := range rm.ScopeMetrics().All() {
			scope := resource*31 + xxhash.Sum64String(sm.Scope().Name())
			for _, m := range sm.Metrics().All() {
				e.seriesOf(m, scope*31+xxhash.Sum64String(m.Name()))
			}
		}
	}
}

// seriesOf removes a metric's points of series that the tenant may not have. hash is of what its points have in common.
func (e *entry) seriesOf(m pmetric.Metric, hash uint64) {
	beyond := func(attributes pcommon.Map) bool {
		if e.tenant.Series(hash*31+hashAttributes(attributes), e.now) {
			return false
		}
		e.reject(ReasonSeries, 1)
		return true
	}
	switch m.Type() {
	case pmetric.MetricTypeGauge:
		m.Gauge().DataPoints().RemoveIf(func(p pmetric.NumberDataPoint) bool { return beyond(p.Attributes()) })
	case pmetric.MetricTypeSum:
		m.Sum().DataPoints().RemoveIf(func(p pmetric.NumberDataPoint) bool { return beyond(p.Attributes()) })
	case pmetric.MetricTypeHistogram:
		m.Histogram().DataPoints().RemoveIf(func(p pmetric.HistogramDataPoint) bool { return beyond(p.Attributes()) })
	case pmetric.MetricTypeExponentialHistogram:
		m.ExponentialHistogram().DataPoints().RemoveIf(func(p pmetric.ExponentialHistogramDataPoint) bool { return beyond(p.Attributes()) })
	case pmetric.MetricTypeSummary:
		m.Summary().DataPoints().RemoveIf(func(p pmetric.SummaryDataPoint) bool { return beyond(p.Attributes()) })
	case pmetric.MetricTypeEmpty:
	}
}

// hashAttributes is the same whatever the order of the attributes.
func hashAttributes(m pcommon.Map) uint64 {
	var sum uint64
	for key, v := range m.All() {
		sum += mix(xxhash.Sum64String(key) ^ mix(hashValue(v)))
	}
	return sum
}

func hashValue(v pcommon.Value) uint64 {
	number := func(kind byte, bits uint64) uint64 {
		var b [9]byte
		b[0] = kind
		binary.LittleEndian.PutUint64(b[1:], bits)
		return xxhash.Sum64(b[:])
	}
	switch v.Type() {
	case pcommon.ValueTypeStr:
		return xxhash.Sum64String(v.Str())
	case pcommon.ValueTypeInt:
		return number('i', uint64(v.Int()))
	case pcommon.ValueTypeDouble:
		return number('d', math.Float64bits(v.Double()))
	}
	return xxhash.Sum64String(v.AsString())
}

// mix spreads a hash's bits, so that sums of hashes do not cancel.
func mix(h uint64) uint64 {
	h ^= h >> 32
	h *= 0x9fb21c651e98df25
	return h ^ h>>29
}

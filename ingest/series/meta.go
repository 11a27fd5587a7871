package series

import (
	"fmt"

	"go.opentelemetry.io/collector/pdata/pcommon"
	"go.opentelemetry.io/collector/pdata/pmetric"

	"clew/internal/points"
	"clew/internal/telemetry"
)

// typeNames are the values of the type column.
var typeNames = map[pmetric.MetricType]string{
	pmetric.MetricTypeGauge:                "gauge",
	pmetric.MetricTypeSum:                  "sum",
	pmetric.MetricTypeHistogram:            "histogram",
	pmetric.MetricTypeExponentialHistogram: "exponential_histogram",
	pmetric.MetricTypeSummary:              "summary",
}

// temporalityNames are the values of the temporality column; a number stands for one that is not known.
var temporalityNames = map[pmetric.AggregationTemporality]string{
	pmetric.AggregationTemporalityUnspecified: "unspecified",
	pmetric.AggregationTemporalityDelta:       "delta",
	pmetric.AggregationTemporalityCumulative:  "cumulative",
}

// meta is what the points of a metric share.
type meta struct {
	set         uint32 // number of the resource and scope
	kind        pmetric.MetricType
	temporality pmetric.AggregationTemporality
	monotonic   bool
	name        string
	unit        string
	description string
	metadata    string // telemetry.AppendMap's text, or empty
}

// metric writes the key of a metric.
func (w *keyWriter) metric(set uint32, m pmetric.Metric) {
	w.reset()
	temporality, monotonic := pmetric.AggregationTemporalityUnspecified, false
	switch m.Type() {
	case pmetric.MetricTypeSum:
		temporality, monotonic = m.Sum().AggregationTemporality(), m.Sum().IsMonotonic()
	case pmetric.MetricTypeHistogram:
		temporality = m.Histogram().AggregationTemporality()
	case pmetric.MetricTypeExponentialHistogram:
		temporality = m.ExponentialHistogram().AggregationTemporality()
	}
	writeMeta(w, set, m.Type(), temporality, monotonic, m.Name(), m.Unit(), m.Description())
	if m.Metadata().Len() > 0 {
		text, _ := telemetry.AppendMap(nil, m.Metadata())
		w.buf = append(w.buf, text...)
	}
}

// writeMeta writes the key of a metric without metadata.
func writeMeta[T string | []byte](w *keyWriter, set uint32, kind pmetric.MetricType, temporality pmetric.AggregationTemporality, monotonic bool, name, unit, description T) {
	w.uint(uint64(set))
	w.buf = append(w.buf, byte(kind))
	w.uint(uint64(uint32(temporality)))
	w.buf = append(w.buf, 0)
	if monotonic {
		w.buf[len(w.buf)-1] = 1
	}
	for _, text := range [...]T{name, unit, description} {
		w.uint(uint64(len(text)))
		w.buf = append(w.buf, text...)
	}
}

// readMeta reads a metric's key back.
func readMeta(key []byte) (m meta, err error) {
	r := points.Reader{Rest: key}
	m.set = uint32(r.Uint())
	m.kind = pmetric.MetricType(r.Byte())
	m.temporality = pmetric.AggregationTemporality(int32(uint32(r.Uint())))
	m.monotonic = r.Byte() == 1
	m.name, m.unit, m.description = r.Text(), r.Text(), r.Text()
	m.metadata = string(r.Rest)
	return m, r.Err
}

// temporalityName is the value of the temporality column, or empty for kinds that have none.
func (m *meta) temporalityName() string {
	switch m.kind {
	case pmetric.MetricTypeGauge, pmetric.MetricTypeSummary:
		return ""
	}
	if name, ok := temporalityNames[m.temporality]; ok {
		return name
	}
	return fmt.Sprint(int32(m.temporality))
}

// set writes the key of a resource and scope.
func (w *keyWriter) set(rm pmetric.ResourceMetrics, sm pmetric.ScopeMetrics) {
	w.reset()
	w.string(rm.SchemaUrl())
	w.uint(uint64(rm.Resource().DroppedAttributesCount()))
	w.attributes(rm.Resource().Attributes())
	w.string(sm.SchemaUrl())
	w.string(sm.Scope().Name())
	w.string(sm.Scope().Version())
	w.uint(uint64(sm.Scope().DroppedAttributesCount()))
	w.attributes(sm.Scope().Attributes())
}

// readSet reads a resource and scope back into empty ones.
func readSet(key []byte, res pcommon.Resource, scope pcommon.InstrumentationScope) (resURL, scopeURL string, err error) {
	r := points.Reader{Rest: key}
	resURL = r.Text()
	res.SetDroppedAttributesCount(uint32(r.Uint()))
	if err := r.Attributes(res.Attributes()); err != nil {
		return "", "", err
	}
	scopeURL = r.Text()
	scope.SetName(r.Text())
	scope.SetVersion(r.Text())
	scope.SetDroppedAttributesCount(uint32(r.Uint()))
	if err := r.Attributes(scope.Attributes()); err != nil {
		return "", "", err
	}
	return resURL, scopeURL, r.Err
}

package remotewrite

import (
	"math"
	"strings"

	"go.opentelemetry.io/collector/pdata/pcommon"
	"go.opentelemetry.io/collector/pdata/pmetric"

	"clew/internal/points"
	"clew/internal/receivers/way"
)

// Reasons for which samples are rejected while others of the request are kept.
const (
	reasonName      = "empty_name"
	reasonTime      = "malformed_time"
	reasonHistogram = "malformed_histogram"
	reasonFloats    = "float_histogram" // OTLP counts in whole numbers
	reasonExemplar  = "exemplar_without_sample"
)

// counts is what was passed on, by kind.
type counts struct{ samples, histograms, exemplars int }

// builder makes metrics of series.
type builder struct {
	x        *way.Exchange
	version2 bool
	metrics  pmetric.Metrics
	written  counts
	rejected int

	resources map[resourceKey]*resource
	last      map[uint64]pmetric.ExemplarSlice // of each series' last point, by identity
	orphans   []orphan
}

type resourceKey struct{ job, instance string }

// resource is a job's instance, with its metrics by name and type.
type resource struct {
	metrics pmetric.MetricSlice
	byKey   map[metricKey]pmetric.Metric
}

type metricKey struct {
	name      string
	kind      pmetric.MetricType
	typ       metricType
	histogram string // points.MarkHistogram
}

func newBuilder(x *way.Exchange) *builder {
	return &builder{x: x, resources: map[resourceKey]*resource{}}
}

func (b *builder) reject(reason string, n int) {
	b.x.Reject(reason, n)
	b.rejected += n
}

// staleBits is the value that Prometheus writes where a series ends.
const staleBits = 0x7ff0000000000002

// add adds a series' points.
func (b *builder) add(s *series) error {
	var key resourceKey
	name := ""
	for _, l := range s.labels {
		switch l.name {
		case "__name__":
			name = l.value
		case "job":
			key.job = l.value
		case "instance":
			key.instance = l.value
		}
	}
	if name == "" {
		b.reject(reasonName, max(len(s.samples)+len(s.histograms), 1))
		return nil
	}
	// What follows makes points that have been accounted for, each with the series' labels.
	if err := b.x.Take(metricCost + pairCost*int64(len(s.labels))*int64(len(s.samples)+len(s.histograms))); err != nil {
		return err
	}
	r := b.resource(key)
	var exemplars pmetric.ExemplarSlice
	points := 0
	for _, v := range s.samples {
		if !inNanos(v.millis) || !inNanos(v.startsAt) {
			b.reject(reasonTime, 1)
			continue
		}
		p := r.number(name, s)
		putLabels(p.Attributes(), s.labels)
		p.SetTimestamp(nanos(v.millis))
		p.SetStartTimestamp(nanos(v.startsAt))
		p.SetDoubleValue(v.value)
		if math.Float64bits(v.value) == staleBits {
			p.SetFlags(p.Flags().WithNoRecordedValue(true))
		}
		exemplars = p.Exemplars()
		points++
		b.written.samples++
	}
	for _, message := range s.histograms {
		es, ok, err := b.histogram(r, name, s, message)
		if err != nil {
			return err
		}
		if ok {
			exemplars = es
			points++
			b.written.histograms++
		}
	}
	if points == 0 {
		return b.wait(s)
	}
	b.lastPoint(s, exemplars)
	for _, e := range s.exemplars {
		b.exemplar(exemplars, e)
	}
	return nil
}

func (b *builder) exemplar(to pmetric.ExemplarSlice, e exemplar) {
	if !inNanos(e.millis) {
		b.x.Drop(reasonTime, 1)
		return
	}
	out := to.AppendEmpty()
	out.SetTimestamp(nanos(e.millis))
	out.SetDoubleValue(e.value)
	for _, l := range e.labels {
		switch l.name {
		case "trace_id", "traceID":
			if id, ok := way.TraceID(l.value); ok {
				out.SetTraceID(id)
				continue
			}
		case "span_id", "spanID":
			if id, ok := way.SpanID(l.value); ok {
				out.SetSpanID(id)
				continue
			}
		}
		out.FilteredAttributes().PutStr(l.name, l.value)
	}
	b.written.exemplars++
}

// resource finds or makes the resource of a job's instance. A job "shop/cart" is the service cart of the namespace shop, as exporters write it.
func (b *builder) resource(key resourceKey) *resource {
	if r := b.resources[key]; r != nil {
		return r
	}
	rm := b.metrics.ResourceMetrics().AppendEmpty()
	attributes := rm.Resource().Attributes()
	if key.job != "" {
		service := key.job
		if namespace, name, ok := strings.Cut(key.job, "/"); ok && namespace != "" && name != "" {
			attributes.PutStr("service.namespace", namespace)
			service = name
		}
		attributes.PutStr("service.name", service)
	}
	if key.instance != "" {
		attributes.PutStr("service.instance.id", key.instance)
	}
	r := &resource{metrics: rm.ScopeMetrics().AppendEmpty().Metrics(), byKey: map[metricKey]pmetric.Metric{}}
	b.resources[key] = r
	return r
}

// typeNames are the metric types of both versions by their numbers.
var typeNames = []string{"unknown", "counter", "gauge", "histogram", "gaugehistogram", "summary", "info", "stateset"}

// metric finds or makes the metric; fresh says which. Its metadata say that it was Prometheus', so that it keeps its names when it is asked for, and which kind of
// native histogram it was, if it is one.
func (r *resource) metric(name string, kind pmetric.MetricType, s *series, histogram string) (m pmetric.Metric, fresh bool) {
	typ := s.kind
	if typ >= metricType(len(typeNames)) {
		typ = 0
	}
	key := metricKey{name, kind, typ, histogram}
	if m, ok := r.byKey[key]; ok {
		return m, false
	}
	m = r.metrics.AppendEmpty()
	m.SetName(name)
	m.SetDescription(s.help)
	m.SetUnit(s.unit)
	m.Metadata().PutStr(points.MarkType, typeNames[typ])
	if histogram != "" {
		m.Metadata().PutStr(points.MarkHistogram, histogram)
	}
	r.byKey[key] = m
	return m, true
}

// number adds a point to a counter or a gauge.
func (r *resource) number(name string, s *series) pmetric.NumberDataPoint {
	if s.kind == typeCounter {
		m, fresh := r.metric(name, pmetric.MetricTypeSum, s, "")
		if fresh {
			sum := m.SetEmptySum()
			sum.SetIsMonotonic(true)
			sum.SetAggregationTemporality(pmetric.AggregationTemporalityCumulative)
		}
		return m.Sum().DataPoints().AppendEmpty()
	}
	m, fresh := r.metric(name, pmetric.MetricTypeGauge, s, "")
	if fresh {
		m.SetEmptyGauge()
	}
	return m.Gauge().DataPoints().AppendEmpty()
}

// putLabels puts the labels that are not the resource's or the name.
func putLabels(to pcommon.Map, labels []label) {
	to.EnsureCapacity(len(labels))
	for _, l := range labels {
		switch l.name {
		case "__name__", "job", "instance":
		default:
			to.PutStr(l.name, l.value)
		}
	}
}

func inNanos(millis int64) bool { return millis >= 0 && millis <= math.MaxInt64/1_000_000 }

func nanos(millis int64) pcommon.Timestamp { return pcommon.Timestamp(millis) * 1_000_000 }

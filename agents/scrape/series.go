package scrape

import (
	"strings"
	"time"

	"github.com/prometheus/common/model"
	"github.com/prometheus/prometheus/model/labels"
	"go.opentelemetry.io/collector/pdata/pcommon"
	"go.opentelemetry.io/collector/pdata/pmetric"

	"clew/agents/origin"
)

// kind is what a series becomes in OTLP.
type kind uint8

const (
	gauge kind = iota
	counter
	histogram
	exponential
	summary
)

// series is what is remembered of one between scrapes: whether it was there, and for cumulative ones since when they count.
type series struct {
	name    string
	kind    kind
	labels  labels.Labels
	start   pcommon.Timestamp
	value   float64 // of a counter; the count of the others
	seen    uint64  // the number of the scrape that had it last
	first   uint64  // and of the one that had it first
	stamped bool    // it states its own times: nobody can tell when it is gone
}

// history is a target's series.
type history struct {
	scrapes uint64
	series  map[uint64]*series // by the hash of kind, name and labels
}

// see finds or remembers a series, and says whether it is new to the target, and whether it was seen in this scrape already.
func (h *history) see(name string, k kind, ls labels.Labels) (s *series, added, twice bool) {
	key := ls.Hash()*31 + uint64(k) // ls has the name
	s = h.series[key]
	if s == nil {
		if h.series == nil {
			h.series = map[uint64]*series{}
		}
		s = &series{name: name, kind: k, labels: ls, first: h.scrapes}
		h.series[key] = s
		added = true
	}
	twice = s.seen == h.scrapes
	s.seen = h.scrapes
	return s, added, twice
}

// since is from when a cumulative series counts: as it says itself, or else since it was first seen, or began anew.
func (s *series) since(created pcommon.Timestamp, value float64, at pcommon.Timestamp) pcommon.Timestamp {
	switch {
	case created > 0 && created <= at:
		s.start = created
	case s.start == 0 || value < s.value:
		s.start = at
	}
	s.value = value
	return s.start
}

// undo forgets the series that came with the last scrape, which nobody has heard of.
func (h *history) undo() {
	for key, s := range h.series {
		if s.first == h.scrapes {
			delete(h.series, key)
		}
	}
	h.scrapes++
}

// gone forgets the series that the last scrape did not have, and returns those of which others should hear.
func (h *history) gone() (list []*series) {
	for key, s := range h.series {
		if s.seen == h.scrapes {
			continue
		}
		delete(h.series, key)
		if !s.stamped {
			list = append(list, s)
		}
	}
	return list
}

// batch is a scrape as OTLP: resources by job and instance, which series of a gateway may state themselves.
type batch struct {
	metrics   pmetric.Metrics
	resources map[resourceKey]*resource
	at        pcommon.Timestamp
	url       string
}

type resourceKey struct{ job, instance string }

type resource struct {
	pmetric.ResourceMetrics
	metrics map[metricKey]pmetric.Metric
}

type metricKey struct {
	name string
	kind kind
}

func newBatch(url string, at time.Time) *batch {
	return &batch{metrics: pmetric.NewMetrics(), resources: map[resourceKey]*resource{}, at: pcommon.NewTimestampFromTime(at), url: url}
}

// resource is a job's instance. A job "shop/cart" is the service cart of the namespace shop, as exporters write it.
func (b *batch) resource(ls labels.Labels) *resource {
	key := resourceKey{ls.Get(model.JobLabel), ls.Get(model.InstanceLabel)}
	if r := b.resources[key]; r != nil {
		return r
	}
	r := &resource{ResourceMetrics: b.metrics.ResourceMetrics().AppendEmpty(), metrics: map[metricKey]pmetric.Metric{}}
	b.resources[key] = r
	a := r.Resource().Attributes()
	if namespace, name, ok := strings.Cut(key.job, "/"); ok && namespace != "" && name != "" {
		a.PutStr("service.namespace", namespace)
		a.PutStr("service.name", name)
	} else if key.job != "" {
		a.PutStr("service.name", key.job)
	}
	if key.instance != "" {
		a.PutStr("service.instance.id", key.instance)
	}
	r.ScopeMetrics().AppendEmpty().Scope().SetName(origin.ScrapeScope)
	return r
}

// metric finds or makes the metric of a series. fresh says that it was made.
func (b *batch) metric(s *series) (m pmetric.Metric, fresh bool) {
	r := b.resource(s.labels)
	key := metricKey{s.name, s.kind}
	if m, ok := r.metrics[key]; ok {
		return m, false
	}
	m = r.ScopeMetrics().At(0).Metrics().AppendEmpty()
	m.SetName(s.name)
	switch s.kind {
	case counter:
		sum := m.SetEmptySum()
		sum.SetIsMonotonic(true)
		sum.SetAggregationTemporality(pmetric.AggregationTemporalityCumulative)
	case histogram:
		m.SetEmptyHistogram().SetAggregationTemporality(pmetric.AggregationTemporalityCumulative)
	case exponential:
		m.SetEmptyExponentialHistogram().SetAggregationTemporality(pmetric.AggregationTemporalityCumulative)
	case summary:
		m.SetEmptySummary()
	case gauge:
		m.SetEmptyGauge()
	}
	r.metrics[key] = m
	return m, true
}

// put writes a series' labels as attributes; name, job and instance are elsewhere.
func put(to pcommon.Map, ls labels.Labels) {
	ls.Range(func(l labels.Label) {
		if l.Name != model.MetricNameLabel && l.Name != model.JobLabel && l.Name != model.InstanceLabel {
			to.PutStr(l.Name, l.Value)
		}
	})
}

// end says of a series that it is gone: a point without a value, as Prometheus's staleness marker is in OTLP.
func (b *batch) end(s *series) {
	m, _ := b.metric(s)
	flags := pmetric.DefaultDataPointFlags.WithNoRecordedValue(true)
	switch s.kind {
	case counter, gauge:
		var points pmetric.NumberDataPointSlice
		if s.kind == counter {
			points = m.Sum().DataPoints()
		} else {
			points = m.Gauge().DataPoints()
		}
		p := points.AppendEmpty()
		p.SetTimestamp(b.at)
		p.SetStartTimestamp(s.start)
		p.SetFlags(flags)
		put(p.Attributes(), s.labels)
	case histogram:
		p := m.Histogram().DataPoints().AppendEmpty()
		p.SetTimestamp(b.at)
		p.SetStartTimestamp(s.start)
		p.SetFlags(flags)
		put(p.Attributes(), s.labels)
	case exponential:
		p := m.ExponentialHistogram().DataPoints().AppendEmpty()
		p.SetTimestamp(b.at)
		p.SetStartTimestamp(s.start)
		p.SetFlags(flags)
		put(p.Attributes(), s.labels)
	case summary:
		p := m.Summary().DataPoints().AppendEmpty()
		p.SetTimestamp(b.at)
		p.SetStartTimestamp(s.start)
		p.SetFlags(flags)
		put(p.Attributes(), s.labels)
	}
}

// number adds a point of a gauge or counter.
func (b *batch) number(s *series, value float64, at pcommon.Timestamp) pmetric.NumberDataPoint {
	m, _ := b.metric(s)
	var p pmetric.NumberDataPoint
	if s.kind == counter {
		p = m.Sum().DataPoints().AppendEmpty()
		p.SetStartTimestamp(s.start)
	} else {
		p = m.Gauge().DataPoints().AppendEmpty()
	}
	p.SetTimestamp(at)
	p.SetDoubleValue(value)
	put(p.Attributes(), s.labels)
	return p
}

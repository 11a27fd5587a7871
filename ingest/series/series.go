package series

import (
	"slices"
	"sort"

	"go.opentelemetry.io/collector/pdata/pmetric"

	"clew/internal/points"
)

// row is points of one series and time range that take no more. Its contents never change.
type row struct {
	series  uint32
	before  int32 // as series.latest, of the series' row before it
	kind    string
	min     int64 // ordering time, nanoseconds
	max     int64
	stated  int64 // the first point's own time, if min and max are when it was received; else 0
	samples int
	chunk   []byte
	extra   []byte
}

// rowBytes is what a row takes beside chunk and extra.
const rowBytes = 120

// series is one series' points that are not in a row yet. Exactly one of the pointers is set, as the metric's kind asks.
type series struct {
	meta     uint32
	latest   int32 // 1 + the place in Head.rows of the last row of its points; 0: there is none
	observed int64 // when the first of the points was received, for points of the future; else 0

	numbers    *numbers
	histograms *histograms
	summaries  *summaries
}

// points is how many points are not in a row yet.
func (s *series) points() int {
	switch {
	case s.numbers != nil:
		return len(s.numbers.times)
	case s.histograms != nil:
		return len(s.histograms.times)
	case s.summaries != nil:
		return s.summaries.points.Len()
	}
	return 0
}

// rows makes rows of the points that are not in one yet, without changing them.
func (s *series) rows(number uint32, m *meta) ([]row, error) {
	var out []row
	var err error
	switch {
	case s.numbers != nil:
		out, err = s.numbers.sorted().rows(m)
	case s.histograms != nil:
		out, err = s.histograms.sorted().rows(m)
	case s.summaries != nil:
		out, err = s.summaries.rows(m)
	}
	for i := range out {
		out[i].series = number
		if s.observed != 0 {
			out[i].stated = out[i].min
			out[i].min, out[i].max = s.observed, s.observed
		}
		if m.metadata != "" {
			out[i].extra = points.AppendSection(out[i].extra, points.SectionMetadata, []byte(m.metadata))
		}
	}
	return out, err
}

// clear forgets the points, which are in rows now.
func (s *series) clear() {
	if s.numbers != nil {
		// Times and values are used again; the rest is rare, and may be referred to by readers of exemplars.
		p := s.numbers
		*p = numbers{common: common{times: p.times[:0]}, values: p.values[:0]}
	}
	if s.histograms != nil {
		*s.histograms = histograms{exponential: s.histograms.exponential, known: s.histograms.known}
	}
	if s.summaries != nil {
		known := s.summaries.known
		s.summaries = newSummaries()
		s.summaries.known = known
	}
	s.observed = 0
}

// order is the permutation that sorts times, or nil if they are in order. Points of the same time keep their order.
func (c *common) order() []int {
	if slices.IsSorted(c.times) {
		return nil
	}
	out := make([]int, len(c.times))
	for i := range out {
		out[i] = i
	}
	sort.SliceStable(out, func(i, j int) bool { return c.times[out[i]] < c.times[out[j]] })
	return out
}

// permuted returns c in another order.
func (c *common) permuted(order []int) common {
	out := common{times: make([]int64, len(order))}
	place := make([]int, len(order))
	for to, from := range order {
		out.times[to] = c.times[from]
		out.starts.add(to, c.starts.at(from))
		out.flags.add(to, c.flags.at(from))
		place[from] = to
	}
	for _, e := range c.exemplars {
		out.exemplars = append(out.exemplars, pointExemplars{place[e.point], e.data})
	}
	slices.SortFunc(out.exemplars, func(a, b pointExemplars) int { return a.point - b.point })
	return out
}

// sorted returns the points in the order of time.
func (p *numbers) sorted() *numbers {
	order := p.order()
	if order == nil {
		return p
	}
	out := &numbers{common: p.permuted(order), values: make([]uint64, len(order))}
	for to, from := range order {
		out.values[to] = p.values[from]
		out.types.add(to, p.types.at(from))
	}
	return out
}

// sorted returns the points in the order of time.
func (p *histograms) sorted() *histograms {
	order := p.order()
	if order == nil {
		return p
	}
	out := &histograms{common: p.permuted(order), exponential: p.exponential, points: make([]histogramPoint, len(order))}
	for to, from := range order {
		out.points[to] = p.points[from]
	}
	return out
}

// rows makes one row.
func (p *numbers) rows(m *meta) ([]row, error) {
	n := len(p.times)
	if n == 0 {
		return nil, nil
	}
	out := row{kind: points.ChunkXOR2, min: p.times[0], max: p.times[n-1], samples: n}
	var ok bool
	if out.chunk, out.extra, ok = p.encode(nil); !ok {
		metrics, metric := m.empty()
		points := metric.Gauge().DataPoints
		if m.kind == pmetric.MetricTypeSum {
			points = metric.Sum().DataPoints
		}
		if err := p.appendTo(points()); err != nil {
			return nil, err
		}
		if err := out.setOTLP(metrics); err != nil {
			return nil, err
		}
	}
	return []row{out}, nil
}

// rows makes as many rows as chunks are needed.
func (p *histograms) rows(m *meta) ([]row, error) {
	var out []row
	gauge := m.temporality != pmetric.AggregationTemporalityCumulative
	for first := 0; first < len(p.times); {
		chunk, extra, n, ok := p.encode(first, gauge, nil)
		r := row{kind: points.ChunkHistogram, min: p.times[first], max: p.times[first+n-1], samples: n, chunk: chunk, extra: extra}
		if !ok {
			metrics, metric := m.empty()
			if err := p.part(first, n).appendTo(metric); err != nil {
				return nil, err
			}
			if err := r.setOTLP(metrics); err != nil {
				return nil, err
			}
		}
		out = append(out, r)
		first += n
	}
	return out, nil
}

// empty makes a metric of the kind without points.
func (m *meta) empty() (pmetric.Metrics, pmetric.Metric) {
	metrics := pmetric.NewMetrics()
	metric := metrics.ResourceMetrics().AppendEmpty().ScopeMetrics().AppendEmpty().Metrics().AppendEmpty()
	setKind(metric, m.kind)
	return metrics, metric
}

// setKind makes metric one of a kind, without points.
func setKind(metric pmetric.Metric, kind pmetric.MetricType) {
	switch kind {
	case pmetric.MetricTypeGauge:
		metric.SetEmptyGauge()
	case pmetric.MetricTypeSum:
		metric.SetEmptySum()
	case pmetric.MetricTypeHistogram:
		metric.SetEmptyHistogram()
	case pmetric.MetricTypeExponentialHistogram:
		metric.SetEmptyExponentialHistogram()
	case pmetric.MetricTypeSummary:
		metric.SetEmptySummary()
	}
}

// setOTLP makes the row's chunk an OTLP message.
func (r *row) setOTLP(m pmetric.Metrics) (err error) {
	r.kind, r.extra = points.ChunkOTLP, nil
	r.chunk, err = (&pmetric.ProtoMarshaler{}).MarshalMetrics(m)
	return err
}

// bytes estimates the memory of the points that are not in a row yet.
func (s *series) bytes() int64 {
	switch {
	case s.numbers != nil:
		return s.numbers.bytes()
	case s.histograms != nil:
		return s.histograms.held
	case s.summaries != nil:
		return s.summaries.held
	}
	return 0
}

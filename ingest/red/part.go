package red

import (
	"context"
	"math"
	"slices"

	"go.opentelemetry.io/collector/pdata/pcommon"
	"go.opentelemetry.io/collector/pdata/pmetric"

	"clew/index"
	"clew/ingest/series"
	"clew/internal/points"
	"clew/internal/telemetry"
)

// Names of the metrics, and of what tells their series apart, as OTLP has them. Those of spans are the Collector's spanmetrics connector's, so that
// dashboards made for it work.
const (
	spanMetric = "traces.span.metrics.duration"
	spanName   = "span.name"
	spanKind   = "span.kind"
	statusCode = "status.code"

	logMetric   = "clew.log.records"
	logSeverity = "severity"
	logTemplate = "template"

	scopeName = "clew/ingest/red"
)

// Part is what has been counted, as rows of metrics; nil if that is nothing.
func (t *Tally) Part(ctx context.Context) (index.Part, error) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.part != nil || len(t.series) == 0 {
		return t.part, nil
	}
	head := series.New(t.id+"-counts", t.tenant, t.shard)
	for _, s := range t.sorted() {
		if err := ctx.Err(); err != nil {
			return nil, err
		}
		if err := t.rowsOf(head, s); err != nil {
			return nil, err
		}
	}
	part, err := head.Snapshot(ctx)
	if err != nil {
		return nil, err
	}
	t.part = part
	return part, nil
}

// sorted are the series in the order of their labels, so that the same records make the same rows.
func (t *Tally) sorted() []*counter {
	compare := func(a, b uint32) int {
		switch x, y := t.labels[a], t.labels[b]; {
		case x < y:
			return -1
		case x > y:
			return 1
		}
		return 0
	}
	out := slices.Clone(t.series)
	slices.SortFunc(out, func(a, b *counter) int {
		for _, c := range [...]int{compare(a.service, b.service), compare(a.name, b.name), compare(a.kind, b.kind), compare(a.status, b.status)} {
			if c != 0 {
				return c
			}
		}
		return 0
	})
	return out
}

// rowsOf makes rows of a series, encoded as what they are: buckets.
func (t *Tally) rowsOf(head *series.Head, s *counter) error {
	m, attributes, _ := t.shape(s)
	histograms := t.signal == telemetry.Spans
	for chunk := range slices.Chunk(s.cells, rowSamples) {
		r := series.Ready{
			ChunkKind: points.ChunkCounts, First: chunk[0].end(), Last: chunk[len(chunk)-1].end(), Samples: len(chunk),
			Chunk: points.CountsHeader(Width.Milliseconds(), histograms, scale),
		}
		last := int64(0)
		var count points.Count
		for i := range chunk {
			c := &chunk[i]
			count.Count, count.Zero, count.Sum, count.Buckets = uint64(c.count), uint64(c.zero), c.sum, count.Buckets[:0]
			for _, b := range c.buckets {
				count.Buckets = append(count.Buckets, points.CountBucket{Index: int32(b.index), Count: uint64(b.count)})
			}
			r.Chunk = points.AppendCount(r.Chunk, &count, c.n+1, last, histograms)
			last = c.n + 1
			if best := s.bestAt(c.n); best.stands(c) {
				es := pmetric.NewExemplarSlice()
				best.appendTo(es, t.signal)
				r.Exemplars = append(r.Exemplars, series.ReadyExemplars{Point: i, Exemplars: es})
			}
		}
		r.Chunk = slices.Clip(r.Chunk)
		if err := head.AppendReady(m, attributes, &r); err != nil {
			return err
		}
	}
	return nil
}

// metrics are points of a series, as OTLP has them: those of cells, which are by their numbers. last is the latest's time.
func (t *Tally) metrics(s *counter, cells []cell) (out pmetric.Metrics, last int64) {
	out, attributes, m := t.shape(s)
	var add func(*cell, pcommon.Timestamp) pmetric.ExemplarSlice
	if t.signal == telemetry.Spans {
		add = histogramOf(m, attributes, cells)
	} else {
		add = sumOf(m, attributes)
	}
	for i := range cells {
		c := &cells[i]
		last = c.end()
		es := add(c, pcommon.Timestamp(last))
		if best := s.bestAt(c.n); best.stands(c) {
			best.appendTo(es, t.signal)
		}
	}
	return out, last
}

// shape is the metric of a series, without points, and its attributes.
func (t *Tally) shape(s *counter) (out pmetric.Metrics, attributes pcommon.Map, m pmetric.Metric) {
	out = pmetric.NewMetrics()
	rm := out.ResourceMetrics().AppendEmpty()
	if s.service != 0 {
		rm.Resource().Attributes().PutStr(serviceName, t.labels[s.service])
	}
	sm := rm.ScopeMetrics().AppendEmpty()
	sm.Scope().SetName(scopeName)
	m = sm.Metrics().AppendEmpty()
	m.Metadata().PutStr(points.MarkCounts, Width.String())
	attributes = pcommon.NewMap()
	put := func(key string, code uint32) {
		if code != 0 {
			attributes.PutStr(key, t.labels[code])
		}
	}
	if t.signal == telemetry.Spans {
		put(spanName, s.name)
		put(spanKind, s.kind)
		put(statusCode, s.status)
		m.SetName(spanMetric)
		m.SetUnit("s")
		m.SetDescription("Durations of spans, by operation")
		m.SetEmptyExponentialHistogram().SetAggregationTemporality(pmetric.AggregationTemporalityDelta)
		return out, attributes, m
	}
	put(logSeverity, s.kind)
	put(logTemplate, s.name)
	m.SetName(logMetric)
	m.SetDescription("Log records, by template")
	sum := m.SetEmptySum()
	sum.SetIsMonotonic(true)
	sum.SetAggregationTemporality(pmetric.AggregationTemporalityDelta)
	return out, attributes, m
}

// end is the time of a bucket's point, in nanoseconds.
func (c *cell) end() int64 { return (c.n + 1) * int64(Width) }

// stands says whether the exemplar is that of a bucket.
func (e *exemplar) stands(c *cell) bool { return e != nil && e.at != 0 && e.n == c.n }

// histogramOf makes all points of a series have the same buckets: a chunk is encoded anew where they change, and an empty one takes a bit.
func histogramOf(m pmetric.Metric, attributes pcommon.Map, cells []cell) func(*cell, pcommon.Timestamp) pmetric.ExemplarSlice {
	h := m.ExponentialHistogram()
	first, last := int16(math.MaxInt16), int16(math.MinInt16)
	for i := range cells {
		c := &cells[i]
		if n := len(c.buckets); n > 0 {
			first, last = min(first, c.buckets[0].index), max(last, c.buckets[n-1].index)
		}
	}
	return func(c *cell, at pcommon.Timestamp) pmetric.ExemplarSlice {
		p := h.DataPoints().AppendEmpty()
		attributes.CopyTo(p.Attributes())
		p.SetTimestamp(at)
		p.SetScale(scale)
		p.SetCount(uint64(c.count))
		p.SetZeroCount(uint64(c.zero))
		p.SetSum(float64(c.sum) / 1e9)
		if first <= last {
			counts := make([]uint64, int(last-first)+1)
			for _, b := range c.buckets {
				counts[b.index-first] = uint64(b.count)
			}
			p.Positive().SetOffset(int32(first))
			p.Positive().BucketCounts().FromRaw(counts)
		}
		return p.Exemplars()
	}
}

func sumOf(m pmetric.Metric, attributes pcommon.Map) func(*cell, pcommon.Timestamp) pmetric.ExemplarSlice {
	sum := m.Sum()
	return func(c *cell, at pcommon.Timestamp) pmetric.ExemplarSlice {
		p := sum.DataPoints().AppendEmpty()
		attributes.CopyTo(p.Attributes())
		p.SetTimestamp(at)
		p.SetIntValue(int64(c.count))
		return p.Exemplars()
	}
}

func (e *exemplar) appendTo(es pmetric.ExemplarSlice, signal telemetry.Signal) {
	x := es.AppendEmpty()
	x.SetTimestamp(pcommon.Timestamp(e.at))
	x.SetTraceID(pcommon.TraceID(e.trace))
	x.SetSpanID(pcommon.SpanID(e.span))
	if signal == telemetry.Spans {
		x.SetDoubleValue(float64(e.value) / 1e9)
	} else {
		x.SetIntValue(1)
	}
}

// Package series turns metric points into rows: one row is one series in one time range.
//
// The log keeps metrics as the OTLP they came in. A segment of single points would repeat a series' labels for each, so the head gathers the
// points of each series and compresses them: to a chunk of Prometheus' encodings, which PromQL reads as it is, and an extra column for
// what those can't say (extra.go). What neither can say stays OTLP. Every chunk is decoded again when it is made and compared with the
// points, so a row gives back exactly what was sent.
//
// Labels are columns as in logs: attributes of the point, the scope and the resource.
package series

import (
	"context"
	"fmt"
	"math"
	"sync"
	"sync/atomic"
	"time"

	"go.opentelemetry.io/collector/pdata/pcommon"
	"go.opentelemetry.io/collector/pdata/pmetric"

	"clew/index"
	"clew/index/table"
	"clew/index/vocabulary"
	"clew/internal/telemetry"
)

// Head gathers the points of one tenant and shard. One goroutine may call Append; all other methods are safe for concurrent use.
type Head struct {
	id     string
	tenant string
	shard  int

	points atomic.Int64
	bytes  atomic.Int64

	mu      sync.Mutex
	sets    *vocabulary.Interner // of keys of resources and scopes
	metas   *vocabulary.Interner // of keys of metrics
	keys    *vocabulary.Interner // of keys of series
	series  []series             // by the code of the key
	rows    []row                // complete
	pending int64                // bytes of points that are not in a row yet
	done    int64                // bytes of rows
	key     keyWriter
	part    index.Part // of the points so far, if it has been asked for
	wire    *wire      // of AppendOTLP; nil before the first

	// What Live needs.
	number    uint64
	live      *Live    // of the points so far, if it has been asked for
	counts    []uint32 // of each series, its points
	reshaped  []uint32 // series of which a point had bounds or quantiles that were new to it
	low, high int64    // the first and the last time
}

// New returns an empty head. id must be unique in the process, like a table's.
func New(id, tenant string, shard int) *Head {
	return &Head{
		id: id, tenant: tenant, shard: shard,
		sets: vocabulary.NewInterner(), metas: vocabulary.NewInterner(), keys: vocabulary.NewInterner(),
		number: heads.Add(1), low: math.MaxInt64, high: math.MinInt64,
	}
}

// Points is the number of points appended.
func (h *Head) Points() int { return int(h.points.Load()) }

// Bytes estimates the memory held.
func (h *Head) Bytes() int64 { return h.bytes.Load() }

// Series is the number of series.
func (h *Head) Series() int {
	h.mu.Lock()
	defer h.mu.Unlock()
	return len(h.series)
}

// Append adds all points of m, which is not kept. now is when they were received: the time of points that have none, and the ordering time
// of points further than an hour ahead of it. It fails before anything is added if the head is full (*table.FullError).
func (h *Head) Append(m pmetric.Metrics, now time.Time) error {
	if have := h.Bytes(); have > headBytesMax {
		return fmt.Errorf("append to metrics head: %w", &table.FullError{ID: h.id, Bytes: have})
	}
	h.mu.Lock()
	defer h.mu.Unlock()
	h.part, h.live = nil, nil
	in := h.appender(now)
	if err := in.all(m); err != nil {
		return fmt.Errorf("append to metrics head: %w", err)
	}
	h.appended(&in)
	return nil
}

// appended notes what an appender has added.
func (h *Head) appended(a *appender) {
	h.points.Add(a.count)
	bytes := h.sets.Bytes() + h.metas.Bytes() + h.keys.Bytes() + int64(seriesBytes*cap(h.series)) + int64(rowBytes*cap(h.rows)) + h.pending + h.done
	if h.wire != nil {
		bytes += h.wire.bytes()
	}
	h.bytes.Store(bytes)
}

// seriesBytes is what a series takes in Head.series and Head.counts.
const seriesBytes = 48

// pointsBytes is what the first point of a series allocates beside the point.
const pointsBytes = 240

// appender is one call of Append.
type appender struct {
	*Head
	now, future int64
	set         uint32
	meta        uint32
	count       int64
}

func (h *Head) appender(now time.Time) appender {
	return appender{Head: h, now: now.UnixNano(), future: now.Add(futureMax).UnixNano()}
}

// all adds all points of m.
func (a *appender) all(m pmetric.Metrics) error {
	for i := range m.ResourceMetrics().Len() {
		rm := m.ResourceMetrics().At(i)
		for j := range rm.ScopeMetrics().Len() {
			sm := rm.ScopeMetrics().At(j)
			a.key.set(rm, sm)
			a.set, _ = a.sets.Intern(a.key.buf)
			for k := range sm.Metrics().Len() {
				if err := a.metric(sm.Metrics().At(k)); err != nil {
					return err
				}
			}
		}
	}
	return nil
}

func (a *appender) metric(m pmetric.Metric) error {
	a.key.metric(a.set, m)
	a.meta, _ = a.metas.Intern(a.key.buf)
	switch m.Type() {
	case pmetric.MetricTypeGauge:
		return a.numbers(m.Gauge().DataPoints())
	case pmetric.MetricTypeSum:
		return a.numbers(m.Sum().DataPoints())
	case pmetric.MetricTypeHistogram:
		points := m.Histogram().DataPoints()
		for i := range points.Len() {
			dp := points.At(i)
			s, t := a.find(dp.Attributes(), dp.Timestamp())
			p := a.histograms(s, false)
			was := p.held
			reshaped := p.addExplicit(dp, &a.key)
			p.times[len(p.times)-1] = t
			a.reshape(s, reshaped)
			if err := a.added(s, was, histogramSamplesMax); err != nil {
				return err
			}
		}
	case pmetric.MetricTypeExponentialHistogram:
		points := m.ExponentialHistogram().DataPoints()
		for i := range points.Len() {
			dp := points.At(i)
			s, t := a.find(dp.Attributes(), dp.Timestamp())
			p := a.histograms(s, true)
			was := p.held
			p.addExponential(dp, &a.key)
			p.times[len(p.times)-1] = t
			if err := a.added(s, was, histogramSamplesMax); err != nil {
				return err
			}
		}
	case pmetric.MetricTypeSummary:
		points := m.Summary().DataPoints()
		for i := range points.Len() {
			dp := points.At(i)
			s, t := a.find(dp.Attributes(), dp.Timestamp())
			p := a.series[s].summaries
			if p == nil {
				p = newSummaries()
				a.series[s].summaries = p
			}
			was := p.held
			a.reshape(s, p.add(dp))
			p.points.At(p.points.Len() - 1).SetTimestamp(pcommon.Timestamp(t))
			if err := a.added(s, was, histogramSamplesMax); err != nil {
				return err
			}
		}
	}
	return nil
}

func (a *appender) numbers(points pmetric.NumberDataPointSlice) error {
	for i := range points.Len() {
		dp := points.At(i)
		s, t := a.find(dp.Attributes(), dp.Timestamp())
		n, exemplars := numberOf(dp, &a.key)
		n.time = t
		if err := a.number(s, &n, exemplars); err != nil {
			return err
		}
	}
	return nil
}

// number adds a point of series s.
func (a *appender) number(s uint32, n *number, exemplars []byte) error {
	p := a.series[s].numbers
	if p == nil {
		p = &numbers{}
		a.series[s].numbers = p
		a.pending += pointsBytes
	}
	was := p.bytes()
	p.add(n, exemplars)
	return a.added(s, was, samplesMax)
}

func (a *appender) histograms(s uint32, exponential bool) *histograms {
	p := a.series[s].histograms
	if p == nil {
		p = &histograms{exponential: exponential}
		a.series[s].histograms = p
		a.pending += pointsBytes
	}
	return p
}

// find returns the series of a point and the point's time.
func (a *appender) find(attributes pcommon.Map, stated pcommon.Timestamp) (s uint32, t int64) {
	t, head := a.place(stated)
	a.key.reset()
	a.key.uint(head)
	a.key.attributes(attributes)
	s, added := a.keys.Intern(a.key.buf)
	if added {
		a.series = append(a.series, series{meta: a.meta})
		a.counts = append(a.counts, 0)
	}
	a.seen(s, t)
	return s, t
}

// place is a point's time, and what its series' key begins with: points of the future, or beyond the year 2262, are series of their own.
func (a *appender) place(stated pcommon.Timestamp) (t int64, head uint64) {
	t = int64(stated)
	if t == 0 {
		t = a.now
	}
	head = uint64(a.meta) << 1
	if a.ahead(t) {
		head |= 1
	}
	return t, head
}

func (a *appender) ahead(t int64) bool { return t > a.future || t < 0 }

// seen notes the time of a point of series s.
func (a *appender) seen(s uint32, t int64) {
	a.low, a.high = min(a.low, t), max(a.high, t)
	if a.ahead(t) && a.series[s].observed == 0 {
		a.series[s].observed = a.now
	}
}

// added counts a point of series s, whose points took was bytes before it, and makes a row when there are enough.
func (a *appender) added(s uint32, was int64, most int) error {
	a.count++
	a.counts[s]++
	sr := &a.series[s]
	a.pending += sr.bytes() - was
	if sr.points() < most {
		return nil
	}
	m, err := a.metaOf(sr.meta)
	if err != nil {
		return err
	}
	rows, err := sr.rows(s, &m)
	if err != nil {
		return err
	}
	was = sr.bytes()
	sr.clear()
	a.pending += sr.bytes() - was
	for _, r := range rows {
		a.done += int64(cap(r.chunk) + cap(r.extra))
		r.before = sr.latest
		a.rows = append(a.rows, r)
		sr.latest = int32(len(a.rows))
	}
	return nil
}

// metaOf reads a metric's key.
func (h *Head) metaOf(code uint32) (meta, error) {
	return readMeta(h.metas.At(code))
}

// Snapshot returns the points so far as a part, for readers of what is not sealed. It is made when asked for after an Append, which takes as long as
// Rows; the part does not change.
func (h *Head) Snapshot(ctx context.Context) (index.Part, error) {
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.part != nil {
		return h.part, nil
	}
	b, err := h.rowsLocked(ctx)
	if err != nil {
		return nil, err
	}
	defer b.Release()
	t := table.New(h.id, telemetry.Metrics, h.tenant, h.shard)
	if err := t.Append(b, nil); err != nil {
		return nil, fmt.Errorf("metrics head: %w", err)
	}
	h.part = t.Snapshot()
	return h.part, nil
}

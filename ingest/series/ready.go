package series

import (
	"encoding/binary"
	"fmt"
	"math"

	"go.opentelemetry.io/collector/pdata/pcommon"
	"go.opentelemetry.io/collector/pdata/pmetric"

	"clew/internal/points"
)

// Ready is a row whose maker has encoded it.
type Ready struct {
	ChunkKind   string
	First, Last int64 // times of its points, nanoseconds
	Samples     int
	Chunk       []byte // kept
	// Exemplars are those of points, by their numbers, ascending.
	Exemplars []ReadyExemplars
}

// ReadyExemplars are a point's.
type ReadyExemplars struct {
	Point     int
	Exemplars pmetric.ExemplarSlice
}

// AppendReady adds a row. m has one metric, of which the type, the metadata and all that names it count, and no points; attributes are the points'. A head with
// such rows gives no Live.
func (h *Head) AppendReady(m pmetric.Metrics, attributes pcommon.Map, r *Ready) error {
	rm := m.ResourceMetrics().At(0)
	sm := rm.ScopeMetrics().At(0)
	h.mu.Lock()
	defer h.mu.Unlock()
	h.part, h.live = nil, nil
	a := appender{Head: h, now: r.Last, future: math.MaxInt64}
	h.key.set(rm, sm)
	a.set, _ = h.sets.Intern(h.key.buf)
	h.key.metric(a.set, sm.Metrics().At(0))
	a.meta, _ = h.metas.Intern(h.key.buf)
	number, _ := a.find(attributes, pcommon.Timestamp(r.First))
	meta, err := h.metaOf(a.meta)
	if err != nil {
		return fmt.Errorf("append a row to metrics head: %w", err)
	}
	out := row{series: number, kind: r.ChunkKind, min: r.First, max: r.Last, samples: r.Samples, chunk: r.Chunk}
	out.extra = h.key.appendExemplars(out.extra, r.Exemplars)
	if meta.metadata != "" {
		out.extra = points.AppendSection(out.extra, points.SectionMetadata, []byte(meta.metadata))
	}
	h.rows = append(h.rows, out)
	h.done += int64(cap(out.chunk) + cap(out.extra))
	h.points.Add(int64(r.Samples))
	return nil
}

// appendExemplars adds the section of exemplars, if there are any.
func (w *keyWriter) appendExemplars(extra []byte, all []ReadyExemplars) []byte {
	if len(all) == 0 {
		return extra
	}
	var section []byte
	last := 0
	for _, e := range all {
		data := w.exemplars(e.Exemplars)
		section = binary.AppendUvarint(section, uint64(e.Point-last))
		section = append(binary.AppendUvarint(section, uint64(len(data))), data...)
		last = e.Point
	}
	return points.AppendSection(extra, points.SectionExemplars, section)
}

// appendCounts adds the points of a chunk of counts.
func (r *Row) appendCounts(m pmetric.Metric, found *points.Found) error {
	exemplars := make([][]byte, r.Samples)
	if err := found.EachExemplars(r.Samples, func(point int, data []byte) { exemplars[point] = data }); err != nil {
		return err
	}
	scale := 0
	var bad error
	at := 0
	histograms, scale, err := points.ReadCounts(r.Chunk, r.Samples, func(c *points.Count) {
		t := pcommon.Timestamp(c.End * nanosPerMilli)
		var es pmetric.ExemplarSlice
		if m.Type() == pmetric.MetricTypeSum {
			p := m.Sum().DataPoints().AppendEmpty()
			p.SetTimestamp(t)
			p.SetIntValue(int64(c.Count))
			es = p.Exemplars()
		} else {
			p := m.ExponentialHistogram().DataPoints().AppendEmpty()
			p.SetTimestamp(t)
			p.SetCount(c.Count)
			p.SetZeroCount(c.Zero)
			p.SetSum(float64(c.Sum) / 1e9)
			if n := len(c.Buckets); n > 0 {
				first := c.Buckets[0].Index
				counts := make([]uint64, max(0, c.Buckets[n-1].Index-first)+1)
				for _, b := range c.Buckets {
					if b.Index < first || int(b.Index-first) >= len(counts) {
						bad = fmt.Errorf("chunk of counts: buckets are not in order")
						return
					}
					counts[b.Index-first] = b.Count
				}
				p.Positive().SetOffset(first)
				p.Positive().BucketCounts().FromRaw(counts)
			}
			es = p.Exemplars()
		}
		if exemplars[at] != nil && bad == nil {
			bad = points.ReadExemplars(exemplars[at], es)
		}
		at++
	})
	if err == nil {
		err = bad
	}
	if err == nil && histograms != (m.Type() == pmetric.MetricTypeExponentialHistogram) {
		err = fmt.Errorf("chunk of counts of a metric of type %v", m.Type())
	}
	if err == nil && histograms {
		for _, p := range m.ExponentialHistogram().DataPoints().All() {
			p.SetScale(int32(scale))
		}
	}
	return err
}

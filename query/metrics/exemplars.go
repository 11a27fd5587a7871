package metrics

import (
	"cmp"
	"context"
	"math"
	"slices"

	"github.com/prometheus/prometheus/model/exemplar"
	"github.com/prometheus/prometheus/model/labels"
	"github.com/prometheus/prometheus/storage"
	"go.opentelemetry.io/collector/pdata/pcommon"
	"go.opentelemetry.io/collector/pdata/pmetric"

	"clew/internal/points"
	"clew/query/metrics/stored"
)

// ExemplarQuerier implements storage.ExemplarQueryable. Exemplars have the labels trace_id and span_id, which lead to their traces.
func (s *Storage) ExemplarQuerier(ctx context.Context) (storage.ExemplarQuerier, error) {
	return &exemplarQuerier{ctx, s}, nil
}

type exemplarQuerier struct {
	ctx     context.Context
	storage *Storage
}

// Select implements storage.ExemplarQuerier. A classic histogram's exemplars are in the bucket that each falls into.
func (e *exemplarQuerier) Select(start, end int64, sets ...[]*labels.Matcher) ([]exemplar.QueryResult, error) {
	q := e.storage.querier(start, end)
	defer q.Close()
	out := []exemplar.QueryResult{}
	seen := map[uint64]bool{}
	left := exemplarsMax
	for _, set := range sets {
		s, err := q.choose(e.ctx, true, start, end, asked{}, set)
		if err != nil {
			return nil, err
		}
		for i := range s.series {
			of := &s.series[i]
			if seen[of.series.Hash] {
				continue
			}
			seen[of.series.Hash] = true
			all, err := of.exemplars(e.storage.t)
			if err != nil {
				return nil, err
			}
			if all = all[:min(left, len(all))]; len(all) > 0 {
				left -= len(all)
				out = append(out, exemplar.QueryResult{SeriesLabels: of.series.Labels, Exemplars: all})
			}
		}
	}
	return out, nil
}

// exemplars are those of a series from mint to maxt, by time.
func (s *selected) exemplars(t *stored.Translator) ([]exemplar.Exemplar, error) {
	var out []exemplar.Exemplar
	for i := range s.pieces {
		p := &s.pieces[i]
		if v := p.o.View; v != stored.ViewNumber && v != stored.ViewNative && v != stored.ViewBucket && v != stored.ViewCalls {
			continue
		}
		if p.ref.Chunk == stored.ChunkNumbers {
			continue // it has none
		}
		chunk, found, err := p.r.Row(p.ref)
		if err != nil {
			return nil, err
		}
		es := pmetric.NewExemplarSlice()
		if p.ref.Chunk == stored.ChunkOTLP {
			if es, err = exemplarsOfOTLP(p.ref, chunk); err != nil {
				return nil, err
			}
		} else if err := found.EachExemplars(int(p.ref.Samples), func(_ int, data []byte) {
			// What is damaged ends here; what came before it is there.
			_ = points.ReadExemplars(data, es)
		}); err != nil {
			return nil, err
		}
		low := p.lower()
		for k := range es.Len() {
			e := exemplarOf(t, es.At(k))
			if e.Ts < s.mint || e.Ts > s.maxt || e.Ts <= p.from || e.Ts > p.to || p.o.View == stored.ViewBucket && !(e.Value > low && e.Value <= p.o.Bound) {
				continue
			}
			out = append(out, e)
		}
	}
	slices.SortStableFunc(out, func(a, b exemplar.Exemplar) int { return cmp.Compare(a.Ts, b.Ts) })
	return slices.CompactFunc(out, func(a, b exemplar.Exemplar) bool { return a.Equals(b) }), nil
}

// lower is the bound below a bucket's.
func (p *piece) lower() float64 {
	low := math.Inf(-1)
	if p.o.View != stored.ViewBucket {
		return low
	}
	chunk, found, err := p.r.Row(p.ref)
	if err != nil {
		return low
	}
	// The chunk was read before: what is wrong with it was said then.
	_ = stored.EachBounds(p.o.Base, p.ref, chunk, &found, func(bounds []float64) {
		for _, b := range bounds {
			if b < p.o.Bound {
				low = max(low, b)
			}
		}
	})
	return low
}

func exemplarOf(t *stored.Translator, e pmetric.Exemplar) exemplar.Exemplar {
	out := exemplar.Exemplar{Ts: stored.Millis(int64(e.Timestamp())), HasTs: true, Value: e.DoubleValue()}
	if e.ValueType() == pmetric.ExemplarValueTypeInt {
		out.Value = float64(e.IntValue())
	}
	b := labels.NewBuilder(labels.EmptyLabels())
	e.FilteredAttributes().Range(func(k string, v pcommon.Value) bool {
		if name := t.LabelName(k); name != "" {
			b.Set(name, v.AsString())
		}
		return true
	})
	if id := e.TraceID(); !id.IsEmpty() {
		b.Set("trace_id", id.String())
	}
	if id := e.SpanID(); !id.IsEmpty() {
		b.Set("span_id", id.String())
	}
	out.Labels = b.Labels()
	return out
}

func exemplarsOfOTLP(ref *stored.Row, chunk []byte) (pmetric.ExemplarSlice, error) {
	out := pmetric.NewExemplarSlice()
	m, err := stored.MetricsOf(ref, chunk)
	if err != nil {
		return out, err
	}
	move := func(es pmetric.ExemplarSlice) { es.MoveAndAppendTo(out) }
	switch m.Type() {
	case pmetric.MetricTypeGauge:
		for i := range m.Gauge().DataPoints().Len() {
			move(m.Gauge().DataPoints().At(i).Exemplars())
		}
	case pmetric.MetricTypeSum:
		for i := range m.Sum().DataPoints().Len() {
			move(m.Sum().DataPoints().At(i).Exemplars())
		}
	case pmetric.MetricTypeHistogram:
		for i := range m.Histogram().DataPoints().Len() {
			move(m.Histogram().DataPoints().At(i).Exemplars())
		}
	case pmetric.MetricTypeExponentialHistogram:
		for i := range m.ExponentialHistogram().DataPoints().Len() {
			move(m.ExponentialHistogram().DataPoints().At(i).Exemplars())
		}
	}
	return out, nil
}

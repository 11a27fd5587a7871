package promapi

import (
	"fmt"
	"net/http"

	dto "github.com/prometheus/client_model/go"
	"github.com/prometheus/common/expfmt"
	"github.com/prometheus/common/model"
	"github.com/prometheus/prometheus/model/histogram"
	"github.com/prometheus/prometheus/model/labels"
	"github.com/prometheus/prometheus/model/value"
	"github.com/prometheus/prometheus/storage"
	"github.com/prometheus/prometheus/tsdb/chunkenc"
	"google.golang.org/protobuf/proto"

	"clew/query/promlang"
)

// federate answers GET /prometheus/federate?match[]=...: the last point of each series that matches, for another Prometheus to scrape. Native histograms have no place in
// the text formats, and are left out of those; who scrapes them asks for the protobuf format.
func (a *API) federate(w http.ResponseWriter, r *http.Request) {
	if err := r.ParseForm(); err != nil {
		http.Error(w, fmt.Sprintf("error parsing form values: %v", err), http.StatusBadRequest)
		return
	}
	sets, err := a.parser.ParseMetricSelectors(r.Form["match[]"])
	if err != nil {
		http.Error(w, err.Error(), http.StatusBadRequest)
		return
	}
	now := a.now().UnixMilli()
	q, err := a.deps.Metrics.Querier(now-promlang.Lookback.Milliseconds(), now)
	if err != nil {
		http.Error(w, err.Error(), http.StatusInternalServerError)
		return
	}
	defer q.Close()
	var all []storage.SeriesSet
	for _, set := range sets {
		all = append(all, q.Select(r.Context(), true, nil, set...))
	}
	// Sorted by labels: the series of a name come one after the other, since the name, __name__, sorts before other labels but capitals'.
	set := storage.NewMergeSeriesSet(all, 0, storage.ChainedSeriesMerge)
	format := expfmt.Negotiate(r.Header)
	type family struct {
		name      string
		histogram bool
	}
	families := map[family]*dto.MetricFamily{}
	var order []*dto.MetricFamily
	var it chunkenc.Iterator
	for set.Next() {
		s := set.At()
		it = s.Iterator(it)
		p, ok := last(it)
		if !ok || p.histogram != nil && format.FormatType() != expfmt.TypeProtoDelim {
			continue
		}
		of := family{s.Labels().Get(model.MetricNameLabel), p.histogram != nil}
		f := families[of]
		if f == nil {
			f = &dto.MetricFamily{Name: proto.String(of.name), Type: p.kind().Enum()}
			families[of] = f
			order = append(order, f)
		}
		f.Metric = append(f.Metric, p.metric(s.Labels()))
	}
	if err := set.Err(); err != nil {
		http.Error(w, err.Error(), http.StatusInternalServerError)
		return
	}
	w.Header().Set("Content-Type", string(format))
	enc := expfmt.NewEncoder(w, format)
	for _, f := range order {
		if enc.Encode(f) != nil {
			return // the client has gone
		}
	}
}

// point is a series' last one.
type point struct {
	t         int64 // milliseconds
	v         float64
	histogram *histogram.FloatHistogram // nil: v is the value
}

// last is a series' last point; ok is false if it has ended.
func last(it chunkenc.Iterator) (p point, ok bool) {
	for vt := it.Next(); vt != chunkenc.ValNone; vt = it.Next() {
		ok = true
		switch vt {
		case chunkenc.ValFloat:
			p.t, p.v = it.At()
			p.histogram = nil
		case chunkenc.ValHistogram, chunkenc.ValFloatHistogram:
			p.t, p.histogram = it.AtFloatHistogram(nil)
			p.v = p.histogram.Sum
		default:
			ok = false
		}
	}
	return p, ok && it.Err() == nil && !value.IsStaleNaN(p.v)
}

func (p *point) kind() dto.MetricType {
	switch {
	case p.histogram == nil:
		return dto.MetricType_UNTYPED
	case p.histogram.CounterResetHint == histogram.GaugeType:
		return dto.MetricType_GAUGE_HISTOGRAM
	}
	return dto.MetricType_HISTOGRAM
}

func (p *point) metric(ls labels.Labels) *dto.Metric {
	m := &dto.Metric{TimestampMs: proto.Int64(p.t)}
	if p.histogram == nil {
		m.Untyped = &dto.Untyped{Value: proto.Float64(p.v)}
	} else {
		m.Histogram = native(p.histogram)
	}
	instance := false
	ls.Range(func(l labels.Label) {
		if l.Name == model.MetricNameLabel {
			return
		}
		instance = instance || l.Name == model.InstanceLabel
		m.Label = append(m.Label, &dto.LabelPair{Name: proto.String(l.Name), Value: proto.String(l.Value)})
	})
	if !instance { // so that whoever scrapes does not put its own there
		m.Label = append(m.Label, &dto.LabelPair{Name: proto.String(model.InstanceLabel), Value: proto.String("")})
	}
	return m
}

// native is a histogram of counts that need not be whole. Custom bounds have no place in the format but as classic buckets.
func native(h *histogram.FloatHistogram) *dto.Histogram {
	out := &dto.Histogram{SampleCountFloat: proto.Float64(h.Count), SampleSum: proto.Float64(h.Sum)}
	if h.UsesCustomBuckets() {
		total := 0.0
		counts := make([]float64, len(h.CustomValues)+1)
		for it := h.PositiveBucketIterator(); it.Next(); {
			if b := it.At(); int(b.Index) < len(counts) {
				counts[b.Index] = b.Count
			}
		}
		for i, bound := range h.CustomValues {
			total += counts[i]
			out.Bucket = append(out.Bucket, &dto.Bucket{CumulativeCountFloat: proto.Float64(total), UpperBound: proto.Float64(bound)})
		}
		return out
	}
	out.Schema, out.ZeroThreshold, out.ZeroCountFloat = proto.Int32(h.Schema), proto.Float64(h.ZeroThreshold), proto.Float64(h.ZeroCount)
	out.PositiveSpan, out.PositiveCount = spans(h.PositiveSpans), h.PositiveBuckets
	out.NegativeSpan, out.NegativeCount = spans(h.NegativeSpans), h.NegativeBuckets
	if len(out.PositiveSpan) == 0 && len(out.NegativeSpan) == 0 && h.ZeroThreshold == 0 {
		out.PositiveSpan = []*dto.BucketSpan{{Offset: proto.Int32(0), Length: proto.Uint32(0)}} // or it would be taken for a classic one
	}
	return out
}

func spans(of []histogram.Span) (out []*dto.BucketSpan) {
	for _, s := range of {
		out = append(out, &dto.BucketSpan{Offset: proto.Int32(s.Offset), Length: proto.Uint32(s.Length)})
	}
	return out
}

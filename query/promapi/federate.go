package promapi

import (
	"fmt"
	"math"
	"net/http"

	dto "github.com/prometheus/client_model/go"
	"github.com/prometheus/common/expfmt"
	"github.com/prometheus/common/model"
	"github.com/prometheus/prometheus/model/labels"
	"github.com/prometheus/prometheus/model/value"
	"github.com/prometheus/prometheus/storage"
	"github.com/prometheus/prometheus/tsdb/chunkenc"
	"google.golang.org/protobuf/proto"
)

// federate answers GET /prometheus/federate?match[]=...: the last point of each series that matches, for another Prometheus to scrape. Native histograms have no place in
// the text format and are left out.
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
	q, err := a.deps.Metrics.Querier(now-lookback.Milliseconds(), now)
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
	families := map[string]*dto.MetricFamily{}
	var order []*dto.MetricFamily
	var it chunkenc.Iterator
	for set.Next() {
		s := set.At()
		it = s.Iterator(it)
		t, v, ok := last(it)
		if !ok {
			continue
		}
		name := s.Labels().Get(model.MetricNameLabel)
		f := families[name]
		if f == nil {
			f = &dto.MetricFamily{Name: proto.String(name), Type: dto.MetricType_UNTYPED.Enum()}
			families[name] = f
			order = append(order, f)
		}
		f.Metric = append(f.Metric, sample(s.Labels(), t, v))
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

// last is a series' last point; ok is false if it has ended, or is of histograms.
func last(it chunkenc.Iterator) (t int64, v float64, ok bool) {
	for vt := it.Next(); vt != chunkenc.ValNone; vt = it.Next() {
		if ok = vt == chunkenc.ValFloat; ok {
			t, v = it.At()
		}
	}
	return t, v, ok && it.Err() == nil && math.Float64bits(v) != value.StaleNaN
}

func sample(ls labels.Labels, t int64, v float64) *dto.Metric {
	m := &dto.Metric{TimestampMs: proto.Int64(t), Untyped: &dto.Untyped{Value: proto.Float64(v)}}
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

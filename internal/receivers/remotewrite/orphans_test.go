package remotewrite

import (
	"net/http"
	"testing"

	"github.com/prometheus/prometheus/prompb"
	"go.opentelemetry.io/collector/pdata/pmetric"
)

// Exemplars that come apart from their sample, before or after it, as Prometheus sends them, are in a point of their series; one whose series has none is dropped.
func TestExemplarsApart(t *testing.T) {
	labels := func(country string) []prompb.Label {
		return []prompb.Label{{Name: "__name__", Value: "orders_total"}, {Name: "country", Value: country}}
	}
	exemplar := func(country, trace string) prompb.TimeSeries {
		return prompb.TimeSeries{Labels: labels(country), Exemplars: []prompb.Exemplar{{Labels: []prompb.Label{{Name: "trace_id", Value: trace}}, Value: 1, Timestamp: 1000}}}
	}
	point := func(country string) prompb.TimeSeries {
		return prompb.TimeSeries{Labels: labels(country), Samples: []prompb.Sample{{Value: 7, Timestamp: 1000}}}
	}
	const first, second = "00000000000000000000000000000001", "00000000000000000000000000000002"
	body, err := (&prompb.WriteRequest{Timeseries: []prompb.TimeSeries{exemplar("de", first), point("de"), point("fr"), exemplar("fr", second), exemplar("it", second)}}).Marshal()
	if err != nil {
		t.Fatal(err)
	}
	mux, sink, memory := server(t)
	if w := post(mux, "application/x-protobuf", body); w.Code != http.StatusNoContent {
		t.Fatalf("status %d: %s", w.Code, w.Body)
	}
	if held := memory.InUse(); held != 0 {
		t.Errorf("%d bytes are held", held)
	}
	got := map[string]string{}
	for _, rm := range sink.AllMetrics()[0].ResourceMetrics().All() {
		for _, sm := range rm.ScopeMetrics().All() {
			for _, m := range sm.Metrics().All() {
				for _, p := range numbers(m).All() {
					country, _ := p.Attributes().Get("country")
					for _, e := range p.Exemplars().All() {
						got[country.Str()] += e.TraceID().String()
					}
				}
			}
		}
	}
	if len(got) != 2 || got["de"] != first || got["fr"] != second {
		t.Errorf("exemplars %v", got)
	}
}

func numbers(m pmetric.Metric) pmetric.NumberDataPointSlice {
	if m.Type() == pmetric.MetricTypeSum {
		return m.Sum().DataPoints()
	}
	return m.Gauge().DataPoints()
}

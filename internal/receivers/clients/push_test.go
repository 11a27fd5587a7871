package clients

import (
	"math"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/grafana/loki-client-go/loki"
	"github.com/grafana/loki/pkg/push"
	"github.com/prometheus/client_golang/exp/api/remote"
	writev2 "github.com/prometheus/client_golang/exp/api/remote/genproto/v2"
	"github.com/prometheus/common/model"
)

// TestLokiClient sends with Promtail's client as a library, in Protobuf and JSON.
func TestLokiClient(t *testing.T) {
	for name, asJSON := range map[string]bool{"protobuf": false, "json": true} {
		cfg, err := loki.NewDefaultConfig(clew.otlp + "/loki/api/v1/push")
		if err != nil {
			t.Fatal(err)
		}
		cfg.TenantID, cfg.EncodeJson, cfg.BatchWait = "promtail", asJSON, 50*time.Millisecond
		client, err := loki.New(cfg)
		if err != nil {
			t.Fatal(err)
		}
		at := time.Now().Add(-time.Second)
		labels := model.LabelSet{"job": "shop", "service_name": model.LabelValue("promtail-" + name), "filename": "/var/log/a b.log"}
		meta := push.LabelsAdapter{{Name: "trace_id", Value: "0123456789abcdef0123456789abcdef"}}
		for i, line := range []string{"first line of " + name, "second \"line\"\tof " + name} {
			if err := client.HandleWithMetadata(labels, at.Add(time.Duration(i)), line, meta); err != nil {
				t.Fatal(err)
			}
		}
		client.Stop()
		for _, r := range find(t, "promtail", "logs", "service:promtail-"+name, 2) {
			check(t, r, "/var/log/a b.log", "resource", "attributes", "filename")
			if body := r.text("body"); strings.HasPrefix(body, "second") {
				check(t, r, "second \"line\"\tof "+name, "body")
			}
		}
	}
}

// TestRemoteWrite2 sends version 2.0 with the client library of Prometheus, which compares what was written with what it sent.
func TestRemoteWrite2(t *testing.T) {
	api, err := remote.NewAPI(clew.otlp, remote.WithAPIHTTPClient(&http.Client{Transport: withTenant("prom")}), remote.WithAPIPath("api/v1/write"))
	if err != nil {
		t.Fatal(err)
	}
	now := time.Now().Add(-time.Minute).Truncate(time.Millisecond)
	symbols := writev2.NewSymbolTable()
	labels := func(pairs ...string) (refs []uint32) {
		for _, p := range pairs {
			refs = append(refs, symbols.Symbolize(p))
		}
		return refs
	}
	request := &writev2.Request{Timeseries: []*writev2.TimeSeries{
		{
			LabelsRefs: labels("__name__", "rw2_requests_total", "code", "200", "instance", "h:1", "job", "shop"),
			Samples:    []*writev2.Sample{{Value: 1.25, Timestamp: now.UnixMilli()}, {Value: 3.5, Timestamp: now.UnixMilli() + 15_000}},
			Exemplars:  []*writev2.Exemplar{{LabelsRefs: labels("trace_id", "0123456789abcdef0123456789abcdef"), Value: 2, Timestamp: now.UnixMilli()}},
			Metadata:   &writev2.Metadata{Type: writev2.Metadata_METRIC_TYPE_COUNTER, HelpRef: symbols.Symbolize("Requests."), UnitRef: symbols.Symbolize("requests")},
		},
		{
			LabelsRefs: labels("__name__", "rw2_latency", "instance", "h:1", "job", "shop"),
			Histograms: []*writev2.Histogram{{
				Count: &writev2.Histogram_CountInt{CountInt: 6}, Sum: 2.5, Schema: 1, ZeroThreshold: 1e-9, ZeroCount: &writev2.Histogram_ZeroCountInt{ZeroCountInt: 1},
				PositiveSpans: []*writev2.BucketSpan{{Offset: 2, Length: 2}}, PositiveDeltas: []int64{2, 1}, Timestamp: now.UnixMilli(),
			}},
		},
		{
			LabelsRefs: labels("__name__", "rw2_gone", "instance", "h:1", "job", "shop"),
			Samples:    []*writev2.Sample{{Value: 7, Timestamp: now.UnixMilli()}, {Value: math.Float64frombits(0x7ff0000000000002), Timestamp: now.UnixMilli() + 15_000}},
		},
	}}
	request.Symbols = symbols.Symbols()
	stats, err := api.Write(t.Context(), remote.WriteV2MessageType, request)
	if err != nil {
		t.Fatal(err)
	}
	if stats.Samples != 4 || stats.Histograms != 1 || stats.Exemplars != 1 {
		t.Errorf("written: %+v", stats)
	}
	for query, want := range map[string]string{
		`rw2_requests_total{code="200",job="shop",instance="h:1"}`: "3.5",
		`histogram_count(rw2_latency)`:                             "6",
		`histogram_sum(rw2_latency)`:                               "2.5",
	} {
		if v := metric(t, "prom", query, now.Add(16*time.Second)); v != want {
			t.Errorf("%s is %q, want %q", query, v, want)
		}
	}
	// Before its end the series has a value; after the marker it has none at once, not only after five minutes.
	if v := metricAt(t, "prom", "rw2_gone", now.Add(time.Second)); v != "7" {
		t.Errorf("rw2_gone was %q, want 7", v)
	}
	if v := metricAt(t, "prom", "rw2_gone", now.Add(20*time.Second)); v != "" {
		t.Errorf("rw2_gone is %q after its end", v)
	}
}

// withTenant puts the tenant on every request.
type withTenant string

func (w withTenant) RoundTrip(req *http.Request) (*http.Response, error) {
	req = req.Clone(req.Context())
	req.Header.Set("X-Scope-OrgID", string(w))
	return http.DefaultTransport.RoundTrip(req)
}

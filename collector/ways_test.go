package collector

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"math"
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/golang/snappy"
	config "github.com/prometheus/common/config"
	"github.com/prometheus/common/model"
	"github.com/prometheus/prometheus/prompb"
	"github.com/prometheus/prometheus/storage/remote"
	"go.opentelemetry.io/collector/pdata/plog"

	"clew/collector/quota"
	"clew/ingest/shardlog"
	"clew/internal/telemetry"
)

// flat is a stored log record with its resource.
func flat(ld plog.Logs) []map[string]any {
	var out []map[string]any
	for _, rl := range ld.ResourceLogs().All() {
		for _, sl := range rl.ScopeLogs().All() {
			for _, lr := range sl.LogRecords().All() {
				m := map[string]any{"body": lr.Body().AsString(), "time": lr.Timestamp().AsTime().UnixNano(), "severity": lr.SeverityText(), "trace": lr.TraceID().String()}
				for k, v := range rl.Resource().Attributes().All() {
					m["resource."+k] = v.AsRaw()
				}
				for k, v := range lr.Attributes().All() {
					m[k] = v.AsRaw()
				}
				out = append(out, m)
			}
		}
	}
	return out
}

func checkFields(t *testing.T, got map[string]any, want map[string]any) {
	t.Helper()
	for k, v := range want {
		if fmt.Sprint(got[k]) != fmt.Sprint(v) {
			t.Errorf("%s is %v, want %v, in %v", k, got[k], v, got)
		}
	}
}

const traceHex = "0123456789abcdef0123456789abcdef"

func TestLokiJSON(t *testing.T) {
	mem := newMemLog(1)
	r := start(t, mem)
	body := `{"streams":[
		{"stream":{"app":"shop","level":"x","host":"n1"},"values":[
			["1700000000000000001","first \"line\""],
			["1700000000000000002","second",{"trace_id":"` + traceHex + `","level":"warn","user":"7"}],
			["yesterday","third"]]},
		{"stream":{},"values":[["1","no labels"]]}]}`
	resp, answer := r.post("/loki/api/v1/push", "application/json", []byte(body), telemetry.TenantHeader, "acme")
	if resp.StatusCode != http.StatusBadRequest || !strings.Contains(string(answer), "rejected 2 log records, the others are stored: 1 malformed_labels, 1 malformed_time") {
		t.Errorf("answer %d %q", resp.StatusCode, answer)
	}
	messages := mem.all(telemetry.Logs)
	got := flat(storedLogs(t, messages))
	if len(got) != 2 || messages[0].Tenant != "acme" {
		t.Fatalf("stored %v of %v", got, messages)
	}
	checkFields(t, got[0], map[string]any{"body": `first "line"`, "time": 1700000000000000001, "resource.service.name": "shop", "resource.app": "shop", "resource.host.name": "n1"})
	checkFields(t, got[1], map[string]any{"body": "second", "trace": traceHex, "severity": "warn", "user": "7"})
	for _, malformed := range []string{`{"streams":[`, `[]`, `{"streams":[{"stream":{"a":"b"},"values":[["1"]]}]}`, `{} {}`} {
		if resp, answer := r.post("/loki/api/v1/push", "application/json", []byte(malformed)); resp.StatusCode != http.StatusBadRequest || len(answer) == 0 {
			t.Errorf("%s: answer %d %q", malformed, resp.StatusCode, answer)
		}
	}
	if got := r.counter("clew_receiver_requests_total", map[string]string{"protocol": "loki", "result": "malformed"}); got != 4 {
		t.Errorf("%v malformed requests counted, want 4", got)
	}
	for reason, want := range map[string]float64{"malformed_labels": 1, "malformed_time": 1} {
		if got := r.counter("clew_receiver_records_rejected_total", map[string]string{"protocol": "loki", "reason": reason}); got != want {
			t.Errorf("%v records counted as %s, want %v", got, reason, want)
		}
	}
}

// TestRemoteWrite sends with Prometheus' own client, both versions.
func TestRemoteWrite(t *testing.T) {
	mem := newMemLog(1)
	r := start(t, mem)
	u, err := url.Parse("http://" + r.c.Addrs().HTTP.String() + "/api/v1/write")
	if err != nil {
		t.Fatal(err)
	}
	stale := math.Float64frombits(0x7ff0000000000002)
	request := &prompb.WriteRequest{
		Metadata: []prompb.MetricMetadata{{Type: prompb.MetricMetadata_COUNTER, MetricFamilyName: "requests_total", Help: "Requests."}},
		Timeseries: []prompb.TimeSeries{
			{
				Labels:    []prompb.Label{{Name: "__name__", Value: "requests_total"}, {Name: "code", Value: "200"}, {Name: "instance", Value: "h:1"}, {Name: "job", Value: "shop/cart"}},
				Samples:   []prompb.Sample{{Value: 0.1, Timestamp: 1_700_000_000_001}, {Value: stale, Timestamp: 1_700_000_000_002}},
				Exemplars: []prompb.Exemplar{{Labels: []prompb.Label{{Name: "trace_id", Value: traceHex}}, Value: 3, Timestamp: 1_700_000_000_000}},
			},
			{
				Labels: []prompb.Label{{Name: "__name__", Value: "latency"}, {Name: "job", Value: "shop/cart"}, {Name: "instance", Value: "h:1"}},
				Histograms: []prompb.Histogram{{
					Count: &prompb.Histogram_CountInt{CountInt: 7}, ZeroCount: &prompb.Histogram_ZeroCountInt{ZeroCountInt: 1}, Sum: 2.5, Schema: 1, ZeroThreshold: 1e-9,
					PositiveSpans: []prompb.BucketSpan{{Offset: 2, Length: 2}, {Offset: 3, Length: 1}}, PositiveDeltas: []int64{1, 1, 1}, Timestamp: 1_700_000_000_003,
				}},
			},
		},
	}
	plain, err := request.Marshal()
	if err != nil {
		t.Fatal(err)
	}
	client, err := remote.NewWriteClient("test", &remote.ClientConfig{
		URL: &config.URL{URL: u}, Timeout: model.Duration(10 * time.Second), Headers: map[string]string{telemetry.TenantHeader: "acme"},
	})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := client.Store(t.Context(), snappy.Encode(nil, plain), 0); err != nil {
		t.Fatal(err)
	}
	md := storedMetrics(t, mem.all(telemetry.Metrics))
	if md.ResourceMetrics().Len() != 1 || md.DataPointCount() != 3 {
		t.Fatalf("%d resources with %d points, want 1 with 3", md.ResourceMetrics().Len(), md.DataPointCount())
	}
	rm := md.ResourceMetrics().At(0)
	checkFields(t, rm.Resource().Attributes().AsRaw(), map[string]any{"service.namespace": "shop", "service.name": "cart", "service.instance.id": "h:1"})
	counter := rm.ScopeMetrics().At(0).Metrics().At(0)
	points := counter.Sum().DataPoints()
	if counter.Name() != "requests_total" || !counter.Sum().IsMonotonic() || points.At(0).DoubleValue() != 0.1 || !points.At(1).Flags().NoRecordedValue() ||
		points.At(0).Timestamp() != 1_700_000_000_001_000_000 || points.At(0).Attributes().AsRaw()["code"] != "200" || points.At(1).Exemplars().At(0).TraceID().String() != traceHex {
		t.Errorf("counter %v with %v %v", counter.Name(), points.At(0).Attributes().AsRaw(), points.At(0).DoubleValue())
	}
	h := rm.ScopeMetrics().At(0).Metrics().At(1).ExponentialHistogram().DataPoints().At(0)
	if h.Scale() != 1 || h.Count() != 7 || h.ZeroCount() != 1 || h.Sum() != 2.5 || h.Positive().Offset() != 1 || fmt.Sprint(h.Positive().BucketCounts().AsRaw()) != "[1 2 0 0 0 3]" {
		t.Errorf("histogram: scale %d, count %d, offset %d, buckets %v", h.Scale(), h.Count(), h.Positive().Offset(), h.Positive().BucketCounts().AsRaw())
	}
	if resp, _ := r.post("/api/v1/write", "application/x-protobuf", []byte("no snappy"), "Content-Encoding", "snappy"); resp.StatusCode != http.StatusBadRequest {
		t.Errorf("malformed: status %d", resp.StatusCode)
	}
	// A block that says it is four gigabytes.
	if resp, _ := r.post("/api/v1/write", "application/x-protobuf", []byte{0xff, 0xff, 0xff, 0xff, 0x0f, 0, 0}, "Content-Encoding", "snappy"); resp.StatusCode != http.StatusRequestEntityTooLarge {
		t.Errorf("a bomb: status %d", resp.StatusCode)
	}
}

func TestElasticBulk(t *testing.T) {
	mem := newMemLog(1)
	r := start(t, mem, func(c *Config) { c.Tenants = quota.Config{Defaults: quota.Limits{Services: 1}} })
	body := `{"create":{"_index":"logs"}}
{"@timestamp":"2023-11-14T22:13:20.123456789Z","message":"paid","log":{"level":"error","file":{"path":"/x"}},"service":{"name":"shop"},"host":{"name":"n1"},"n":9007199254740993,"f":1.5,"trace":{"id":"` + traceHex + `"}}
{"index":{"_index":"logs","_id":"7"}}
{"broken":
{"delete":{"_index":"logs","_id":"7"}}
{"index":{}}
{"message":"other","service":{"name":"too many"}}
{"update":{"_id":"1"}}
{"doc":{}}
`
	resp, answer := r.post("/logs-app/_bulk", "application/x-ndjson", []byte(body))
	var result struct {
		Errors bool
		Items  []map[string]struct {
			Status int
			Index  string `json:"_index"`
			Error  struct{ Type, Reason string }
		}
	}
	if err := json.Unmarshal(answer, &result); err != nil || resp.StatusCode != http.StatusOK || !result.Errors || resp.Header.Get("X-Elastic-Product") != "Elasticsearch" {
		t.Fatalf("answer %d %q: %v", resp.StatusCode, answer, err)
	}
	var statuses []int
	for _, it := range result.Items {
		for _, a := range it {
			statuses = append(statuses, a.Status)
		}
	}
	if fmt.Sprint(statuses) != "[201 400 400 400 400]" || result.Items[3]["index"].Error.Type != "tenant_services" || result.Items[3]["index"].Index != "logs-app" {
		t.Errorf("statuses %v, items %+v", statuses, result.Items)
	}
	got := flat(storedLogs(t, mem.all(telemetry.Logs)))
	if len(got) != 1 {
		t.Fatalf("stored %v", got)
	}
	checkFields(t, got[0], map[string]any{
		"body": "paid", "severity": "error", "time": 1700000000123456789, "trace": traceHex, "n": int64(9007199254740993), "f": 1.5,
		"resource.service.name": "shop", "resource.host.name": "n1", "resource.elasticsearch.index": "logs", "log": "map[file:map[path:/x]]",
	})
	if resp, answer := r.post("/_bulk", "application/x-ndjson", []byte("{\"index\":{}}\n")); resp.StatusCode != http.StatusBadRequest || !json.Valid(answer) {
		t.Errorf("no document: answer %d %q", resp.StatusCode, answer)
	}
}

// TestWaysAreRefused: each protocol says in its own manner that the log is full, and that a tenant sends too fast.
func TestWaysAreRefused(t *testing.T) {
	mem := newMemLog(1)
	mem.before = func(context.Context, int, *shardlog.Message) error {
		return &shardlog.FullError{Reason: "disk", RetryAfter: 1500 * time.Millisecond, Detail: "1 MB free"}
	}
	r := start(t, mem)
	series := &prompb.WriteRequest{Timeseries: []prompb.TimeSeries{{Labels: []prompb.Label{{Name: "__name__", Value: "up"}}, Samples: []prompb.Sample{{Value: 1, Timestamp: 1}}}}}
	plain, err := series.Marshal()
	if err != nil {
		t.Fatal(err)
	}
	for protocol, send := range map[string]func() (*http.Response, []byte){
		"loki": func() (*http.Response, []byte) {
			return r.post("/loki/api/v1/push", "application/json", []byte(`{"streams":[{"stream":{"a":"b"},"values":[["1","x"]]}]}`))
		},
		"remote_write": func() (*http.Response, []byte) {
			return r.post("/api/v1/write", "application/x-protobuf", snappy.Encode(nil, plain), "Content-Encoding", "snappy")
		},
		"elasticsearch": func() (*http.Response, []byte) {
			return r.post("/_bulk", "application/x-ndjson", []byte("{\"index\":{}}\n{\"message\":\"x\"}\n"))
		},
	} {
		resp, answer := send()
		checkRetryHTTP(t, resp, http.StatusTooManyRequests)
		if !bytes.Contains(answer, []byte("disk")) {
			t.Errorf("%s: answer %q", protocol, answer)
		}
		if got := r.counter("clew_receiver_records_refused_total", map[string]string{"protocol": protocol, "reason": "disk"}); got != 1 {
			t.Errorf("%s: %v refused records counted, want 1", protocol, got)
		}
	}
}

package collector

import (
	"bytes"
	"net/http"
	"testing"

	"github.com/golang/snappy"
	"github.com/prometheus/prometheus/prompb"

	"clew/collector/quota"
	"clew/internal/harness"
	"clew/internal/telemetry"
)

// TestTenantRateEveryWay: a tenant that sends too fast is told so whatever it speaks, by stock receivers too; another one does not notice.
func TestTenantRateEveryWay(t *testing.T) {
	ports, err := harness.FreePorts(1)
	if err != nil {
		t.Fatal(err)
	}
	zipkin := ports[0]
	mem := newMemLog(1)
	r := start(t, mem, func(c *Config) {
		c.Tenants = quota.Config{Defaults: quota.Limits{BytesPerSecond: 1, BurstBytes: 1}}
		c.Receivers.Zipkin = true
		c.Otelcol = map[string]any{"receivers": map[string]any{"zipkin": map[string]any{"endpoint": zipkin}}}
	})
	series := &prompb.WriteRequest{Timeseries: []prompb.TimeSeries{{Labels: []prompb.Label{{Name: "__name__", Value: "up"}}, Samples: []prompb.Sample{{Value: 1, Timestamp: 1}}}}}
	plain, err := series.Marshal()
	if err != nil {
		t.Fatal(err)
	}
	otlpHTTP := "http://" + r.c.Addrs().HTTP.String()
	ways := map[string]struct{ url, contentType, encoding, body string }{
		"loki":         {otlpHTTP + "/loki/api/v1/push", "application/json", "", `{"streams":[{"stream":{"a":"b"},"values":[["1","x"]]}]}`},
		"elastic":      {otlpHTTP + "/_bulk", "application/x-ndjson", "", "{\"index\":{}}\n{\"message\":\"x\"}\n"},
		"remote write": {otlpHTTP + "/api/v1/write", "application/x-protobuf", "snappy", string(snappy.Encode(nil, plain))},
		"zipkin":       {"http://" + zipkin + "/api/v2/spans", "application/json", "", `[{"traceId":"0000000000000001","id":"0000000000000002","name":"x","timestamp":1700000000000000,"duration":1}]`},
		"otlp":         {otlpHTTP + "/v1/logs", protobuf, "", string(protoLogs(t, logsOf(1)))},
	}
	for name, way := range ways {
		send := func(tenant string) *http.Response {
			t.Helper()
			req, err := http.NewRequest(http.MethodPost, way.url, bytes.NewReader([]byte(way.body)))
			if err != nil {
				t.Fatal(err)
			}
			req.Header.Set("Content-Type", way.contentType)
			req.Header.Set(telemetry.TenantHeader, tenant)
			if way.encoding != "" {
				req.Header.Set("Content-Encoding", way.encoding)
			}
			resp, err := r.http.Do(req)
			if err != nil {
				t.Fatal(err)
			}
			resp.Body.Close()
			return resp
		}
		before := r.counter("clew_tenant_refused_requests_total", map[string]string{"reason": quota.ReasonRate})
		tenant := "loud-" + string(name[0])
		if resp := send(tenant); resp.StatusCode >= http.StatusBadRequest {
			t.Errorf("%s: the first request: status %d", name, resp.StatusCode)
		}
		resp := send(tenant)
		checkRetryHTTP(t, resp, http.StatusTooManyRequests)
		if got := r.counter("clew_tenant_refused_requests_total", map[string]string{"reason": quota.ReasonRate}) - before; got != 1 {
			t.Errorf("%s: %v refusals counted, want 1", name, got)
		}
		if resp := send("other-" + string(name[0])); resp.StatusCode >= http.StatusBadRequest {
			t.Errorf("%s: another tenant: status %d", name, resp.StatusCode)
		}
	}
	if got := r.counter("clew_receiver_requests_total", map[string]string{"protocol": "zipkin", "result": quota.ReasonRate}); got != 1 {
		t.Errorf("%v refused requests of Zipkin counted, want 1", got)
	}
}

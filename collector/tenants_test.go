package collector

import (
	"fmt"
	"net/http"
	"strings"
	"testing"

	"go.opentelemetry.io/collector/pdata/plog"
	"go.opentelemetry.io/collector/pdata/plog/plogotlp"
	"go.opentelemetry.io/collector/pdata/pmetric"
	"go.opentelemetry.io/collector/pdata/pmetric/pmetricotlp"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/metadata"

	"clew/collector/quota"
	"clew/internal/telemetry"
)

// TestTenantRate: a tenant that sends too fast is told when to come again; another one does not notice.
func TestTenantRate(t *testing.T) {
	unbounded := int64(0)
	mem := newMemLog(1)
	r := start(t, mem, func(c *Config) {
		c.Tenants = quota.Config{
			Defaults:  quota.Limits{BytesPerSecond: 1000, BurstBytes: 1},
			Overrides: map[string]quota.Override{"paid": {BytesPerSecond: &unbounded}},
		}
	})
	body := protoLogs(t, logsOf(100))
	if resp, answer := r.post("/v1/logs", protobuf, body, telemetry.TenantHeader, "loud"); resp.StatusCode != http.StatusOK {
		t.Fatalf("first request: %d %q", resp.StatusCode, answer)
	}
	resp, answer := r.post("/v1/logs", protobuf, body, telemetry.TenantHeader, "loud")
	checkRetryHTTP(t, resp, http.StatusTooManyRequests)
	if code, message := errorMessage(t, protobuf, answer); code != codes.ResourceExhausted || !strings.Contains(message, "1000 bytes a second") {
		t.Errorf("answer %s %q", code, message)
	}
	ctx := metadata.AppendToOutgoingContext(t.Context(), telemetry.TenantHeader, "loud")
	_, err := plogotlp.NewGRPCClient(r.dial()).Export(ctx, plogotlp.NewExportRequestFromLogs(logsOf(100)))
	checkRetryGRPC(t, err, codes.ResourceExhausted)
	for range 5 {
		if resp, answer := r.post("/v1/logs", protobuf, body, telemetry.TenantHeader, "paid"); resp.StatusCode != http.StatusOK {
			t.Errorf("a tenant without a bound: %d %q", resp.StatusCode, answer)
		}
	}
	if got := r.counter("clew_tenant_refused_requests_total", map[string]string{"tenant": "loud", "reason": quota.ReasonRate}); got != 2 {
		t.Errorf("%v refusals counted, want 2", got)
	}
	status := r.c.Tenants()
	if len(status) != 2 || status[0].Tenant != "loud" || status[0].Refused[quota.ReasonRate] != 2 || status[1].Received != int64(5*len(body)) {
		t.Errorf("status %+v", status)
	}
	if got := len(mem.all(telemetry.Logs)); got != 6 {
		t.Errorf("%d requests stored, want 6", got)
	}
}

// logsOfServices makes a record for each service.
func logsOfServices(names ...string) plog.Logs {
	ld := plog.NewLogs()
	for _, name := range names {
		rl := ld.ResourceLogs().AppendEmpty()
		rl.Resource().Attributes().PutStr("service.name", name)
		lr := rl.ScopeLogs().AppendEmpty().LogRecords().AppendEmpty()
		lr.SetTimestamp(1)
		lr.Body().SetStr("hello")
	}
	return ld
}

// TestTenantCardinality: services and series beyond the bound are rejected by themselves, and the sender is told how many.
func TestTenantCardinality(t *testing.T) {
	mem := newMemLog(1)
	r := start(t, mem, func(c *Config) { c.Tenants = quota.Config{Defaults: quota.Limits{Services: 2, Series: 3}} })
	client := plogotlp.NewGRPCClient(r.dial())
	answer, err := client.Export(t.Context(), plogotlp.NewExportRequestFromLogs(logsOfServices("a", "b", "a", "c", "d")))
	if err != nil {
		t.Fatal(err)
	}
	const want = "rejected 2 of 5 log records: 2 tenant_services"
	if p := answer.PartialSuccess(); p.RejectedLogRecords() != 2 || p.ErrorMessage() != want {
		t.Errorf("rejected %d: %q, want %q", p.RejectedLogRecords(), p.ErrorMessage(), want)
	}
	if got := storedLogs(t, mem.all(telemetry.Logs)).LogRecordCount(); got != 3 {
		t.Errorf("%d records stored, want 3", got)
	}
	md := pmetric.NewMetrics()
	rm := md.ResourceMetrics().AppendEmpty()
	rm.Resource().Attributes().PutStr("service.name", "a")
	points := rm.ScopeMetrics().AppendEmpty().Metrics().AppendEmpty()
	points.SetName("requests")
	gauge := points.SetEmptyGauge()
	for i := range 10 { // five series, twice; keys in both orders
		p := gauge.DataPoints().AppendEmpty()
		p.SetIntValue(int64(i))
		p.SetTimestamp(1)
		keys := []string{"code", "route"}
		if i >= 5 {
			keys = []string{"route", "code"}
		}
		for _, k := range keys {
			p.Attributes().PutStr(k, fmt.Sprint(k, i%5))
		}
	}
	metrics, err := pmetricotlp.NewGRPCClient(r.dial()).Export(t.Context(), pmetricotlp.NewExportRequestFromMetrics(md))
	if err != nil {
		t.Fatal(err)
	}
	if p := metrics.PartialSuccess(); p.RejectedDataPoints() != 4 || !strings.Contains(p.ErrorMessage(), quota.ReasonSeries) {
		t.Errorf("rejected %d: %q, want the points of two of five series", p.RejectedDataPoints(), p.ErrorMessage())
	}
	if got := storedMetrics(t, mem.all(telemetry.Metrics)).DataPointCount(); got != 6 {
		t.Errorf("%d points stored, want 6", got)
	}
	for reason, want := range map[string]float64{quota.ReasonServices: 2, quota.ReasonSeries: 4} {
		if got := r.counter("clew_tenant_rejected_records_total", map[string]string{"tenant": "default", "reason": reason}); got != want {
			t.Errorf("%v records counted as %s, want %v", got, reason, want)
		}
	}
}

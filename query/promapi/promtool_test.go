package promapi

import (
	"context"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"go.opentelemetry.io/collector/pdata/pcommon"
	"go.opentelemetry.io/collector/pdata/pmetric"

	"clew/index"
	"clew/ingest/series"
	"clew/internal/telemetry"
	"clew/query/metrics"
	"clew/query/parts"
)

// source is a head.
type source struct{ head *series.Head }

func (s source) View(ctx context.Context, scope parts.Scope) (*parts.View, error) {
	if scope.Tenant != telemetry.DefaultTenant {
		return &parts.View{Release: func() {}}, nil
	}
	part, err := s.head.Snapshot(ctx)
	return &parts.View{Parts: []index.Part{part}, Release: func() {}}, err
}

// serve serves 20 minutes of a counter of two hosts, up to now.
func serve(t *testing.T) (url string, api *API) {
	t.Helper()
	now := time.Now()
	m := pmetric.NewMetrics()
	for _, host := range []string{"a", "b"} {
		rm := m.ResourceMetrics().AppendEmpty()
		rm.Resource().Attributes().PutStr("service.name", "node")
		rm.Resource().Attributes().PutStr("service.instance.id", host)
		sum := rm.ScopeMetrics().AppendEmpty().Metrics().AppendEmpty()
		sum.SetName("system.cpu.time")
		sum.SetUnit("s")
		sum.SetDescription("CPU time")
		sum.SetEmptySum().SetIsMonotonic(true)
		sum.Sum().SetAggregationTemporality(pmetric.AggregationTemporalityCumulative)
		for i := range 80 {
			dp := sum.Sum().DataPoints().AppendEmpty()
			dp.SetTimestamp(pcommon.NewTimestampFromTime(now.Add(time.Duration(i-79) * 15 * time.Second)))
			dp.SetDoubleValue(float64(15 * i))
		}
	}
	h := series.New("head", telemetry.DefaultTenant, 0)
	if err := h.Append(m, now); err != nil {
		t.Fatal(err)
	}
	logger := slog.New(slog.DiscardHandler)
	api = New(Deps{
		Metrics: metrics.New(source{h}, logger), Version: "test", Registry: prometheus.NewRegistry(), Logger: logger, Ready: func() error { return nil },
	})
	mux := http.NewServeMux()
	mux.Handle("/prometheus/", api.Prometheus())
	mux.Handle("/api/v1/metrics/", api.Native())
	server := httptest.NewServer(mux)
	t.Cleanup(func() {
		server.Close()
		if err := api.Close(); err != nil {
			t.Error(err)
		}
	})
	return server.URL, api
}

// Prometheus' own client asks.
func TestPromtool(t *testing.T) {
	if testing.Short() {
		t.Skip("builds promtool")
	}
	tool := filepath.Join(t.TempDir(), "promtool")
	build := exec.Command("go", "build", "-o", tool, "github.com/prometheus/prometheus/cmd/promtool")
	build.Dir = filepath.Join("..", "..", "tools", "prometheus")
	if out, err := build.CombinedOutput(); err != nil {
		t.Fatalf("build promtool: %v\n%s", err, out)
	}
	url, _ := serve(t)
	url += "/prometheus"
	for _, c := range []struct {
		args []string
		want string
	}{
		{[]string{"query", "instant", url, `sum by (instance) (rate(system_cpu_time_seconds_total[5m]))`}, `{instance="a"} => `},
		{[]string{"query", "range", "--step=60s", url, `count(system_cpu_time_seconds_total)`}, "{} =>"},
		{[]string{"query", "series", "--match=system_cpu_time_seconds_total", url}, `instance="b"`},
		{[]string{"query", "labels", url, "instance"}, "b"},
		{[]string{"check", "healthy", "--url=" + url}, "SUCCESS"},
		{[]string{"check", "ready", "--url=" + url}, "SUCCESS"},
	} {
		out, err := exec.Command(tool, c.args...).CombinedOutput()
		if err != nil || !strings.Contains(string(out), c.want) {
			t.Errorf("promtool %s: %v\n%s\nwant %q", strings.Join(c.args, " "), err, out, c.want)
		}
	}
}

// What Grafana's data source and others ask, and what they are told when they ask wrongly.
func TestPaths(t *testing.T) {
	url, _ := serve(t)
	for _, c := range []struct {
		path   string
		status int
		want   string
	}{
		{"/prometheus/api/v1/query?query=1%2B1", 200, `"scalar"`},
		{"/prometheus/api/v1/query?query=sum(", 400, `"errorType":"bad_data"`},
		{"/prometheus/api/v1/metadata?metric=system_cpu_time_seconds_total", 200, `"type":"counter","help":"CPU time","unit":"s"`},
		{"/prometheus/api/v1/labels", 200, `"instance"`},
		{"/prometheus/api/v1/label/job/values", 200, `["node"]`},
		{"/prometheus/api/v1/series?match[]=system_cpu_time_seconds_total", 200, `"instance":"a"`},
		{"/prometheus/api/v1/series", 400, `"errorType":"bad_data"`},
		{"/prometheus/api/v1/status/buildinfo", 200, `"version":"3`},
		{"/prometheus/api/v1/features", 200, `"status":"success"`},
		{"/prometheus/api/v1/status/tsdb", 200, `"numSeries":2`},
		{"/prometheus/api/v1/rules", 200, `{"groups":[]}`},
		{"/prometheus/api/v1/alerts", 200, `{"alerts":[]}`},
		{"/prometheus/api/v1/targets", 200, `"activeTargets":[]`},
		{"/prometheus/api/v1/query_exemplars?query=up&start=1&end=2", 200, `[]`},
		{"/prometheus/api/v1/format_query?query=a%2Bb", 200, `"a + b"`},
		{"/prometheus/api/v1/parse_query?query=up", 200, `vectorSelector`},
		{"/prometheus/federate?match[]=system_cpu_time_seconds_total", 200, `system_cpu_time_seconds_total{instance="a",job="node"`},
		{"/prometheus/nothing", 404, `"status":"error"`},
		{"/api/v1/metrics/names", 200, `"otel":"system.cpu.time","type":"counter"`},
		{"/api/v1/metrics/labels?label=instance", 200, `["a","b"]`},
		{"/api/v1/metrics/series?match=%7B%22system.cpu.time%22%7D", 200, `"instance":"b"`},
		{"/api/v1/metrics/series", 400, `"field":"match"`},
		{"/api/v1/metrics/query_range?query=sum(rate(system_cpu_time_seconds_total[5m]))&start=now-5m&step=60", 200, `"points":6`},
		{"/api/v1/metrics/query_range?query=sum(&step=60", 400, `"pos":4`},
		{"/api/v1/metrics/query_range?query=up&start=now-30d&step=1", 400, `"field":"step"`},
		{"/prometheus/api/v1/query?query=max_over_time(vector(1)[1000d:1ms])", 400, `make its step wider`},
		{"/prometheus/api/v1/query_range?query=1&start=1&end=2&step=0.0001", 400, `less than 1ms`},
		{"/api/v1/metrics/query_range?query=max_over_time(vector(1)[1000d:1ms])", 400, `"field":"query"`},
	} {
		res, err := http.Get(url + c.path)
		if err != nil {
			t.Fatal(err)
		}
		body, err := io.ReadAll(res.Body)
		if err != nil {
			t.Fatal(err)
		}
		res.Body.Close()
		if res.StatusCode != c.status || !strings.Contains(string(body), c.want) {
			t.Errorf("%s: %d %.300s\nwant %d and %s", c.path, res.StatusCode, body, c.status, c.want)
		}
	}
}

// A form that is too large is said to be: cut off, it would be one without a query.
func TestLargeForm(t *testing.T) {
	base, _ := serve(t)
	res, err := http.PostForm(base+"/prometheus/api/v1/query", url.Values{"query": {`x{a=~"` + strings.Repeat("host|", formBytesMax/5) + `"}`}})
	if err != nil {
		t.Fatal(err)
	}
	defer res.Body.Close()
	body, err := io.ReadAll(res.Body)
	if err != nil {
		t.Fatal(err)
	}
	if res.StatusCode != http.StatusRequestEntityTooLarge || !strings.Contains(string(body), "larger than 1048576 bytes") {
		t.Errorf("%d %s", res.StatusCode, body)
	}
}

// A tenant sees its own metrics; who waits too long is told so.
func TestTenantsAndTurns(t *testing.T) {
	url, api := serve(t)
	ask := func(tenant string) (int, string) {
		req, err := http.NewRequest(http.MethodGet, url+"/prometheus/api/v1/query?query=system_cpu_time_seconds_total", nil)
		if err != nil {
			t.Fatal(err)
		}
		req.Header.Set(telemetry.TenantHeader, tenant)
		res, err := http.DefaultClient.Do(req)
		if err != nil {
			t.Fatal(err)
		}
		defer res.Body.Close()
		body, err := io.ReadAll(res.Body)
		if err != nil {
			t.Fatal(err)
		}
		return res.StatusCode, string(body)
	}
	if status, body := ask("other"); status != 200 || !strings.Contains(body, `"result":[]`) {
		t.Errorf("another tenant: %d %s", status, body)
	}
	if status, body := ask("a/b"); status != 400 || !strings.Contains(body, "bad_data") {
		t.Errorf("a name that is none: %d %s", status, body)
	}
	api.limits.Wait = time.Millisecond
	for range api.limits.Queries / 2 {
		if err := api.turns.Acquire(t.Context(), telemetry.DefaultTenant); err != nil {
			t.Fatal(err)
		}
	}
	if status, body := ask(telemetry.DefaultTenant); status != 503 || !strings.Contains(body, "too many queries") {
		t.Errorf("no turn left: %d %s", status, body)
	}
}

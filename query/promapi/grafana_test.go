package promapi

import (
	"io"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"testing"
	"time"
)

// What Grafana's Prometheus data source asks, in the form in which it asks: nearly all by POST with a form, times in seconds.
func TestGrafana(t *testing.T) {
	base, _ := serve(t)
	base += "/prometheus"
	seconds := func(ago time.Duration) string { return strconv.FormatInt(time.Now().Add(-ago).Unix(), 10) }
	span := func(more ...string) url.Values {
		v := url.Values{"start": {seconds(10 * time.Minute)}, "end": {seconds(0)}}
		for i := 0; i+1 < len(more); i += 2 {
			v.Add(more[i], more[i+1])
		}
		return v
	}
	for _, c := range []struct {
		what, method, path string
		form               url.Values
		want               string
	}{
		{"save & test", "POST", "/api/v1/query", url.Values{"query": {"1+1"}, "time": {seconds(0)}}, `"scalar"`},
		{"which Prometheus it is", "GET", "/api/v1/status/buildinfo", nil, `"version":"3`},
		{"instant query", "POST", "/api/v1/query", url.Values{"query": {"sum(system_cpu_time_seconds_total)"}, "time": {seconds(0) + ".123"}, "timeout": {"30s"}}, `"vector"`},
		{"panel", "POST", "/api/v1/query_range", span("query", "rate(system_cpu_time_seconds_total[1m])", "step", "15"), `"matrix"`},
		{"step as a fraction", "POST", "/api/v1/query_range", span("query", "system_cpu_time_seconds_total", "step", "15.5"), `"matrix"`},
		{"metric browser: names of labels", "POST", "/api/v1/labels", span("match[]", `{__name__="system_cpu_time_seconds_total"}`, "limit", "40000"), `"instance"`},
		{"by GET", "GET", "/api/v1/labels", span("match[]", `{job="node"}`), `"instance"`},
		{"values", "GET", "/api/v1/label/instance/values", span("match[]", `{__name__="system_cpu_time_seconds_total",job=~".+"}`, "limit", "1"), `["a"]`},
		{"names of metrics", "GET", "/api/v1/label/__name__/values", span(), `"system_cpu_time_seconds_total"`},
		{"a label whose name is escaped", "GET", "/api/v1/label/U__service_2e_name/values", span(), `["node"]`},
		{"series", "POST", "/api/v1/series", span("match[]", `{instance="a"}`, "match[]", `{instance="b"}`), `"instance":"b"`},
		{"descriptions", "GET", "/api/v1/metadata", url.Values{"limit": {"5000"}, "limit_per_metric": {"1"}}, `"help":"CPU time"`},
		{"exemplars of a panel", "POST", "/api/v1/query_exemplars", span("query", "rate(system_cpu_time_seconds_total[1m])"), `"status":"success"`},
		{"rules beside its own", "GET", "/api/v1/rules", nil, `"groups":[]`},
		{"their alerts", "GET", "/api/v1/alerts", nil, `"alerts":[]`},
		{"explaining a query", "POST", "/api/v1/parse_query", url.Values{"query": {"sum(up)"}}, `"aggregation"`},
		{"tidying a query", "POST", "/api/v1/format_query", url.Values{"query": {"sum(up)by(job)"}}, `sum by (job) (up)`},
		{"flags", "GET", "/api/v1/status/flags", nil, `"status":"success"`},
	} {
		var req *http.Request
		var err error
		if c.method == http.MethodPost {
			req, err = http.NewRequest(c.method, base+c.path, strings.NewReader(c.form.Encode()))
			req.Header.Set("Content-Type", "application/x-www-form-urlencoded")
		} else {
			req, err = http.NewRequest(c.method, base+c.path+"?"+c.form.Encode(), nil)
		}
		if err != nil {
			t.Fatal(err)
		}
		req.Header.Set("User-Agent", "Grafana/12.2.0")
		req.Header.Set("X-Dashboard-Uid", "abc")
		res, err := http.DefaultClient.Do(req)
		if err != nil {
			t.Fatal(err)
		}
		body, err := io.ReadAll(res.Body)
		if err != nil {
			t.Fatal(err)
		}
		res.Body.Close()
		if res.StatusCode != http.StatusOK || !strings.Contains(string(body), c.want) || !strings.HasPrefix(res.Header.Get("Content-Type"), "application/json") {
			t.Errorf("%s: %s %s: %d %s %.300s\nwant %s", c.what, c.method, c.path, res.StatusCode, res.Header.Get("Content-Type"), body, c.want)
		}
	}
}

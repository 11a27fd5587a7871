package e2e

import (
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/promhttp"

	"clew/internal/harness"
)

// prometheusConfig scrapes a target and what clew federates, and sends what it scraped of the target to clew in both versions of remote write, each into a tenant of its own.
const prometheusConfig = `global: {scrape_interval: 1s, scrape_native_histograms: true, always_scrape_classic_histograms: false}
scrape_configs:
  - job_name: shop
    static_configs: [{targets: ['%[1]s']}]
  - job_name: federate
    honor_labels: true
    metrics_path: /prometheus/federate
    params: {'match[]': ['{__name__=~"shop_.+"}']}
    http_headers: {X-Scope-OrgID: {values: [v2]}}
    static_configs: [{targets: ['%[2]s']}]
    metric_relabel_configs: [{target_label: federated, replacement: 'yes'}]
remote_write:
  - {name: v1, url: 'http://%[2]s/prometheus/api/v1/write', send_exemplars: true, send_native_histograms: true, headers: {X-Scope-OrgID: v1}, %[3]s}
  - {name: v2, url: 'http://%[2]s/prometheus/api/v1/write', send_exemplars: true, send_native_histograms: true, headers: {X-Scope-OrgID: v2}, protobuf_message: io.prometheus.write.v2.Request, %[3]s}
`

// Not what was federated: that came from there.
const sendSoon = `queue_config: {batch_send_deadline: 100ms}, write_relabel_configs: [{source_labels: [federated], regex: 'yes', action: drop}]`

// shopTarget is a service with a counter and a native histogram, both with exemplars.
func shopTarget(t *testing.T) *httptest.Server {
	t.Helper()
	reg := prometheus.NewRegistry()
	orders := prometheus.NewCounterVec(prometheus.CounterOpts{Name: "shop_orders_total", Help: "Orders taken."}, []string{"country"})
	seconds := prometheus.NewHistogram(prometheus.HistogramOpts{Name: "shop_seconds", Help: "How long it took.", NativeHistogramBucketFactor: 1.1})
	stock := prometheus.NewGauge(prometheus.GaugeOpts{Name: "shop_stock", Help: "What is left."})
	reg.MustRegister(orders, seconds, stock)
	n := 0
	page := promhttp.HandlerFor(reg, promhttp.HandlerOpts{EnableOpenMetrics: true})
	target := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		n++
		trace := prometheus.Labels{"trace_id": fmt.Sprintf("%032x", n)}
		orders.WithLabelValues("de").(prometheus.ExemplarAdder).AddWithExemplar(1, trace)
		seconds.(prometheus.ExemplarObserver).ObserveWithExemplar(float64(n%7)*0.13, trace)
		stock.Set(100 - float64(n))
		page.ServeHTTP(w, r)
	}))
	t.Cleanup(target.Close)
	return target
}

// startPrometheus builds the real one and runs it.
func startPrometheus(t *testing.T, config string) (address string) {
	t.Helper()
	dir := t.TempDir()
	binary := filepath.Join(dir, "prometheus")
	build := exec.Command("go", "build", "-tags", "remove_all_sd", "-o", binary, "github.com/prometheus/prometheus/cmd/prometheus")
	build.Dir = filepath.Join("..", "..", "tools", "prometheus")
	build.Env = append(os.Environ(), "GOFLAGS=")
	if out, err := build.CombinedOutput(); err != nil {
		t.Skipf("no Prometheus to test with: %v\n%s", err, out)
	}
	ports, err := harness.FreePorts(1)
	if err != nil {
		t.Fatal(err)
	}
	cmd := exec.Command(binary, "--config.file="+write(t, "prometheus.yml", config), "--storage.tsdb.path="+filepath.Join(dir, "data"), "--web.listen-address="+ports[0],
		"--enable-feature=exemplar-storage", "--log.level=warn")
	cmd.Stderr = os.Stderr
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		_ = cmd.Process.Kill()
		_ = cmd.Wait() // killed
	})
	return ports[0]
}

// points is a series' points by their times: values, or histograms as they are shown.
type points map[string]string

// ask gives the answers of an instant query for raw points, by series.
func ask(t *testing.T, base, tenant, path string, params url.Values, into any) {
	t.Helper()
	req, err := http.NewRequest(http.MethodGet, base+path+"?"+params.Encode(), nil)
	if err != nil {
		t.Fatal(err)
	}
	if tenant != "" {
		req.Header.Set("X-Scope-OrgID", tenant)
	}
	res, err := http.DefaultClient.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	defer res.Body.Close()
	body, err := io.ReadAll(res.Body)
	if err != nil {
		t.Fatal(err)
	}
	if err := json.Unmarshal(body, into); err != nil || res.StatusCode != http.StatusOK {
		t.Fatalf("%s: %s %v %.300s", path, res.Status, err, body)
	}
}

func raw(t *testing.T, base, tenant, expr string) map[string]points {
	t.Helper()
	var answer struct {
		Data struct {
			Result []struct {
				Metric     map[string]string
				Values     [][]json.RawMessage
				Histograms [][]json.RawMessage
			}
		}
	}
	ask(t, base, tenant, "/api/v1/query", url.Values{"query": {expr}}, &answer)
	out := map[string]points{}
	for _, s := range answer.Data.Result {
		key, err := json.Marshal(s.Metric)
		if err != nil {
			t.Fatal(err)
		}
		of := points{}
		for _, p := range append(s.Values, s.Histograms...) {
			of[string(p[0])] = string(p[1])
		}
		out[string(key)] = of
	}
	return out
}

// same counts the points that both have, and reports those that differ, and series that one lacks.
func same(t *testing.T, what string, want, have map[string]points) (both int) {
	t.Helper()
	for series, of := range want {
		if have[series] == nil {
			t.Errorf("%s: no %s; there are %d series", what, series, len(have))
			continue
		}
		for at, v := range of {
			if got, ok := have[series][at]; ok {
				if both++; got != v {
					t.Errorf("%s: %s at %s: %s, want %s", what, series, at, got, v)
				}
			}
		}
	}
	return both
}

// A real Prometheus sends to clew, by either version of remote write, and reads back what it sent: floats, native histograms, exemplars, ends of series. It also
// scrapes what clew federates.
func TestPrometheusSends(t *testing.T) {
	if testing.Short() {
		t.Skip("builds Prometheus")
	}
	p := startWith(t, tempData(t))
	target := shopTarget(t)
	peer := "http://" + startPrometheus(t, fmt.Sprintf(prometheusConfig, strings.TrimPrefix(target.URL, "http://"), p.HTTP, sendSoon))
	base := "http://" + p.HTTP + "/prometheus"
	const all = `{__name__=~"shop_.+|up",federated=""}[1m]`
	tenants := []string{"v1", "v2"}
	for _, tenant := range tenants {
		eventually(t, 60*time.Second, "ten scrapes have arrived of "+tenant, func() bool {
			n := 0
			for _, of := range raw(t, base, tenant, `shop_seconds[1m]`) {
				n += len(of)
			}
			return n >= 10
		})
	}
	for _, tenant := range tenants {
		want := raw(t, peer, "", strings.Replace(all, "|up", "", 1))
		if both := same(t, tenant, want, raw(t, base, tenant, strings.Replace(all, "|up", "", 1))); both < 24 {
			t.Errorf("%s: only %d points are the same", tenant, both)
		}
		var exemplars, theirs struct {
			Data []struct {
				SeriesLabels map[string]string
				Exemplars    []struct {
					Labels map[string]string
					Value  string
				}
			}
		}
		around := url.Values{"query": {`shop_orders_total`}, "start": {fmt.Sprint(time.Now().Add(-time.Minute).Unix())}, "end": {fmt.Sprint(time.Now().Unix() + 1)}}
		ask(t, peer, "", "/api/v1/query_exemplars", around, &theirs)
		ask(t, base, tenant, "/api/v1/query_exemplars", around, &exemplars)
		if len(theirs.Data) == 0 || len(exemplars.Data) == 0 || len(exemplars.Data[0].Exemplars) == 0 || exemplars.Data[0].Exemplars[0].Labels["trace_id"] == "" {
			t.Errorf("%s: exemplars %+v, theirs %+v", tenant, exemplars, theirs)
		}
	}
	federated := func(metric string) map[string]points { return raw(t, peer, "", metric+`{federated="yes"}[1m]`) }
	eventually(t, 30*time.Second, "histograms are federated", func() bool { return len(federated("shop_seconds")) > 0 && len(federated("shop_stock")) > 0 })
	for series, of := range federated("shop_seconds") {
		for at, v := range of {
			for _, origin := range raw(t, peer, "", `shop_seconds{federated=""}[1m]`) {
				if want, ok := origin[at]; ok && want != v {
					t.Errorf("federated %s at %s: %s, want %s", series, at, v, want)
				}
			}
		}
	}
	// A target that is gone ends its series at once, not after five minutes.
	target.Close()
	for _, tenant := range tenants {
		eventually(t, 30*time.Second, "the series have ended for "+tenant, func() bool {
			var answer struct{ Data struct{ Result []any } }
			ask(t, base, tenant, "/api/v1/query", url.Values{"query": {`shop_stock or shop_seconds`}}, &answer)
			return len(answer.Data.Result) == 0
		})
	}
}

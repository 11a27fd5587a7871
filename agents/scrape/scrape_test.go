package scrape

import (
	"bytes"
	"crypto/tls"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/promhttp"
	"github.com/prometheus/common/config"
	"go.opentelemetry.io/collector/component/componenttest"
	"go.opentelemetry.io/collector/confmap"
	"go.opentelemetry.io/collector/consumer/consumertest"
	"go.opentelemetry.io/collector/pdata/pmetric"
	"go.opentelemetry.io/collector/receiver/receivertest"
	"go.uber.org/zap"
	"go.yaml.in/yaml/v3"
)

func parseConfig(t testing.TB, text string) (*Config, error) {
	t.Helper()
	var m map[string]any
	if err := yaml.Unmarshal([]byte(text), &m); err != nil {
		t.Fatal(err)
	}
	c := defaultConfig()
	if err := c.Unmarshal(confmap.NewFromStringMap(m)); err != nil {
		return nil, err
	}
	return c, c.Validate()
}

// newTarget is the target of a configuration's first job.
func newTarget(t testing.TB, text string) *target {
	t.Helper()
	c, err := parseConfig(t, text)
	if err != nil {
		t.Fatal(err)
	}
	j := c.Jobs[0]
	client, err := config.NewClientFromConfig(j.HTTP, j.Name)
	if err != nil {
		t.Fatal(err)
	}
	places, err := j.places(j.Static)
	if err != nil || len(places) != 1 {
		t.Fatalf("%d places, %v", len(places), err)
	}
	return &target{place: places[0], job: j, client: client, logger: zap.NewNop()}
}

// lines writes points as text: name{attributes} value, with "stale" for those without one.
func lines(d pmetric.Metrics) map[string]string {
	out := map[string]string{}
	for _, rm := range d.ResourceMetrics().All() {
		for _, m := range rm.ScopeMetrics().At(0).Metrics().All() {
			number := func(p pmetric.NumberDataPoint) {
				value := fmt.Sprint(p.DoubleValue())
				if p.Flags().NoRecordedValue() {
					value = "stale"
				}
				out[m.Name()+fmt.Sprint(p.Attributes().AsRaw())] = value
			}
			switch m.Type() {
			case pmetric.MetricTypeGauge:
				for _, p := range m.Gauge().DataPoints().All() {
					number(p)
				}
			case pmetric.MetricTypeSum:
				for _, p := range m.Sum().DataPoints().All() {
					number(p)
				}
			case pmetric.MetricTypeHistogram:
				for _, p := range m.Histogram().DataPoints().All() {
					out[m.Name()+fmt.Sprint(p.Attributes().AsRaw())] = fmt.Sprint(p.ExplicitBounds().AsRaw(), p.BucketCounts().AsRaw(), p.Count(), p.Sum(), p.Flags().NoRecordedValue())
				}
			case pmetric.MetricTypeExponentialHistogram:
				for _, p := range m.ExponentialHistogram().DataPoints().All() {
					out[m.Name()+fmt.Sprint(p.Attributes().AsRaw())] = fmt.Sprintf("scale %d, count %d, sum %v, zero %d, %d buckets", p.Scale(), p.Count(), p.Sum(), p.ZeroCount(), p.Positive().BucketCounts().Len())
				}
			case pmetric.MetricTypeSummary:
				for _, p := range m.Summary().DataPoints().All() {
					out[m.Name()+fmt.Sprint(p.Attributes().AsRaw())] = fmt.Sprint(p.Count(), p.Sum(), p.QuantileValues().Len())
				}
			}
		}
	}
	return out
}

func expect(t *testing.T, d pmetric.Metrics, want map[string]string) {
	t.Helper()
	have := lines(d)
	for key, value := range want {
		if have[key] != value {
			t.Errorf("%s: have %q, want %q", key, have[key], value)
		}
	}
	if t.Failed() {
		t.Logf("%v", have)
	}
}

// A real exporter, client_golang's, in protobuf and in text: every kind of metric.
func TestRealExporter(t *testing.T) {
	reg := prometheus.NewRegistry()
	requests := prometheus.NewCounterVec(prometheus.CounterOpts{Name: "shop_requests_total", Help: "Requests."}, []string{"code", "job"})
	temperature := prometheus.NewGauge(prometheus.GaugeOpts{Name: "temperature_celsius"})
	classicH := prometheus.NewHistogram(prometheus.HistogramOpts{Name: "latency_seconds", Buckets: []float64{0.1, 1}})
	nativeH := prometheus.NewHistogram(prometheus.HistogramOpts{Name: "size_bytes", NativeHistogramBucketFactor: 1.1})
	quantiles := prometheus.NewSummary(prometheus.SummaryOpts{Name: "wait_seconds", Objectives: map[float64]float64{0.5: 0.05, 0.9: 0.01}})
	info := prometheus.NewGauge(prometheus.GaugeOpts{Name: "target_info", ConstLabels: prometheus.Labels{"service_version": "1.2"}})
	reg.MustRegister(requests, temperature, classicH, nativeH, quantiles, info)
	made := time.Now()
	requests.WithLabelValues("200", "theirs").(prometheus.ExemplarAdder).AddWithExemplar(3, prometheus.Labels{"trace_id": "0102030405060708090a0b0c0d0e0f10"})
	temperature.Set(-3.5)
	for _, v := range []float64{0.05, 0.5, 5} {
		classicH.Observe(v)
		nativeH.Observe(v * 1000)
		quantiles.Observe(v)
	}
	server := httptest.NewServer(promhttp.HandlerFor(reg, promhttp.HandlerOpts{}))
	defer server.Close()

	for _, native := range []bool{true, false} {
		tg := newTarget(t, fmt.Sprintf("config: {scrape_configs: [{job_name: shop/cart, scrape_native_histograms: %v, static_configs: [{targets: [%q], labels: {env: test}}]}]}", native, server.Listener.Addr()))
		d := tg.scrape(t.Context(), time.Now())
		size := "scale 3, count 3, sum 5550, zero 0, 54 buckets"
		if !native {
			size = "[] [3] 3 5550 false"
		}
		expect(t, d, map[string]string{
			"shop_requests_totalmap[code:200 env:test exported_job:theirs]": "3",
			"temperature_celsiusmap[env:test]":                              "-3.5",
			"latency_secondsmap[env:test]":                                  "[0.1 1] [1 1 1] 3 5.55 false",
			"size_bytesmap[env:test]":                                       size,
			"wait_secondsmap[env:test]":                                     "3 5.55 2",
			"upmap[env:test]":                                               "1",
		})
		res := d.ResourceMetrics().At(0).Resource().Attributes().AsRaw()
		if res["service.namespace"] != "shop" || res["service.name"] != "cart" || res["service.instance.id"] != server.Listener.Addr().String() || res["service_version"] != "1.2" {
			t.Errorf("resource %v", res)
		}
		for _, m := range d.ResourceMetrics().At(0).ScopeMetrics().At(0).Metrics().All() {
			if m.Name() != "shop_requests_total" {
				continue
			}
			p := m.Sum().DataPoints().At(0)
			if !m.Sum().IsMonotonic() || m.Description() != "Requests." || p.StartTimestamp() == 0 {
				t.Errorf("counter: monotonic %v, %q, start %v", m.Sum().IsMonotonic(), m.Description(), p.StartTimestamp())
			}
			if native && (p.Exemplars().Len() != 1 || p.Exemplars().At(0).TraceID().IsEmpty() || p.StartTimestamp().AsTime().Sub(made).Abs() > time.Minute) {
				t.Errorf("exemplars %d, start %v, made %v", p.Exemplars().Len(), p.StartTimestamp().AsTime(), made)
			}
		}
	}
}

// answering is a server that answers what it is told.
type answering struct {
	*httptest.Server
	body, contentType string
	status            int
}

func answer(t testing.TB, body string) *answering {
	a := &answering{body: body, status: http.StatusOK, contentType: "text/plain; version=0.0.4"}
	a.Server = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", a.contentType)
		w.WriteHeader(a.status)
		_, _ = io.WriteString(w, a.body)
	}))
	t.Cleanup(a.Close)
	return a
}

func (a *answering) config(more string) string {
	return fmt.Sprintf("config: {scrape_configs: [{job_name: j, static_configs: [{targets: [%q]}]%s}]}", a.Listener.Addr(), more)
}

func TestStaleness(t *testing.T) {
	a := answer(t, "# TYPE a counter\na{x=\"1\"} 10\na{x=\"2\"} 5\nb 1\nstamped 1 1700000000000\n")
	tg := newTarget(t, a.config(""))
	at := time.Unix(1_800_000_000, 0)
	first := tg.scrape(t.Context(), at)
	expect(t, first, map[string]string{"amap[x:1]": "10", "amap[x:2]": "5", "bmap[]": "1", "stampedmap[]": "1", "upmap[]": "1", "scrape_samples_scrapedmap[]": "4", "scrape_series_addedmap[]": "4"})
	a.body = "# TYPE a counter\na{x=\"1\"} 4\nb 1\n"
	second := tg.scrape(t.Context(), at.Add(time.Minute))
	expect(t, second, map[string]string{"amap[x:1]": "4", "amap[x:2]": "stale", "bmap[]": "1", "stampedmap[]": "", "scrape_series_addedmap[]": "0"})
	for _, m := range second.ResourceMetrics().At(0).ScopeMetrics().At(0).Metrics().All() {
		if m.Name() == "a" && m.Sum().DataPoints().At(0).StartTimestamp().AsTime().Unix() != at.Add(time.Minute).Unix() {
			t.Errorf("began anew, and starts at %v", m.Sum().DataPoints().At(0).StartTimestamp().AsTime())
		}
	}
	a.status = http.StatusInternalServerError
	expect(t, tg.scrape(t.Context(), at.Add(2*time.Minute)), map[string]string{"amap[x:1]": "stale", "bmap[]": "stale", "upmap[]": "0", "scrape_samples_scrapedmap[]": "0"})
	a.status = http.StatusOK
	tg.scrape(t.Context(), at.Add(3*time.Minute))
	expect(t, tg.farewell(at.Add(4*time.Minute)), map[string]string{"amap[x:1]": "stale", "bmap[]": "stale", "upmap[]": "stale"})
}

// What is wrong with a target's answer is up 0 and a reason, not less of it.
func TestBadAnswers(t *testing.T) {
	for name, x := range map[string]struct{ body, contentType, more string }{
		"not a line":        {"a 1\nb {{{\n", "", ""},
		"a web page":        {"<html>", "text/html; charset=utf-8", ""},
		"too many samples":  {"a 1\nb 1\nc 1\n", "", ", sample_limit: 2"},
		"too large":         {"a 1\n" + strings.Repeat("# x\n", 1000), "", ", body_size_limit: 1KB"},
		"a length of lies":  {"\xff\xff\xff\xff\x7f", "application/vnd.google.protobuf; proto=io.prometheus.client.MetricFamily; encoding=delimited", ""},
		"protobuf of noise": {"\x05abcde", "application/vnd.google.protobuf; proto=io.prometheus.client.MetricFamily; encoding=delimited", ""},
	} {
		t.Run(name, func(t *testing.T) {
			a := answer(t, x.body)
			if x.contentType != "" {
				a.contentType = x.contentType
			}
			tg := newTarget(t, a.config(x.more))
			d := tg.scrape(t.Context(), time.Now())
			if have := lines(d); have["upmap[]"] != "0" || len(have) != 5 || !tg.failing {
				t.Errorf("%v", have)
			}
		})
	}
	a := answer(t, "# TYPE h histogram\nh_bucket{le=\"1\"} 5\nh_bucket{le=\"2\"} 3\nh_bucket{le=\"+Inf\"} 5\nh_count 5\nh_sum 1\nok 1\n")
	expect(t, newTarget(t, a.config("")).scrape(t.Context(), time.Now()), map[string]string{"hmap[]": "", "okmap[]": "1", "upmap[]": "1"})
	down := newTarget(t, `config: {scrape_configs: [{job_name: j, static_configs: [{targets: ["127.0.0.1:1"]}]}]}`)
	expect(t, down.scrape(t.Context(), time.Now()), map[string]string{"upmap[]": "0"})
}

func TestRelabelling(t *testing.T) {
	a := answer(t, "keep_me{a=\"1\"} 1\ndrop_me 1\n")
	tg := newTarget(t, a.config(`, metrics_path: /elsewhere, params: {module: [x]}, honor_labels: true,
    relabel_configs: [{source_labels: [__address__], target_label: instance, replacement: "named"}, {target_label: zone, replacement: "z-$0"}],
    metric_relabel_configs: [{source_labels: [__name__], regex: drop_.*, action: drop}, {regex: a, action: labeldrop}]`))
	if !strings.HasSuffix(tg.url, "/elsewhere?module=x") {
		t.Errorf("url %s", tg.url)
	}
	d := tg.scrape(t.Context(), time.Now())
	have := lines(d)
	if len(have) != 6 || have["scrape_samples_scrapedmap[zone:z-]"] != "2" || have["scrape_samples_post_metric_relabelingmap[zone:z-]"] != "1" || have["keep_memap[zone:z-]"] != "1" {
		t.Errorf("%v", have)
	}
	if id, _ := d.ResourceMetrics().At(0).Resource().Attributes().Get("service.instance.id"); id.Str() != "named" {
		t.Errorf("instance %s", id.Str())
	}
}

func TestCredentialsAndTLS(t *testing.T) {
	var seen []string
	server := httptest.NewTLSServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		user, password, _ := r.BasicAuth()
		seen = append(seen, user+":"+password+" "+r.Header.Get("Authorization"))
		_, _ = io.WriteString(w, "a 1\n")
	}))
	server.TLS.MinVersion = tls.VersionTLS12
	defer server.Close()
	dir := t.TempDir()
	token := filepath.Join(dir, "token")
	if err := os.WriteFile(token, []byte("t0ken\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	scrape := func(more string) string {
		tg := newTarget(t, fmt.Sprintf("config: {scrape_configs: [{job_name: j, scheme: https, static_configs: [{targets: [%q]}]%s}]}", server.Listener.Addr(), more))
		return lines(tg.scrape(t.Context(), time.Now()))["upmap[]"]
	}
	if up := scrape(""); up != "0" {
		t.Error("a certificate of nobody known is taken")
	}
	if up := scrape(", tls_config: {insecure_skip_verify: true}, basic_auth: {username: me, password: pw}"); up != "1" || !strings.HasPrefix(seen[0], "me:pw ") {
		t.Errorf("up %s, %q", up, seen)
	}
	if up := scrape(", tls_config: {insecure_skip_verify: true}, authorization: {credentials_file: " + token + "}"); up != "1" || !strings.HasSuffix(seen[1], "Bearer t0ken") {
		t.Errorf("up %s, %q", up, seen)
	}
}

// Targets come and go with their files while the receiver runs; those that go are said to be gone.
func TestFilesOfTargets(t *testing.T) {
	a, b := answer(t, "a 1\n"), answer(t, "b 1\n")
	dir := t.TempDir()
	file := filepath.Join(dir, "targets.json")
	write := func(text string) {
		if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	write(fmt.Sprintf(`[{"targets": [%q], "labels": {"env": "x"}}]`, a.Listener.Addr()))
	c, err := parseConfig(t, fmt.Sprintf("config: {global: {scrape_interval: 1s}, scrape_configs: [{job_name: j, file_sd_configs: [{files: [%q], refresh_interval: 1s}]}]}", filepath.Join(dir, "*.json")))
	if err != nil {
		t.Fatal(err)
	}
	sink := new(consumertest.MetricsSink)
	r, err := NewFactory().CreateMetrics(t.Context(), receivertest.NewNopSettings(Type), c, sink)
	if err != nil {
		t.Fatal(err)
	}
	if err := r.Start(t.Context(), componenttest.NewNopHost()); err != nil {
		t.Fatal(err)
	}
	until := func(key, value string) {
		t.Helper()
		for deadline := time.Now().Add(15 * time.Second); ; time.Sleep(50 * time.Millisecond) {
			for _, d := range sink.AllMetrics() {
				if lines(d)[key] == value {
					return
				}
			}
			if time.Now().After(deadline) {
				t.Fatalf("no %s %s", key, value)
			}
		}
	}
	until("amap[env:x]", "1")
	write("[{") // in the middle of being written: what was known stays
	time.Sleep(1500 * time.Millisecond)
	sink.Reset()
	until("amap[env:x]", "1")
	write(fmt.Sprintf(`[{"targets": [%q]}]`, b.Listener.Addr()))
	until("bmap[]", "1")
	until("amap[env:x]", "stale")
	until("upmap[env:x]", "stale")
	if err := r.Shutdown(t.Context()); err != nil {
		t.Fatal(err)
	}
}

func TestConfigProblems(t *testing.T) {
	for text, want := range map[string]string{
		"config: {}": "scrape_configs",
		"config: {scrape_configs: [{job_name: a, static_configs: [{targets: [x]}], kubernetes_sd_configs: []}]}":                                  "kubernetes_sd_configs",
		"config: {scrape_configs: [{static_configs: [{targets: [x]}]}]}":                                                                          "job_name",
		"config: {scrape_configs: [{job_name: a}]}":                                                                                               "static_configs",
		"config: {scrape_configs: [{job_name: a, static_configs: [{targets: ['http://x/']}]}]}":                                                   "http://x/",
		"config: {scrape_configs: [{job_name: a, scrape_interval: 10ms, scrape_timeout: 1ms, static_configs: [{targets: [x]}]}]}":                 "scrape_interval",
		"config: {scrape_configs: [{job_name: a, scrape_timeout: 2m, static_configs: [{targets: [x]}]}]}":                                         "scrape_timeout",
		"config: {scrape_configs: [{job_name: a, scheme: ftp, static_configs: [{targets: [x]}]}]}":                                                "scheme",
		"config: {scrape_configs: [{job_name: a, basic_auth: {username: x}, authorization: {credentials: y}, static_configs: [{targets: [x]}]}]}": "basic_auth",
		"config: {scrape_configs: [{job_name: a, static_configs: [{targets: [x]}]}, {job_name: a, static_configs: [{targets: [x]}]}]}":            "twice",
		"config: {scrape_configs: [{job_name: a, static_configs: [{targets: [x]}], metric_relabel_configs: [{action: nothing}]}]}":                "nothing",
	} {
		if _, err := parseConfig(t, text); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s\n have %v\n want %s", text, err, want)
		}
	}
}

// Whatever a target answers is taken or refused, never more than that.
func FuzzScrape(f *testing.F) {
	f.Add([]byte("# TYPE a counter\na{x=\"1\"} 10 5\n# TYPE h histogram\nh_bucket{le=\"1\"} 5\nh_count 5\nh_sum 1\n"), false)
	reg := prometheus.NewRegistry()
	h := prometheus.NewHistogram(prometheus.HistogramOpts{Name: "h", NativeHistogramBucketFactor: 1.5})
	reg.MustRegister(h)
	h.Observe(1)
	h.Observe(-7)
	rec := httptest.NewRecorder()
	req := httptest.NewRequest(http.MethodGet, "/", nil)
	req.Header.Set("Accept", acceptNative)
	promhttp.HandlerFor(reg, promhttp.HandlerOpts{}).ServeHTTP(rec, req)
	f.Add(rec.Body.Bytes(), true)
	c, err := parseConfig(f, "config: {scrape_configs: [{job_name: j, static_configs: [{targets: [x]}]}]}")
	if err != nil {
		f.Fatal(err)
	}
	j := c.Jobs[0]
	p, err := j.place("x", nil)
	if err != nil {
		f.Fatal(err)
	}
	f.Fuzz(func(t *testing.T, body []byte, proto bool) {
		contentType := "text/plain"
		if proto {
			contentType = rec.Header().Get("Content-Type")
		}
		families, err := parse(bytes.Clone(body), contentType)
		if err != nil {
			return
		}
		var h history
		h.scrapes++
		b := newBatch(p.url, time.Unix(1, 0))
		n, err := h.fill(b, j, p, families)
		if err == nil && len(h.series) > n.kept {
			t.Errorf("%d series of %d samples", len(h.series), n.kept)
		}
		h.scrapes++
		for _, s := range h.gone() {
			b.end(s)
		}
		if len(h.series) != 0 {
			t.Errorf("%d series stay", len(h.series))
		}
	})
}

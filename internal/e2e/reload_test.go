package e2e

import (
	"io"
	"net/http"
	"os"
	"strings"
	"testing"
	"time"
)

func metricsText(t *testing.T, address string) string {
	t.Helper()
	res, err := http.Get("http://" + address + "/metrics")
	if err != nil {
		t.Fatal(err)
	}
	defer res.Body.Close()
	text, err := io.ReadAll(res.Body)
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

// The configuration file changes while clew runs: limits hold from SIGHUP on, a file with a problem changes nothing, and what needs a restart is named.
func TestReload(t *testing.T) {
	data := tempData(t)
	const loose = "tenants: {defaults: {services: 0}}\n"
	p := start(t, data, loose)
	send := func() int {
		status, _ := postJSON(t, p.OTLP, "/v1/logs", `{"resourceLogs":[{"scopeLogs":[{"logRecords":[{"body":{"stringValue":"a line"}}]}]}]}`)
		return status
	}
	reload := func(config, metric string) {
		t.Helper()
		if err := os.WriteFile(data+".yaml", []byte(config), 0o600); err != nil {
			t.Fatal(err)
		}
		if err := p.Hangup(); err != nil {
			t.Fatal(err)
		}
		eventually(t, 10*time.Second, metric, func() bool { return strings.Contains(metricsText(t, p.HTTP), metric) })
	}
	time.Sleep(1500 * time.Millisecond) // until then the embedded Collector hears SIGHUP too, and closes its ports for a moment
	if got := send(); got != 200 {
		t.Fatalf("before: %d", got)
	}
	reload("tenants: {defaults: {services: 0, bytes_per_second: 1, burst_bytes: 1}}\n", `clew_config_reloads_total{result="taken"} 1`)
	send() // takes the burst
	if got := send(); got != 429 {
		t.Errorf("past the new limit: %d, want 429", got)
	}
	reload("tenants: {defaults: {bytes_per_second: -1}}\nquery: {concurrency: 0}\n", `clew_config_reloads_total{result="refused"} 1`)
	if got := send(); got != 429 {
		t.Errorf("after a file with problems: %d, want 429 as before", got)
	}
	for _, problem := range []string{"tenants.defaults.bytes_per_second", "query.concurrency"} {
		if !strings.Contains(p.Output(), problem) {
			t.Errorf("the problem with %s is not named:\n%s", problem, p.Output())
		}
	}
	reload(loose+"query: {concurrency: 3}\ningest: {retention: {tenants: {acme: {logs: {age: 1h}}}}}\n", `clew_config_reloads_total{result="taken"} 2`)
	if got := send(); got != 200 {
		t.Errorf("without the limit again: %d", got)
	}
	if out := p.Output(); !strings.Contains(out, `need_a_restart=query.concurrency`) || !strings.Contains(out, "ingest.retention.tenants.acme.logs.age") {
		t.Errorf("it does not say what has changed and what needs a restart:\n%s", out)
	}
	p.Kill()
	bare := start(t, tempData(t), "")
	if err := bare.Hangup(); err != nil {
		t.Fatal(err)
	}
	eventually(t, 20*time.Second, "without a file SIGHUP ends clew", func() bool { return !bare.Running() })
}

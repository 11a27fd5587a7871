package e2e

import (
	"bytes"
	"encoding/json"
	"fmt"
	"net/url"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"sync"
	"testing"
	"time"

	"clew/internal/harness"
)

// told is what a process writes about alerts into its log.
type told struct {
	mu   sync.Mutex
	text bytes.Buffer
}

func (o *told) Write(b []byte) (int, error) {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.text.Write(b)
}

// lines are the log lines that contain all words.
func (o *told) lines(words ...string) []string {
	o.mu.Lock()
	defer o.mu.Unlock()
	var out []string
lines:
	for _, line := range strings.Split(o.text.String(), "\n") {
		for _, w := range words {
			if !strings.Contains(line, w) {
				continue lines
			}
		}
		out = append(out, line)
	}
	return out
}

type alertList struct {
	Data struct {
		Alerts []struct {
			Labels   map[string]string `json:"labels"`
			State    string            `json:"state"`
			FiredAt  time.Time         `json:"firedAt"`
			Examples []struct {
				Text    string `json:"text"`
				TraceID string `json:"trace_id"`
			} `json:"examples"`
		} `json:"alerts"`
	} `json:"data"`
}

const e2eRules = `groups:
  - name: e2e
    interval: 1s
    rules:
      - record: temperature:max
        expr: max(temperature)
      - alert: Hot
        expr: temperature:max > 30
        for: 1s
        labels: {severity: page}
        annotations: {summary: 'it has {{ $value }} degrees'}
      - alert: Declined
        lang: logs
        expr: '"card declined"'
        window: 20s
        by: [service]
        condition: ">= 3"
      - alert: SlowCheckout
        lang: spans
        expr: name:checkout duration>1s
        window: 20s
        by: [service]
`

// An alert on a metric, on a log pattern and on a trace condition: each fires with examples, is told once, survives kill -9 without being taken back or told as new,
// and is resolved.
func TestAlertsSurviveKill(t *testing.T) {
	data := tempData(t)
	file := filepath.Join(t.TempDir(), "rules.yml")
	if err := os.WriteFile(file, []byte(e2eRules), 0o600); err != nil {
		t.Fatal(err)
	}
	run := func(o *told) *harness.Process {
		p, err := harness.Start(harness.Options{Binary: clewBinary, Data: data, Args: []string{"--rules", file}, Log: o})
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(p.Kill)
		if err := p.WaitReady(30 * time.Second); err != nil {
			t.Fatal(err)
		}
		return p
	}
	first := &told{}
	p := run(first)
	temperature(t, p, 40)
	badRecords(t, p)
	var before alertList
	firing := func(p *harness.Process, into *alertList) int {
		*into = alertList{}
		get(t, p, "/prometheus/api/v1/alerts", url.Values{}, into)
		n := 0
		for _, a := range into.Data.Alerts {
			if a.State == "firing" {
				n++
			}
		}
		return n
	}
	eventually(t, 20*time.Second, "three alerts fire", func() bool { return firing(p, &before) == 3 })
	eventually(t, 20*time.Second, "three alerts are told", func() bool {
		return len(first.lines("state=firing", "Hot")) > 0 && len(first.lines("state=firing", "Declined")) > 0 && len(first.lines("state=firing", "SlowCheckout")) > 0
	})
	since := map[string]time.Time{}
	for _, a := range before.Data.Alerts {
		since[a.Labels["alertname"]] = a.FiredAt
		switch a.Labels["alertname"] {
		case "Declined":
			if len(a.Examples) != 3 || !strings.Contains(a.Examples[0].Text, "card declined") || a.Labels["service"] != "payment" {
				t.Errorf("evidence of %+v", a)
			}
		case "SlowCheckout":
			if len(a.Examples) != 1 || a.Examples[0].TraceID != "0af7651916cd43dd8448eb211c80319c" {
				t.Errorf("evidence of %+v", a)
			}
		}
	}
	badRecords(t, p) // the window is 20 seconds: a start on a busy machine has all of them
	p.Kill()

	second := &told{}
	p = run(second)
	temperature(t, p, 40)
	badRecords(t, p)
	eventually(t, 20*time.Second, "alerts are told again, for whoever forgot", func() bool { return len(second.lines("state=firing")) >= 3 })
	var after alertList
	if n := firing(p, &after); n != 3 {
		t.Errorf("%d alerts fire after kill -9", n)
	}
	for _, a := range after.Data.Alerts {
		if name := a.Labels["alertname"]; !a.FiredAt.Equal(since[name]) {
			t.Errorf("%s fires since %v after kill -9, since %v before", name, a.FiredAt, since[name])
		}
	}
	if wrong := append(first.lines("state=resolved"), second.lines("state=resolved")...); len(wrong) > 0 {
		t.Errorf("taken back: %v", wrong)
	}
	// A rule's history is in the metrics.
	eventually(t, 10*time.Second, "ALERTS and a recorded series can be asked for", func() bool {
		return strings.Contains(instant(t, p, `count(ALERTS{alertstate="firing"})`), `"3"`) && strings.Contains(instant(t, p, "temperature:max"), `"40"`)
	})
	backtested(t, p, file)
	brokenRules(t, p, file, second)

	temperature(t, p, 10)
	eventually(t, 60*time.Second, "all are resolved, once each", func() bool { return len(second.lines("state=resolved")) >= 3 })
	for name := range since {
		if n := len(second.lines("state=resolved", name)); n != 1 {
			t.Errorf("%s is resolved %d times", name, n)
		}
	}
}

// backtested asks what the same rules would have done.
func backtested(t *testing.T, p *harness.Process, file string) {
	t.Helper()
	out, code := clew(t, p, "rules", "backtest", file, "--since", "2m")
	if code != 0 || !regexp.MustCompile(`Declined: fired [1-9]`).MatchString(out) || !strings.Contains(out, "card declined by acquirer") {
		t.Errorf("backtest, exit code %d:\n%s", code, out)
	}
}

// brokenRules breaks the file: the rules from before go on, and every problem is said with its place.
func brokenRules(t *testing.T, p *harness.Process, file string, o *told) {
	t.Helper()
	broken := strings.Replace(strings.Replace(e2eRules, "interval: 1s", "intervall: 1s", 1), "max(temperature)", "maxx(temperature)", 1)
	if err := os.WriteFile(file, []byte(broken), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := p.Hangup(); err != nil {
		t.Fatal(err)
	}
	var status struct {
		Problems []string          `json:"problems"`
		Groups   []json.RawMessage `json:"groups"`
	}
	eventually(t, 10*time.Second, "problems are said", func() bool {
		get(t, p, "/api/v1/rules", url.Values{}, &status)
		return len(status.Problems) == 2
	})
	if len(status.Groups) != 1 || !strings.Contains(status.Problems[0], ":3:5: groups[0].intervall") || !strings.Contains(status.Problems[1], ":6:15:") {
		t.Errorf("%d groups, problems %v", len(status.Groups), status.Problems)
	}
	eventually(t, 20*time.Second, "the log says what is wrong", func() bool { return len(o.lines("rule files are broken", ":6:15:")) > 0 })
	out, code := clew(t, p, "rules", "check", file)
	if code != 1 || !strings.Contains(out, `did you mean "interval"?`) || !strings.Contains(out, "did you mean max()?") {
		t.Errorf("check, exit code %d:\n%s", code, out)
	}
	if err := os.WriteFile(file, []byte(e2eRules), 0o600); err != nil {
		t.Fatal(err)
	}
	eventually(t, 15*time.Second, "the mended file is noticed", func() bool {
		get(t, p, "/api/v1/rules", url.Values{}, &status)
		return len(status.Problems) == 0
	})
}

func instant(t *testing.T, p *harness.Process, expr string) string {
	t.Helper()
	var answer json.RawMessage
	get(t, p, "/prometheus/api/v1/query", url.Values{"query": {expr}}, &answer)
	return string(answer)
}

func otlp(t *testing.T, p *harness.Process, path, body string) {
	t.Helper()
	if status, text := postJSON(t, p.OTLP, path, body); status != 200 {
		t.Fatalf("%s: %d %s", path, status, text)
	}
}

func temperature(t *testing.T, p *harness.Process, v int) {
	t.Helper()
	otlp(t, p, "/v1/metrics", fmt.Sprintf(`{"resourceMetrics":[{"resource":{"attributes":[{"key":"service.name","value":{"stringValue":"oven"}}]},"scopeMetrics":[{"metrics":[
		{"name":"temperature","gauge":{"dataPoints":[{"timeUnixNano":"%d","asDouble":%d}]}}]}]}]}`, time.Now().UnixNano(), v))
}

// badRecords are three declined cards and a slow checkout.
func badRecords(t *testing.T, p *harness.Process) {
	t.Helper()
	now := time.Now().UnixNano()
	const resource = `"resource":{"attributes":[{"key":"service.name","value":{"stringValue":"payment"}}]}`
	for i := range 3 {
		otlp(t, p, "/v1/logs", fmt.Sprintf(`{"resourceLogs":[{%s,"scopeLogs":[{"logRecords":[{"timeUnixNano":"%d","severityNumber":13,"body":{"stringValue":"card declined by acquirer %d"}}]}]}]}`, resource, now+int64(i), i))
	}
	otlp(t, p, "/v1/traces", fmt.Sprintf(`{"resourceSpans":[{%s,"scopeSpans":[{"spans":[{"traceId":"0af7651916cd43dd8448eb211c80319c","spanId":"%016x","name":"checkout","kind":2,
		"startTimeUnixNano":"%d","endTimeUnixNano":"%d"}]}]}]}`, resource, now, now-2_000_000_000, now))
}

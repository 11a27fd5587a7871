package e2e

import (
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"clew/internal/harness"
	book "clew/internal/ledger"
	"clew/query/api"
)

const tailSampling = `
ingest:
  tail_sampling:
    decision_wait: 8s
    late: 2m
    policies:
      - {name: errors, type: status_code, status_code: {status_codes: [ERROR]}}
`

// sendPart sends the part-th span of traces 0 to n-1, of which failed says whether the span did.
func sendPart(t *testing.T, p *harness.Process, n, part int, failed func(trace int) bool) {
	t.Helper()
	var spans []string
	now := time.Now().UnixNano()
	for i := range n {
		code := 1
		if failed(i) {
			code = 2
		}
		spans = append(spans, fmt.Sprintf(`{"traceId":"%032x","spanId":"%016x","name":"part %d","startTimeUnixNano":"%d","endTimeUnixNano":"%d","status":{"code":%d}}`,
			i+1, i*10+part+1, part, now, now+1000, code))
	}
	body := `{"resourceSpans":[{"resource":{"attributes":[{"key":"service.name","value":{"stringValue":"tail"}}]},"scopeSpans":[{"spans":[` + strings.Join(spans, ",") + `]}]}]}`
	resp, err := http.Post("http://"+p.OTLP+"/v1/traces", "application/json", strings.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	resp.Body.Close()
	if resp.StatusCode != http.StatusOK {
		t.Fatalf("status %d", resp.StatusCode)
	}
}

// Killed while traces wait, and killed after they were decided: the traces that failed are there whole, with spans that came late, and none of the others.
func TestTailSamplingKill9(t *testing.T) {
	const traces = 100
	data := tempData(t)
	kill := func(p *harness.Process) *harness.Process {
		p.Kill()
		return start(t, data, tailSampling)
	}
	count := func(p *harness.Process) int64 {
		var n api.Count
		get(t, p, "/api/v1/count", url.Values{"signal": {"spans"}, "query": {"service:tail"}}, &n)
		return int64(n.Count)
	}
	await := func(p *harness.Process, want int64) {
		t.Helper()
		var n int64
		for deadline := time.Now().Add(20 * time.Second); time.Now().Before(deadline); time.Sleep(200 * time.Millisecond) {
			if n = count(p); n >= want {
				break
			}
		}
		if n != want {
			t.Fatalf("%d spans, want %d", n, want)
		}
	}
	never := func(int) bool { return false }
	p := start(t, data, tailSampling)
	sendPart(t, p, traces, 0, func(i int) bool { return i%10 == 0 })
	if n := count(p); n != 0 {
		t.Errorf("%d spans before the decision", n)
	}
	p = kill(p)
	sendPart(t, p, traces, 1, func(i int) bool { return i%10 == 1 }) // their first spans are from before the crash
	await(p, 2*traces/5)
	if text := metricsText(t, p.HTTP); !strings.Contains(text, fmt.Sprintf(`clew_tail_sampling_spans_total{decision="sampled",policy="(none)"} %d`, 8*traces/5)) {
		t.Error("what was left out is not counted")
	}
	var account api.Ledger
	get(t, p, "/api/v1/ledger", url.Values{}, &account)
	if want := []book.SampledAccount{{Signal: "spans", Policy: "(none)", Records: 8 * traces / 5}}; !cmp.Equal(account.Sampled, want) {
		t.Errorf("the ledger has sampled %+v, want %+v", account.Sampled, want)
	}
	if err := p.Post(t.Context(), "/api/v1/admin/seal", nil); err != nil {
		t.Fatal(err)
	}
	p = kill(p)
	// Late, and after a crash: the decision stands, which for the others is that they are left out although they fail now.
	sendPart(t, p, traces, 2, func(int) bool { return true })
	p = kill(p)
	await(p, 3*traces/5)
	sendPart(t, p, traces, 3, never)
	await(p, 4*traces/5)
	var found api.Search
	get(t, p, "/api/v1/search", url.Values{"signal": {"spans"}, "query": {"service:tail"}, "limit": {"1000"}}, &found)
	per := map[string]int{}
	for _, s := range found.Spans {
		per[s.TraceID]++
	}
	for i := range traces {
		want := 0
		if i%10 < 2 {
			want = 4
		}
		if n := per[fmt.Sprintf("%032x", i+1)]; n != want {
			t.Errorf("trace %d has %d spans, want %d", i, n, want)
		}
	}
}

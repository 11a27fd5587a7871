package clustertest

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"clew/internal/harness"
)

// sameQuestions are paths and parameters whose whole answers are compared.
func sameQuestions(l *traffic, ticks int) []string {
	start, end := l.base.Add(-time.Second), l.time(ticks).Add(time.Second)
	span := fmt.Sprintf("&start=%d&end=%d", start.UnixNano(), end.UnixNano())
	seconds := fmt.Sprintf("&start=%d&end=%d&step=1", start.Unix(), end.Unix()+1)
	at := fmt.Sprintf("&time=%d", end.Unix()+1)
	// Of names and labels no more is promised than that all of the time are there; what is counted of records has times of its own, every ten seconds.
	around := fmt.Sprintf("&start=%d&end=%d", start.Add(-time.Minute).Unix(), end.Add(time.Minute).Unix())
	q := url.QueryEscape
	return []string{
		"/api/v1/count?signal=logs&query=" + q("service:checker") + span,
		"/api/v1/count?signal=logs&by=severity" + span,
		"/api/v1/count?signal=logs&by=body&query=" + q(`"of tick" severity>=warn`) + span,
		"/api/v1/count?signal=spans&by=name" + span,
		"/api/v1/count?signal=spans&query=" + q("status:error") + span,
		"/api/v1/search?signal=logs&limit=500&query=" + q("took 13 ms") + span,
		"/api/v1/search?signal=logs&limit=500&order=asc&query=" + q(`/request 1[0-9] of/ -severity:info`) + span,
		"/api/v1/search?signal=spans&limit=500&query=" + q("duration>20us name:\"step 3\"") + span,
		"/api/v1/histogram?signal=logs&by=resource.host.name" + span,
		"/api/v1/histogram?signal=spans&query=" + q("status:error") + span,
		"/api/v1/heatmap?query=" + q("service:checker") + span,
		"/api/v1/fields?signal=logs" + span,
		"/api/v1/values?signal=spans&field=name" + span,
		"/api/v1/traces?limit=100&query=" + q("status:error") + span,
		"/api/v1/traces/" + traceID(13).String() + "?",
		"/api/v1/traces/" + traceID(13).String() + "/skeleton?",
		"/api/v1/traces/" + traceID(12).String() + "?",
		"/api/v1/metrics/names?" + fmt.Sprintf("start=%d&end=%d", start.Add(-time.Minute).UnixNano(), end.Add(time.Minute).UnixNano()),
		"/prometheus/api/v1/query_range?query=" + q("sum by (host_name) (checker_value)") + seconds,
		"/prometheus/api/v1/query?query=" + q("sum(count_over_time(checker_value[1h]))") + at,
		"/prometheus/api/v1/query?query=" + q("quantile_over_time(0.9, checker_value[1h])") + at,
		"/prometheus/api/v1/series?match[]=checker_value" + seconds,
		"/prometheus/api/v1/labels?" + around,
		"/prometheus/api/v1/query_range?query=" + q("max without (instance) (rate(checker_value[20s]))") + seconds,
		"/prometheus/api/v1/query_range?query=" + q("topk(3, checker_value) or absent(checker_none)") + seconds,
		"/prometheus/api/v1/query?query=" + q("target_info") + at,
		"/prometheus/api/v1/label/host_name/values?" + around,
		// What clew counts of records is told every ten seconds, and is the same over whole hours.
		"/prometheus/api/v1/query?query=" + q("sum by (span_name) (max_over_time(traces_span_metrics_calls_total[1h]))") + at,
		"/api/v1/suggest?signal=logs&query=" + q("servce:checker") + span,
		"/api/v1/suggest?signal=logs&query=" + q("service:cheker") + span,
		"/api/v1/suggest?signal=logs&query=" + q("reqest of") + span,
		"/api/v1/complete?signal=spans&field=name&prefix=ST" + span,
		"/api/v1/complete?signal=logs&prefix=s" + span,
		"/api/v1/traces/" + traceID(13).String() + "/spans/0201000000000000?",
		"/api/v1/hosts?limit=100",
		"/api/v1/hosts?search=h3",
		"/api/v1/export?signal=logs&query=" + q("tick12") + span,
		"/api/v1/export?signal=spans&format=otlp&query=" + q("status:error") + span,
		"/api/v1/export?signal=logs&format=parquet&query=" + q("severity>=warn") + span,
		"POST /api/v1/rules/backtest " + rulesAsked(start, end),
	}
}

// rulesAsked asks what rules of all languages would have done.
func rulesAsked(start, end time.Time) string {
	body, err := json.Marshal(map[string]any{"start": start, "end": end.Add(time.Minute), "content": `
groups:
  - name: same
    interval: 10s
    rules:
      - {alert: Points, expr: "count_over_time(checker_value[1m]) > 10"}
      - {alert: Errors, lang: spans, expr: "status:error", window: 1m, by: [service], condition: "> 3"}
      - {alert: Warnings, lang: logs, expr: "severity>=warn", window: 1m, by: [host.name], condition: "> 10"}
`})
	if err != nil {
		panic(err) // what was made here can be written
	}
	return string(body)
}

// request is a question as it is asked: a path, or POST, a path and a body.
func request(ctx context.Context, of *harness.Process, question string) (*http.Request, error) {
	rest, post := strings.CutPrefix(question, "POST ")
	if !post {
		return http.NewRequestWithContext(ctx, http.MethodGet, "http://"+of.HTTP+question, nil)
	}
	path, body, _ := strings.Cut(rest, " ")
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, "http://"+of.HTTP+path, strings.NewReader(body))
	if err == nil {
		req.Header.Set("X-Clew-Request", "1")
	}
	return req, err
}

// without takes members out of an answer, however deep.
func without(value any, keys ...string) {
	switch v := value.(type) {
	case map[string]any:
		for _, key := range keys {
			delete(v, key)
		}
		for _, member := range v {
			without(member, keys...)
		}
	case []any:
		for _, member := range v {
			without(member, keys...)
		}
	}
}

// answer is the text of an answer without what tells of its making. partial says that it is not whole.
func answer(ctx context.Context, of *harness.Process, path string) (text string, partial bool, err error) {
	req, err := request(ctx, of, path)
	if err != nil {
		return "", false, err
	}
	res, err := http.DefaultClient.Do(req)
	if err != nil {
		return "", false, err
	}
	defer res.Body.Close()
	body, err := io.ReadAll(res.Body)
	if err != nil {
		return "", false, err
	}
	if res.StatusCode != http.StatusOK {
		return "", bytes.Contains(body, []byte("as far as could be read")) || bytes.Contains(body, []byte("the answer is partial")), fmt.Errorf("%s: %s: %s", path, res.Status, body)
	}
	for _, says := range []string{`"partial":true`, "the answer may lack points", "the answer is partial"} {
		partial = partial || bytes.Contains(body, []byte(says))
	}
	if !strings.Contains(res.Header.Get("Content-Type"), "json") {
		return fmt.Sprintf("%d bytes, %x", len(body), sha256.Sum256(body)), partial, nil
	}
	var all []string
	for d := json.NewDecoder(bytes.NewReader(body)); ; {
		var value any
		if err := d.Decode(&value); err == io.EOF {
			break
		} else if err != nil {
			return "", false, fmt.Errorf("%s: %w: %s", path, err, body)
		}
		if m, ok := value.(map[string]any); ok {
			for _, making := range []string{"stats", "cursor", "elapsedMs", "took_ms"} {
				delete(m, making)
			}
			if strings.HasPrefix(path, "/api/v1/hosts") {
				without(m, "perSecond", "status") // of the moment of asking
			}
			unordered(m["data"])
			unordered(m["rules"])
		}
		text, err := json.Marshal(value)
		if err != nil {
			return "", false, err
		}
		all = append(all, string(text))
	}
	return strings.Join(all, "\n"), partial, nil
}

// unordered sorts what has no order: series of Prometheus' API, and of rules' answers.
func unordered(data any) {
	switch v := data.(type) {
	case map[string]any:
		unordered(v["result"])
		unordered(v["firings"])
	case []any:
		for _, member := range v {
			if m, ok := member.(map[string]any); ok {
				unordered(m["firings"])
			}
		}
		slices.SortFunc(v, func(a, b any) int { return strings.Compare(fmt.Sprint(a), fmt.Sprint(b)) })
	}
}

// compare asks all questions of a process and compares the answers with what another one answered.
func compare(t *testing.T, when string, of *harness.Process, paths []string, want map[string]string) (partial int) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	for _, path := range paths {
		have, lacks, err := answer(ctx, of, path)
		switch {
		case lacks:
			partial++
		case err != nil:
			t.Errorf("%s: %v", when, err)
		case have != want[path]:
			t.Errorf("%s: %s\n%s\nwant\n%s", when, path, clip(have), clip(want[path]))
		}
	}
	return partial
}

func clip(s string) string { return s[:min(len(s), 2000)] }

// TestSame: the same records give the same answers, byte for byte, on 1, 2 and 4 shards of one process, and in a cluster whose count of shards was changed from 1 to 2 to 4 while they
// came in; from heads and from segments, and, as far as answers are whole, while a shard changes hands.
func TestSame(t *testing.T) {
	c := startWith(t, Options{Shards: 1, Roles: map[string]int{"collector": 2, "ingest": 2, "query": 2}})
	ctx, cancel := context.WithTimeout(t.Context(), 5*time.Minute)
	defer cancel()
	// All have the same times, which begin with a second: buckets begin where they do.
	base := time.Now().Add(-2 * time.Minute).Truncate(time.Minute)
	const ticks = 450
	alone := map[int]*harness.Process{}
	sent := map[int]*traffic{}
	for _, shards := range []int{1, 2, 4} {
		p, err := harness.Start(harness.Options{Binary: *clewBinary, Data: filepath.Join(t.TempDir(), "data"), Config: fmt.Sprintf("shards: %d\nlog: {bytes_max: 1073741824}\n", shards)})
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(p.Kill)
		if err := p.WaitReady(time.Minute); err != nil {
			t.Fatal(err)
		}
		alone[shards], sent[shards] = p, newTraffic(base)
		for range ticks {
			if err := sent[shards].send(ctx, []*harness.Process{p}, false); err != nil {
				t.Fatal(err)
			}
		}
	}
	queries := c.Of("query")
	if _, err := c.WaitOwned(ctx, queries[0], nil); err != nil {
		t.Fatal(err)
	}
	l := newTraffic(base)
	for i := range ticks {
		if err := l.send(ctx, c.Of("collector"), true); err != nil {
			t.Fatal(err)
		}
		if shards := map[int]int{ticks / 3: 2, 2 * ticks / 3: 4}[i]; shards > 0 {
			if err := queries[i%2].Post(ctx, fmt.Sprintf("/api/v1/admin/shards?count=%d", shards), nil); err != nil {
				t.Fatal(err)
			}
		}
	}
	if _, err := c.WaitOwned(ctx, queries[0], fair); err != nil {
		t.Fatal(err)
	}
	l.settleOnce(ctx, c, func() *harness.Process { return queries[0] })
	paths := sameQuestions(l, ticks)
	want := map[string]string{}
	waitCount(t, alone[1], l, l.all.logs)
	for _, path := range paths {
		var err error
		if want[path], _, err = answer(ctx, alone[1], path); err != nil {
			t.Fatal(err)
		}
		if len(want[path]) < len(`{"count":10}`) {
			t.Errorf("%s: %s", path, want[path])
		}
	}
	for _, shards := range []int{2, 4} {
		waitCount(t, alone[shards], l, l.all.logs)
		compare(t, fmt.Sprintf("%d shards, heads", shards), alone[shards], paths, want)
	}
	for i, p := range queries {
		waitCount(t, p, l, l.all.logs)
		if n := compare(t, fmt.Sprintf("cluster, heads, query-%d", i+1), p, paths, want); n > 0 {
			t.Errorf("%d partial answers", n)
		}
	}
	c.Processes["ingest-1"].Kill()
	partial, rounds := 1, 0
	for began := time.Now(); partial > 0 && time.Since(began) < failoverMax; rounds++ {
		partial = compare(t, "cluster, during failover", queries[rounds%2], paths, want)
	}
	if partial > 0 {
		t.Errorf("%d answers are partial after %s", partial, failoverMax)
	}
	t.Logf("%d questions, each asked %d times during failover", len(paths), rounds)
	for _, p := range append(c.Of("ingest")[1:], alone[1], alone[2], alone[4]) {
		if err := p.Post(ctx, "/api/v1/admin/seal", nil); err != nil {
			t.Fatal(err)
		}
	}
	for shards, p := range alone {
		compare(t, fmt.Sprintf("%d shards, segments", shards), p, paths, want)
	}
	for i, p := range queries {
		if n := compare(t, fmt.Sprintf("cluster, segments, query-%d", i+1), p, paths, want); n > 0 {
			t.Errorf("%d partial answers", n)
		}
	}
}

// waitCount waits until a process finds so many log records: what was acknowledged has then been read.
func waitCount(t *testing.T, p *harness.Process, l *traffic, logs int) {
	t.Helper()
	l.mu.Lock()
	k := l.all
	l.mu.Unlock()
	for end := time.Now().Add(20 * time.Second); ; time.Sleep(50 * time.Millisecond) {
		n, _, err := questions[0].ask(t.Context(), p, k)
		spans, _, err2 := questions[1].ask(t.Context(), p, k)
		points, _, err3 := questions[7].ask(t.Context(), p, k)
		if err == nil && err2 == nil && err3 == nil && n == logs && spans == k.spans && points == k.points {
			return
		}
		if time.Now().After(end) {
			t.Fatalf("%d log records, %d spans, %d points are found, want %d, %d, %d (%v, %v, %v)", n, spans, points, logs, k.spans, k.points, err, err2, err3)
		}
	}
}

package e2e

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"io/fs"
	"math/rand/v2"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"go.opentelemetry.io/collector/pdata/pcommon"
	"go.opentelemetry.io/collector/pdata/pmetric"
	"go.opentelemetry.io/collector/pdata/pmetric/pmetricotlp"

	"clew/internal/harness"
)

// promAnswer is an answer of Prometheus' API with series and their points.
type promAnswer struct {
	Status   string
	Warnings []string
	Data     struct {
		Result []struct {
			Metric map[string]string
			Value  [2]any
			Values [][2]any
		}
	}
}

func promQuery(t *testing.T, p *harness.Process, query string, at time.Time) *promAnswer {
	t.Helper()
	a := &promAnswer{}
	get(t, p, "/prometheus/api/v1/query", url.Values{"query": {query}, "time": {strconv.FormatFloat(float64(at.UnixMilli())/1000, 'f', 3, 64)}}, a)
	return a
}

// ones is a request with the points 1, 1, 1... of a sum of deltas: clew gives them as 1, 2, 3..., and a point that is there twice counts twice.
func ones(worker string, from time.Time, points int) []byte {
	m := pmetric.NewMetrics()
	rm := m.ResourceMetrics().AppendEmpty()
	rm.Resource().Attributes().PutStr("service.name", "load")
	sum := rm.ScopeMetrics().AppendEmpty().Metrics().AppendEmpty()
	sum.SetName("ones")
	sum.SetEmptySum().SetIsMonotonic(true)
	sum.Sum().SetAggregationTemporality(pmetric.AggregationTemporalityDelta)
	for i := range points {
		dp := sum.Sum().DataPoints().AppendEmpty()
		dp.SetTimestamp(pcommon.NewTimestampFromTime(from.Add(time.Duration(i) * time.Millisecond)))
		dp.SetIntValue(1)
		dp.Attributes().PutStr("worker", worker)
	}
	body, err := pmetricotlp.NewExportRequestFromMetrics(m).MarshalProto()
	if err != nil {
		panic(err) // what was made here can be written
	}
	return body
}

const onesPoints = 20

// onesLoad is what workers sent: each request's first time, and whether it was acknowledged.
type onesLoad struct {
	mu   sync.Mutex
	next [4]time.Time
	sent [4]map[int64]bool
}

func (l *onesLoad) run(ctx context.Context, p *harness.Process) {
	var wg sync.WaitGroup
	for w := range l.sent {
		wg.Go(func() {
			for ctx.Err() == nil {
				l.mu.Lock()
				from := l.next[w]
				l.next[w] = from.Add(onesPoints * time.Millisecond)
				l.sent[w][from.UnixMilli()] = false
				l.mu.Unlock()
				res, err := http.Post("http://"+p.OTLP+"/v1/metrics", "application/x-protobuf", bytes.NewReader(ones(fmt.Sprint(w), from, onesPoints)))
				if err != nil {
					return
				}
				_, err = io.Copy(io.Discard, res.Body)
				res.Body.Close()
				if err == nil && res.StatusCode == http.StatusOK {
					l.mu.Lock()
					l.sent[w][from.UnixMilli()] = true
					l.mu.Unlock()
				}
			}
		})
	}
	wg.Wait()
}

// check holds that all acknowledged points are there, each once, and no others than were sent.
func (l *onesLoad) check(t *testing.T, p *harness.Process, begin time.Time) {
	t.Helper()
	for w := range l.sent {
		a := promQuery(t, p, fmt.Sprintf(`ones_total{worker="%d"}[2h]`, w), begin.Add(time.Hour))
		if a.Status != "success" || len(a.Warnings) > 0 || len(a.Data.Result) != 1 {
			t.Fatalf("worker %d: %s, warnings %v, %d series", w, a.Status, a.Warnings, len(a.Data.Result))
		}
		found := map[int64]int{}
		for i, point := range a.Data.Result[0].Values {
			if point[1] != strconv.Itoa(i+1) {
				t.Fatalf("worker %d: point %d at %v is %v: one is there twice", w, i, point[0], point[1])
			}
			ms := int64(point[0].(float64)*1000 + 0.5)
			found[begin.UnixMilli()+(ms-begin.UnixMilli())/onesPoints*onesPoints]++
		}
		acknowledged := 0
		for from, ok := range l.sent[w] {
			if n := found[from]; n != onesPoints && (ok || n != 0) {
				t.Errorf("worker %d: %d points of a request of %d; acknowledged: %v", w, n, onesPoints, ok)
			}
			delete(found, from)
			if ok {
				acknowledged++
			}
		}
		if len(found) > 0 || acknowledged == 0 {
			t.Errorf("worker %d: %d requests that were not sent, %d acknowledged", w, len(found), acknowledged)
		}
	}
}

// Kill -9 under a load of metrics: what was acknowledged is there, each point once, in heads and segments.
func TestKill9Metrics(t *testing.T) {
	kills := 8
	if testing.Short() {
		kills = 3
	}
	data := tempData(t)
	begin := time.Now().Add(-2 * time.Hour).Truncate(time.Second)
	l := &onesLoad{}
	for w := range l.sent {
		l.next[w], l.sent[w] = begin, map[int64]bool{}
	}
	seed := uint64(time.Now().UnixNano())
	t.Logf("seed %d", seed)
	rng := rand.New(rand.NewPCG(seed, 0))
	for range kills {
		p := start(t, data, sealOften)
		ctx, cancel := context.WithCancel(context.Background())
		done := make(chan struct{})
		go func() { l.run(ctx, p); close(done) }()
		time.Sleep(time.Duration(300+rng.IntN(1500)) * time.Millisecond)
		p.Kill()
		cancel()
		<-done
	}
	p := start(t, data, sealOften)
	l.check(t, p, begin)
	if err := p.Post(t.Context(), "/api/v1/admin/seal", nil); err != nil {
		t.Fatal(err)
	}
	l.check(t, p, begin)
}

// A damaged segment of metrics is named in the warnings of an answer that has all the others' points, and nothing else suffers.
func TestDamagedMetrics(t *testing.T) {
	data := tempData(t)
	p := start(t, data, "")
	begin := time.Now().Add(-time.Hour).Truncate(time.Second)
	for i := range 2 {
		if status, text := post(t, p, "/v1/metrics", "application/x-protobuf", ones(fmt.Sprint(i), begin, 100)); status != http.StatusOK {
			t.Fatal(status, text)
		}
		if err := p.Post(t.Context(), "/api/v1/admin/seal", nil); err != nil {
			t.Fatal(err)
		}
	}
	if a := promQuery(t, p, `ones_total[2h]`, begin.Add(time.Hour)); len(a.Data.Result) != 2 || len(a.Warnings) > 0 {
		t.Fatalf("%d series, warnings %v", len(a.Data.Result), a.Warnings)
	}
	p.Kill()
	var segments []string
	if err := filepath.WalkDir(data, func(path string, d fs.DirEntry, err error) error {
		if err == nil && d.Type().IsRegular() && strings.Contains(path, "metrics") {
			segments = append(segments, path)
		}
		return err
	}); err != nil || len(segments) == 0 {
		t.Fatalf("%d files of segments: %v", len(segments), err)
	}
	text, err := os.ReadFile(segments[0])
	if err != nil {
		t.Fatal(err)
	}
	for _, at := range []int{len(text) / 10, len(text) / 3, len(text) / 2, len(text) - 40} {
		bad := bytes.Clone(text)
		for i := range 30 {
			bad[at+i] ^= 0xa5
		}
		if err := os.WriteFile(segments[0], bad, 0o600); err != nil {
			t.Fatal(err)
		}
		p := start(t, data, "")
		for _, query := range []string{`ones_total[2h]`, `sum by (worker) (ones_total offset 1m)`} {
			a := promQuery(t, p, query, begin.Add(time.Minute+time.Second))
			if a.Status != "success" || len(a.Data.Result) == 2 && len(a.Warnings) == 0 && strings.HasSuffix(query, "]") || len(a.Data.Result) == 0 {
				t.Errorf("damage at %d, %s: %s, %d series, warnings %q", at, query, a.Status, len(a.Data.Result), a.Warnings)
			}
			if len(a.Data.Result) < 2 && !strings.Contains(strings.Join(a.Warnings, " "), filepath.Base(filepath.Dir(segments[0]))) &&
				!strings.Contains(strings.Join(a.Warnings, " "), filepath.Base(segments[0])) {
				t.Errorf("damage at %d: warnings %q do not name %s", at, a.Warnings, segments[0])
			}
		}
		if !p.Running() {
			t.Fatalf("clew ended:\n%s", p.Output())
		}
		p.Kill()
	}
}

// What is sent to Prometheus' own paths arrives, and what Grafana's data source asks is answered.
func TestPrometheusPaths(t *testing.T) {
	p := start(t, tempData(t), "")
	begin := time.Now().Add(-time.Minute)
	res, err := http.Post("http://"+p.HTTP+"/prometheus/api/v1/otlp/v1/metrics", "application/x-protobuf", bytes.NewReader(ones("otlp", begin, 10)))
	if err != nil {
		t.Fatal(err)
	}
	res.Body.Close()
	if res.StatusCode != http.StatusOK {
		t.Fatalf("OTLP: %s", res.Status)
	}
	now := strconv.FormatInt(time.Now().Unix(), 10)
	for _, c := range []struct {
		path string
		form url.Values
		want string
	}{
		{"query", url.Values{"query": {`sum(ones_total)`}, "time": {now}}, `"10"`},
		{"query_range", url.Values{"query": {`ones_total`}, "start": {strconv.FormatInt(begin.Unix()-60, 10)}, "end": {now}, "step": {"15"}}, `"worker":"otlp"`},
		{"labels", url.Values{"match[]": {`ones_total`}}, `"worker"`},
		{"series", url.Values{"match[]": {`{job="load"}`}}, `"__name__":"ones_total"`},
	} {
		res, err := http.PostForm("http://"+p.HTTP+"/prometheus/api/v1/"+c.path, c.form)
		if err != nil {
			t.Fatal(err)
		}
		text, err := io.ReadAll(res.Body)
		res.Body.Close()
		if err != nil || res.StatusCode != http.StatusOK || !strings.Contains(string(text), c.want) {
			t.Errorf("POST %s: %s %.300s; want %s", c.path, res.Status, text, c.want)
		}
	}
}

package api

import (
	"bytes"
	"compress/gzip"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"clew/index"
	"clew/internal/telemetry"
	"clew/query/engine"
)

// cartTrace has a skewed clock, a missing parent, an error, events, and both sides of a call under one id.
const cartTrace = `
frontend "GET /cart" server @0 +120ms error host=a
  frontend "cart.Get" client @10ms +40ms host=a
    cart "cart.Get" server @-2985ms +30ms error "no stock" host=b event=retry
  ? frontend "audit" internal @60ms +30ms host=a
    frontend "audit.Put" client @65ms +10ms id=00000000000000aa host=a
audit "audit.Put" server @66ms +8ms id=00000000000000aa host=a
`

func traceNumber(n int) (id telemetry.TraceID) {
	copy(id[:], fmt.Sprintf("trace%11d", n))
	return id
}

// world is cartTrace as trace 1, and twenty traces of one or two spans, a second apart, as 2 to 21, with log records of trace 1.
func world(t *testing.T) map[string]*Server {
	traces := map[telemetry.TraceID]string{traceNumber(1): cartTrace}
	for i := 2; i <= 21; i++ {
		traces[traceNumber(i)] = fmt.Sprintf("web \"get\" server @%ds +%dms\n  db \"query\" client @%dms +1ms\n", i, i, i*1000+1)
	}
	lines := []logLine{
		{traceNumber(1), telemetry.SpanID{7: 3}, -2980e6, "in the cart's own time"},
		{traceNumber(1), telemetry.SpanID{7: 99}, 5e6, "ä" + strings.Repeat("long", 100)},
	}
	spans, logs := head(t, "spans", spanBatch(t, traces)), head(t, "logs", logBatch(lines))
	return map[string]*Server{
		"head": serve(t, &partsSource{parts: map[telemetry.Signal][]index.Part{
			telemetry.Spans: {spans}, telemetry.Logs: {logs},
		}}, engine.Limits{}),
		"segment": serve(t, &partsSource{parts: map[telemetry.Signal][]index.Part{
			telemetry.Spans: {sealed(t, spans)}, telemetry.Logs: {sealed(t, logs)},
		}}, engine.Limits{}),
	}
}

func TestTraces(t *testing.T) {
	for name, s := range world(t) {
		t.Run(name, func(t *testing.T) {
			var page Traces
			var seen []string
			pages := 0
			for cursor := ""; pages == 0 || cursor != ""; cursor = page.Cursor {
				page = Traces{}
				get(t, s, "/api/v1/traces?limit=8&cursor="+cursor, &page)
				for _, x := range page.Traces {
					seen = append(seen, x.TraceID)
				}
				pages++
			}
			var want []string
			for i := 21; i >= 1; i-- {
				want = append(want, traceNumber(i).String())
			}
			if diff := cmp.Diff(want, seen); diff != "" || pages != 3 {
				t.Errorf("%d pages (-want +got):\n%s", pages, diff)
			}
			var found Traces
			get(t, s, "/api/v1/traces?query=status:error+service:cart", &found)
			want1 := []TraceSummary{{
				TraceID: traceNumber(1).String(), Start: "2026-11-21T11:59:57.015Z", StartNano: "1795262397015000000", DurationNano: 3105e6,
				RootService: "frontend", RootName: "GET /cart", Spans: 5, Errors: 2, Matched: 1,
				Services: []TraceService{{"frontend", 3, 1}, {"audit", 1, 0}, {"cart", 1, 1}},
			}}
			if diff := cmp.Diff(want1, found.Traces); diff != "" || found.Cursor != "" {
				t.Errorf("(-want +got):\n%s", diff)
			}
		})
	}
}

func TestHeatmap(t *testing.T) {
	for name, s := range world(t) {
		t.Run(name, func(t *testing.T) {
			var h Heatmap
			get(t, s, "/api/v1/heatmap?query=name:get+service:web&start=2026-11-21T12:00:00Z&end=2026-11-21T12:00:25Z&step=5s", &h)
			if h.Start != "2026-11-21T12:00:00Z" || h.StepMs != 5000 || h.Count != 20 {
				t.Errorf("%+v", h)
			}
			// Durations are 2 to 21 ms: trace i lasts i ms and begins at second i.
			if want := []int64{3162278, 5623413, 10000000, 17782794, 31622777}; !slices.Equal(h.Bounds, want) {
				t.Errorf("bounds %v", h.Bounds)
			}
			want := []HeatmapColumn{
				{Counts: []uint64{2, 1, 0, 0, 0}, Errors: make([]uint64, 5)}, // 2 3 | 4
				{Counts: []uint64{0, 1, 4, 0, 0}, Errors: make([]uint64, 5)}, // 5 | 6 to 9
				{Counts: []uint64{0, 0, 1, 4, 0}, Errors: make([]uint64, 5)}, // 10 | 11 to 14
				{Counts: []uint64{0, 0, 0, 3, 2}, Errors: make([]uint64, 5)},
				{Counts: []uint64{0, 0, 0, 0, 2}, Errors: make([]uint64, 5)},
			}
			if diff := cmp.Diff(want, h.Columns); diff != "" {
				t.Errorf("(-want +got):\n%s", diff)
			}
			get(t, s, "/api/v1/heatmap?query=service:cart&step=1m", &h)
			if h.Count != 1 || h.Columns[0].Errors[0] != 1 {
				t.Errorf("%+v", h)
			}
			get(t, s, "/api/v1/heatmap?query=service:nobody&step=1m", &h)
			if h.Count != 0 || len(h.Bounds) != 0 {
				t.Errorf("%+v", h)
			}
		})
	}
}

// TestSkeleton holds that the skeleton says what the whole trace says.
func TestSkeleton(t *testing.T) {
	for name, s := range world(t) {
		t.Run(name, func(t *testing.T) {
			var raw struct {
				Skeleton
				Nodes struct {
					SkeletonNodes
					Skew map[string]int64 `json:"skew"`
				} `json:"nodes"`
			}
			get(t, s, "/api/v1/traces/"+traceNumber(1).String()+"/skeleton", &raw)
			var whole Trace
			get(t, s, "/api/v1/traces/"+traceNumber(1).String(), &whole)
			sk := raw.Skeleton
			if len(whole.Nodes) != 6 || sk.Missing != 1 || sk.Start != whole.Start || sk.DurationNano != whole.DurationNano {
				t.Fatalf("%d nodes, %+v", len(whole.Nodes), sk)
			}
			reasons := map[int]string{0: "", flagMissing: "missing", flagCycle: "cycle", flagDuplicate: "duplicate"}
			for i, n := range whole.Nodes {
				c := &raw.Nodes
				have := Node{
					Span: n.Span, Parent: c.Parent[i], Depth: c.Depth[i], SpanID: c.Span[i], Service: sk.Services[c.Service[i]], Name: sk.Names[c.Name[i]],
					Kind: sk.Kinds[c.Kind[i]], Reason: reasons[c.Flags[i]&(flagMissing|flagCycle|flagDuplicate)], Error: c.Flags[i]&flagError != 0,
					OffsetNano: c.Offset[i], DurationNano: c.Duration[i], SelfNano: c.Self[i], SkewNano: c.Skew[fmt.Sprint(i)], CriticalNano: n.CriticalNano,
				}
				if diff := cmp.Diff(n, have); diff != "" {
					t.Errorf("node %d (-whole +skeleton):\n%s", i, diff)
				}
				events := n.Span >= 0 && len(whole.Spans[n.Span].Events) > 0
				if events != (c.Flags[i]&flagEvents != 0) {
					t.Errorf("node %d: events %v, flags %b", i, events, c.Flags[i])
				}
			}
			if len(raw.Nodes.Skew) != 1 {
				t.Errorf("skew %v", raw.Nodes.Skew)
			}
			for i, step := range whole.Critical {
				if have := (Step{sk.Critical.Node[i], sk.Critical.From[i], sk.Critical.To[i]}); have != step {
					t.Errorf("step %d: %v, want %v", i, have, step)
				}
			}
			if diff := cmp.Diff(whole.Services, sk.ServiceTimes) + cmp.Diff(whole.Clocks, sk.Clocks) + cmp.Diff(whole.ErrorOrigins, sk.ErrorOrigins); diff != "" {
				t.Error(diff)
			}
			// The cart's clock is 3 s behind; its log record is moved with its span.
			wantLogs := SkeletonLogs{
				ID: []string{whole.Logs[0].ID, whole.Logs[1].ID}, Node: []int{2, -1}, Offset: []int64{20e6, 5e6}, Severity: []int{13, 13},
				Body: []string{"in the cart's own time", "ä" + strings.Repeat("long", 49) + "lon"},
			}
			if diff := cmp.Diff(wantLogs, sk.Logs); diff != "" {
				t.Errorf("logs (-want +got):\n%s", diff)
			}
		})
	}
}

// TestSkeletonOfTexts holds that what is stored and read again gives the same skeletons as the text traces themselves.
func TestSkeletonOfTexts(t *testing.T) {
	texts, err := filepath.Glob(filepath.Join(fixtureTraces, "*.test"))
	if err != nil || len(texts) == 0 {
		t.Fatalf("no text traces: %v", err)
	}
	for _, file := range texts {
		text, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		trace, _, _ := strings.Cut(string(text), "----\n")
		want := skeletonAnswer(textSkeleton(t, trace))
		id, err := telemetry.ParseTraceID(want.TraceID)
		if err != nil {
			t.Fatal(err)
		}
		part := head(t, "h", spanBatch(t, map[telemetry.TraceID]string{id: trace}))
		for _, part := range []index.Part{part, sealed(t, part)} {
			s := serve(t, &partsSource{parts: map[telemetry.Signal][]index.Part{telemetry.Spans: {part}}}, engine.Limits{})
			var have, wanted map[string]any
			get(t, s, "/api/v1/traces/"+want.TraceID+"/skeleton", &have)
			b, err := json.Marshal(want)
			if err == nil {
				err = json.Unmarshal(b, &wanted)
			}
			if err != nil {
				t.Fatal(err)
			}
			delete(have, "stats")
			delete(wanted, "stats")
			if diff := cmp.Diff(wanted, have); diff != "" {
				t.Errorf("%s (-text +stored):\n%s", file, diff)
			}
		}
	}
}

func TestSkeletonTruncated(t *testing.T) {
	part := head(t, "h", spanBatch(t, map[telemetry.TraceID]string{traceNumber(1): cartTrace}))
	s := serve(t, &partsSource{parts: map[telemetry.Signal][]index.Part{telemetry.Spans: {part}}}, engine.Limits{SkeletonSpans: 3})
	var sk struct {
		Truncated bool
		Nodes     struct{ Flags []int }
	}
	get(t, s, "/api/v1/traces/"+traceNumber(1).String()+"/skeleton", &sk)
	received := 0
	for _, f := range sk.Nodes.Flags {
		if f&flagMissing == 0 {
			received++
		}
	}
	if !sk.Truncated || received != 3 {
		t.Errorf("%+v", sk)
	}
	get(t, serve(t, &partsSource{parts: map[telemetry.Signal][]index.Part{telemetry.Spans: {part}}}, engine.Limits{SkeletonSpans: 5}),
		"/api/v1/traces/"+traceNumber(1).String()+"/skeleton", &sk)
	if sk.Truncated {
		t.Error("five spans of five are said to be truncated")
	}
}

func TestSpan(t *testing.T) {
	for name, s := range world(t) {
		t.Run(name, func(t *testing.T) {
			var d SpanDetail
			get(t, s, "/api/v1/traces/"+traceNumber(1).String()+"/spans/3", &d)
			if d.Span.Name != "cart.Get" || d.Span.StatusMessage != "no stock" || len(d.Others) != 0 || len(d.Logs) != 1 || d.Logs[0].Body != "in the cart's own time" {
				t.Errorf("%+v", d)
			}
			get(t, s, "/api/v1/traces/"+traceNumber(1).String()+"/spans/aa", &d)
			if d.Span.Kind != "client" || len(d.Others) != 1 || d.Others[0].Kind != "server" || len(d.Logs) != 0 {
				t.Errorf("%+v", d)
			}
		})
	}
}

// TestNotFound holds what is said about what is not there, and about what cannot be read.
func TestNotFound(t *testing.T) {
	s := serve(t, &partsSource{partial: []string{"segment x is damaged"}}, engine.Limits{})
	for target, want := range map[string]string{
		"/api/v1/traces/1/skeleton":                                `no span and no log record has the trace id 00000000000000000000000000000001, as far as could be read: segment x is damaged`,
		"/api/v1/traces/1/spans/2":                                 `has no span 0000000000000002, as far as could be read`,
		"/api/v1/traces/xyz/skeleton":                              `"field":"id"`,
		"/api/v1/traces/1/spans/xyz":                               `"field":"spanId"`,
		"/api/v1/traces?cursor=AgAA":                               `"field":"cursor"`,
		"/api/v1/traces?limit=1001":                                `"field":"limit"`,
		"/api/v1/traces?signal=logs":                               `signal: unknown parameter`,
		"/api/v1/heatmap?step=0s":                                  `"field":"step"`,
		"/api/v1/heatmap?start=2&end=1":                            `"field":"end"`,
		"/api/v1/heatmap?query=kind:(":                             `"pos"`,
		"/api/v1/heatmap?step=1ms&start=2026-01-01&end=2026-01-02": `too_large`,
	} {
		if body := ask(s, target); !strings.Contains(body, want) {
			t.Errorf("%s: %s, want %s", target, body, want)
		}
	}
	var none Traces
	get(t, s, "/api/v1/traces", &none)
	if none.Traces == nil || !none.Stats.Partial {
		t.Errorf("%+v", none)
	}
}

// TestCompression holds that large JSON is compressed for those who accept it, and only for them; and not for who is on the same machine.
func TestCompression(t *testing.T) {
	s := world(t)["head"]
	ask := func(target, accept string) *httptest.ResponseRecorder {
		w := httptest.NewRecorder()
		r := httptest.NewRequest(http.MethodGet, target, nil)
		r.Header.Set("Accept-Encoding", accept)
		s.ServeHTTP(w, r)
		return w
	}
	plain, zipped := ask("/api/v1/traces", "identity"), ask("/api/v1/traces", "gzip, br")
	if plain.Header().Get("Content-Encoding") != "" || zipped.Header().Get("Content-Encoding") != "gzip" {
		t.Fatalf("%v, %v", plain.Header(), zipped.Header())
	}
	z, err := gzip.NewReader(zipped.Body)
	if err != nil {
		t.Fatal(err)
	}
	body, err := io.ReadAll(z)
	if err != nil {
		t.Fatal(err)
	}
	cut := func(b []byte) []byte { b, _, _ = bytes.Cut(b, []byte(`"stats"`)); return b }
	if !bytes.Equal(cut(body), cut(plain.Body.Bytes())) || len(body) < compressBytesMin {
		t.Errorf("%s\nis not\n%s", body, plain.Body)
	}
	if w := ask("/api/v1/traces?query=service:nobody", "gzip"); w.Header().Get("Content-Encoding") != "" {
		t.Errorf("%d bytes are compressed", w.Body.Len())
	}
	for _, c := range []struct {
		from, header string
		want         string
	}{
		{"127.0.0.1:5000", "", ""},
		{"[::1]:5000", "", ""},
		{"192.0.2.1:5000", "", "gzip"},
		{"", "", "gzip"},
		{"127.0.0.1:5000", "X-Forwarded-For", "gzip"},
		{"[::1]:5000", "Via", "gzip"},
	} {
		w := httptest.NewRecorder()
		r := httptest.NewRequest(http.MethodGet, "/api/v1/traces", nil)
		r.Header.Set("Accept-Encoding", "gzip")
		r.RemoteAddr = c.from
		if c.header != "" {
			r.Header.Set(c.header, "192.0.2.7")
		}
		s.ServeHTTP(w, r)
		if have := w.Header().Get("Content-Encoding"); have != c.want {
			t.Errorf("from %q, %q set: compressed %q, want %q", c.from, c.header, have, c.want)
		}
	}
}

// An export that cannot be whole from its first page on says why, instead of a connection that breaks.
func TestExportOfDamaged(t *testing.T) {
	s := serve(t, &partsSource{partial: []string{"segment x is damaged"}}, engine.Limits{})
	for _, format := range []string{"jsonl", "otlp"} {
		if body := ask(s, "/api/v1/export?format="+format); !strings.Contains(body, `"message":"the answer is partial: segment x is damaged"`) {
			t.Errorf("%s: %s", format, body)
		}
	}
}

package api

import (
	"context"
	"encoding/json"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"go.opentelemetry.io/collector/pdata/pcommon"
	"go.opentelemetry.io/collector/pdata/plog"
	"go.opentelemetry.io/collector/pdata/ptrace"

	"clew/index"
	"clew/index/segment"
	"clew/index/store"
	"clew/index/table"
	"clew/internal/telemetry"
	"clew/internal/tracetext"
	"clew/query/engine"
	"clew/query/parts"
)

// partsSource always gives the same parts.
type partsSource struct {
	parts   map[telemetry.Signal][]index.Part
	partial []string
}

func (s *partsSource) View(_ context.Context, scope parts.Scope) (*parts.View, error) {
	return &parts.View{Parts: s.parts[scope.Signal], Partial: s.partial, Release: func() {}}, nil
}

func serve(t testing.TB, source parts.Source, limits engine.Limits) *Server {
	t.Helper()
	e := engine.New(source, limits, slog.New(slog.DiscardHandler))
	t.Cleanup(e.Close)
	return New(Deps{Engine: e, Registry: prometheus.NewRegistry(), Logger: slog.New(slog.DiscardHandler), Ready: func() error { return nil }})
}

// head makes a head generation of a batch, and sealed a segment of parts.
func head(t testing.TB, id string, b *telemetry.Batch) index.Part {
	t.Helper()
	tb := table.New(id, b.Signal, "default", 0)
	if err := tb.Append(b, nil); err != nil {
		t.Fatal(err)
	}
	b.Release()
	return tb.Snapshot()
}

func sealed(t testing.TB, part index.Part) index.Part {
	t.Helper()
	st, err := store.OpenDir(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	id := segment.NewID(0, part.Info().Signal, fixtureStart)
	if _, err := segment.Write(t.Context(), st, id, []index.Part{part}, segment.Options{}); err != nil {
		t.Fatal(err)
	}
	s, err := segment.Open(t.Context(), st, id, segment.NewCache(256<<20, 0))
	if err != nil {
		t.Fatal(err)
	}
	return s
}

var spanKinds = map[string]ptrace.SpanKind{"internal": 1, "server": 2, "client": 3, "producer": 4, "consumer": 5}

// spanBatch makes spans of text traces; each begins after fixtureStart as its lines say. Attributes "host" go to the resource.
func spanBatch(t testing.TB, traces map[telemetry.TraceID]string) *telemetry.Batch {
	t.Helper()
	b := telemetry.NewBuilder(telemetry.Spans, "default")
	for id, text := range traces {
		lines, err := tracetext.Parse(strings.NewReader(text))
		if err != nil {
			t.Fatal(err)
		}
		for _, l := range lines {
			if !l.Received {
				continue
			}
			res := pcommon.NewResource()
			res.Attributes().PutStr("service.name", l.Service)
			s := ptrace.NewSpan()
			for _, a := range l.Attributes {
				switch a.Key {
				case "host":
					res.Attributes().PutStr("host.name", a.Value)
				case "event":
					s.Events().AppendEmpty().SetName(a.Value)
				default:
					s.Attributes().PutStr(a.Key, a.Value)
				}
			}
			b.UseSet(res, "", pcommon.NewInstrumentationScope(), "")
			s.SetTraceID(pcommon.TraceID(id))
			s.SetSpanID(pcommon.SpanID(l.ID))
			s.SetParentSpanID(pcommon.SpanID(l.Parent))
			s.SetName(l.Name)
			s.SetKind(spanKinds[l.Kind])
			s.SetStartTimestamp(pcommon.NewTimestampFromTime(fixtureStart.Add(l.Start)))
			s.SetEndTimestamp(pcommon.NewTimestampFromTime(fixtureStart.Add(l.Start + l.Duration)))
			s.Status().SetCode(map[string]ptrace.StatusCode{"unset": 0, "ok": 1, "error": 2}[l.Status])
			s.Status().SetMessage(l.Message)
			b.AppendSpan(s, fixtureStart)
		}
	}
	return b.Build()
}

// logLine is a log record of a span.
type logLine struct {
	trace telemetry.TraceID
	span  telemetry.SpanID
	after time.Duration
	body  string
}

func logBatch(lines []logLine) *telemetry.Batch {
	b := telemetry.NewBuilder(telemetry.Logs, "default")
	res := pcommon.NewResource()
	res.Attributes().PutStr("service.name", "cart")
	b.UseSet(res, "", pcommon.NewInstrumentationScope(), "")
	for _, l := range lines {
		r := plog.NewLogRecord()
		r.SetTimestamp(pcommon.NewTimestampFromTime(fixtureStart.Add(l.after)))
		r.SetSeverityNumber(plog.SeverityNumberWarn)
		r.SetTraceID(pcommon.TraceID(l.trace))
		r.SetSpanID(pcommon.SpanID(l.span))
		r.Body().SetStr(l.body)
		b.AppendLog(r, fixtureStart)
	}
	return b.Build()
}

// get asks and reads the answer into out, which must be 200.
func get(t *testing.T, h http.Handler, target string, out any) {
	t.Helper()
	w := httptest.NewRecorder()
	h.ServeHTTP(w, httptest.NewRequest(http.MethodGet, target, nil))
	if w.Code != http.StatusOK {
		t.Fatalf("%s: %d %s", target, w.Code, w.Body)
	}
	if have := w.Header().Get("Cache-Control"); have != "no-store" {
		t.Errorf("%s: Cache-Control is %q", target, have)
	}
	if err := json.Unmarshal(w.Body.Bytes(), out); err != nil {
		t.Fatalf("%s: %v in %s", target, err, w.Body)
	}
}

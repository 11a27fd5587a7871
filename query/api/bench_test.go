package api

import (
	"encoding/binary"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"testing"
	"time"

	"go.opentelemetry.io/collector/pdata/pcommon"
	"go.opentelemetry.io/collector/pdata/ptrace"

	"clew/index"
	"clew/internal/telemetry"
	"clew/query/engine"
)

// hugeTrace is one trace of n spans of 12 services, each span with up to eight children, and a log record for every tenth span.
func hugeTrace(n int) (*telemetry.Batch, *telemetry.Batch) {
	b := telemetry.NewBuilder(telemetry.Spans, "default")
	resources := make([]pcommon.Resource, 12)
	for i := range resources {
		resources[i] = pcommon.NewResource()
		resources[i].Attributes().PutStr("service.name", fmt.Sprintf("service-%d", i))
		resources[i].Attributes().PutStr("host.name", fmt.Sprintf("host-%d", i%5))
	}
	spanID := func(i int) (id telemetry.SpanID) {
		binary.BigEndian.PutUint64(id[:], uint64(i+1)*0x9E3779B97F4A7C15)
		return id
	}
	var lines []logLine
	for i := range n {
		b.UseSet(resources[i%12], "", pcommon.NewInstrumentationScope(), "")
		s := ptrace.NewSpan()
		s.SetTraceID(pcommon.TraceID(traceNumber(1)))
		s.SetSpanID(pcommon.SpanID(spanID(i)))
		if i > 0 {
			s.SetParentSpanID(pcommon.SpanID(spanID((i - 1) / 8)))
		}
		s.SetName(fmt.Sprintf("operation %d", i%300))
		s.SetKind(ptrace.SpanKind(1 + i%5))
		at := time.Duration(i) * 100 * time.Microsecond
		s.SetStartTimestamp(pcommon.NewTimestampFromTime(fixtureStart.Add(at)))
		s.SetEndTimestamp(pcommon.NewTimestampFromTime(fixtureStart.Add(at + time.Duration(n-i)*time.Millisecond)))
		s.Attributes().PutStr("user.id", fmt.Sprintf("u-%08x", i))
		s.Attributes().PutInt("http.response.status_code", int64(200+i%4*100))
		b.AppendSpan(s, fixtureStart)
		if i%10 == 0 {
			lines = append(lines, logLine{traceNumber(1), spanID(i), at, fmt.Sprintf("step %d of %d took %d ms", i, n, i%1000)})
		}
	}
	return b.Build(), logBatch(lines)
}

// BenchmarkSkeleton answers with a skeleton as a browser asks for it: compressed. megabytes is the answer before compression.
func BenchmarkSkeleton(b *testing.B) {
	for _, n := range []int{1000, 100_000, 250_000} {
		spans, logs := hugeTrace(n)
		spanPart, logPart := head(b, "spans", spans), head(b, "logs", logs)
		for _, kept := range []struct {
			name  string
			parts map[telemetry.Signal][]index.Part
		}{
			{"head", map[telemetry.Signal][]index.Part{telemetry.Spans: {spanPart}, telemetry.Logs: {logPart}}},
			{"segment", map[telemetry.Signal][]index.Part{telemetry.Spans: {sealed(b, spanPart)}, telemetry.Logs: {sealed(b, logPart)}}},
		} {
			s := serve(b, &partsSource{parts: kept.parts}, engine.Limits{})
			for _, encoding := range []string{"identity", "gzip"} {
				b.Run(fmt.Sprintf("%d/%s/%s", n, kept.name, encoding), func(b *testing.B) {
					b.ReportAllocs()
					size := 0
					for b.Loop() {
						w := httptest.NewRecorder()
						r := httptest.NewRequest(http.MethodGet, "/api/v1/traces/"+traceNumber(1).String()+"/skeleton", nil)
						r.Header.Set("Accept-Encoding", encoding)
						s.ServeHTTP(w, r)
						if w.Code != http.StatusOK {
							b.Fatal(w.Body)
						}
						size = w.Body.Len()
						_, _ = io.Copy(io.Discard, w.Body)
					}
					b.ReportMetric(float64(size)/1e6, "MB")
				})
			}
		}
	}
}

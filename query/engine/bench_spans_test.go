package engine

import (
	"encoding/binary"
	"fmt"
	"math/rand/v2"
	"testing"
	"time"

	"go.opentelemetry.io/collector/pdata/pcommon"
	"go.opentelemetry.io/collector/pdata/ptrace"

	"clew/index"
	"clew/index/segment"
	"clew/index/store"
	"clew/index/table"
	"clew/internal/telemetry"
)

// spansOfTrace is how many spans a trace of the benchmarks has.
const spansOfTrace = 20

// generatedSpans fills segments of a million spans; a trace begins every 10 ms and lasts about a second.
func generatedSpans(b *testing.B, records int) []index.Part {
	st, err := store.OpenDir(b.TempDir())
	if err != nil {
		b.Fatal(err)
	}
	cache := segment.NewCache(2<<30, 0)
	rng := rand.New(rand.NewPCG(1, 2))
	resources := make([]pcommon.Resource, 10)
	for i := range resources {
		resources[i] = pcommon.NewResource()
		resources[i].Attributes().PutStr("service.name", fmt.Sprintf("service-%d", i))
		resources[i].Attributes().PutStr("host.name", fmt.Sprintf("host-%d", i%4))
	}
	var parts []index.Part
	for done := 0; done < records; {
		tb := table.New("head", telemetry.Spans, "default", 0)
		for tb.Rows() < 1_000_000 && done < records {
			batch := telemetry.NewBuilder(telemetry.Spans, "default")
			for range 500 {
				appendTrace(batch, rng, resources, testNow.Add(time.Duration(done/spansOfTrace)*10*time.Millisecond))
				done += spansOfTrace
			}
			built := batch.Build()
			if err := tb.Append(built, nil); err != nil {
				b.Fatal(err)
			}
			built.Release()
		}
		parts = append(parts, sealed(b, st, cache, tb.Snapshot()))
	}
	return parts
}

func appendTrace(batch *telemetry.Builder, rng *rand.Rand, resources []pcommon.Resource, start time.Time) {
	var trace pcommon.TraceID
	binary.BigEndian.PutUint64(trace[:], rng.Uint64())
	binary.BigEndian.PutUint64(trace[8:], rng.Uint64())
	var ids [spansOfTrace]pcommon.SpanID
	for i := range spansOfTrace {
		binary.BigEndian.PutUint64(ids[i][:], rng.Uint64())
		batch.UseSet(resources[(i*7)%10], "", pcommon.NewInstrumentationScope(), "")
		s := ptrace.NewSpan()
		s.SetTraceID(trace)
		s.SetSpanID(ids[i])
		if i > 0 {
			s.SetParentSpanID(ids[(i-1)/3])
		}
		s.SetName(fmt.Sprintf("operation %d", i*3%17))
		s.SetKind(ptrace.SpanKind(1 + i%5))
		at := start.Add(time.Duration(i) * 20 * time.Millisecond)
		s.SetStartTimestamp(pcommon.NewTimestampFromTime(at))
		s.SetEndTimestamp(pcommon.NewTimestampFromTime(at.Add(time.Duration(rng.Int64N(int64(time.Second))))))
		if rng.IntN(50) == 0 {
			s.Status().SetCode(ptrace.StatusCodeError)
		}
		s.Attributes().PutInt("http.response.status_code", int64(200+rng.IntN(4)*100))
		s.Attributes().PutStr("user.id", fmt.Sprintf("u-%08x", rng.Uint32()))
		batch.AppendSpan(s, testNow)
	}
}

// BenchmarkSpans asks warm segments.
func BenchmarkSpans(b *testing.B) {
	parts := generatedSpans(b, *benchRecords)
	e := newEngine(b, &fixedSource{parts: map[telemetry.Signal][]index.Part{telemetry.Spans: parts}})
	request := func(query string) Request {
		return Request{Tenant: "default", Signal: telemetry.Spans, Query: mustParse(b, query)}
	}
	for _, query := range []string{"*", "service:service-3", "status:error", "duration>990ms status:error", "http.response.status_code:500 name:operation"} {
		b.Run("traces20/"+query, func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				if f, err := e.Traces(b.Context(), TraceSearch{Request: request(query), Limit: 20}); err != nil || len(f.Traces) != 20 {
					b.Fatal(err)
				}
			}
		})
		b.Run("traces20second/"+query, func(b *testing.B) {
			first, err := e.Traces(b.Context(), TraceSearch{Request: request(query), Limit: 20})
			if err != nil {
				b.Fatal(err)
			}
			b.ReportAllocs()
			for b.Loop() {
				if f, err := e.Traces(b.Context(), TraceSearch{Request: request(query), Limit: 20, Cursor: first.Cursor}); err != nil || len(f.Traces) != 20 {
					b.Fatal(err)
				}
			}
		})
	}
	for _, query := range []string{"*", "service:service-3", "status:error"} {
		b.Run("heatmap/"+query, func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				if _, err := e.Heatmap(b.Context(), request(query), 10*time.Second); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
	b.Run("countLastMinute", func(b *testing.B) {
		r := request("*")
		r.From = parts[len(parts)-1].Info().MaxTime - int64(time.Minute)
		for b.Loop() {
			if _, err := e.Count(b.Context(), r); err != nil {
				b.Fatal(err)
			}
		}
	})
}

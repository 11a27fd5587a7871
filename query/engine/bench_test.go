package engine

import (
	"flag"
	"testing"
	"time"

	"go.opentelemetry.io/collector/pdata/pcommon"
	"go.opentelemetry.io/collector/pdata/plog"

	"clew/index"
	"clew/index/segment"
	"clew/index/store"
	"clew/index/table"
	"clew/internal/loggen"
	"clew/internal/telemetry"
)

// -records 5000000 -run xxx -bench . is the figure; the default is quick.
var benchRecords = flag.Int("records", 500_000, "log records that benchmarks search, in segments of a million")

// plantedUUID is in one of the records.
const plantedUUID = "5b0e4f5e-93d7-4c41-a6f2-71d9a4f0c3be"

// generated fills segments with loggen's records and returns them with a trace id that occurs.
func generated(b *testing.B, records int) (parts []index.Part, trace telemetry.TraceID) {
	st, err := store.OpenDir(b.TempDir())
	if err != nil {
		b.Fatal(err)
	}
	cache := segment.NewCache(2<<30, 0)
	gen := loggen.New(1)
	var rec loggen.Record
	for done := 0; done < records; {
		tb := table.New("head", telemetry.Logs, "default", 0)
		for tb.Rows() < 1_000_000 && done < records {
			batch := telemetry.NewBuilder(telemetry.Logs, "default")
			sets := map[string]pcommon.Resource{}
			for range min(10_000, records-done) {
				gen.Next(&rec)
				if done++; done == records/3 {
					rec.Body = []byte("request completed method=GET path=/healthz status=200 duration=0.310ms request_id=" + plantedUUID)
				}
				res, ok := sets[rec.Instance]
				if !ok {
					res = pcommon.NewResource()
					res.Attributes().PutStr("service.name", rec.Service)
					res.Attributes().PutStr("service.instance.id", rec.Instance)
					sets[rec.Instance] = res
				}
				batch.UseSet(res, "", pcommon.NewInstrumentationScope(), "")
				lr := plog.NewLogRecord()
				lr.SetTimestamp(pcommon.Timestamp(rec.Time))
				lr.SetSeverityNumber(plog.SeverityNumber(rec.Severity))
				lr.Body().SetStr(string(rec.Body))
				if rec.HasTrace {
					lr.SetTraceID(rec.TraceID)
					lr.SetSpanID(rec.SpanID)
					trace = rec.TraceID
				}
				batch.AppendLog(lr, testNow)
			}
			built := batch.Build()
			if err := tb.Append(built, nil); err != nil {
				b.Fatal(err)
			}
			built.Release()
		}
		parts = append(parts, sealed(b, st, cache, tb.Snapshot()))
	}
	return parts, trace
}

// BenchmarkLogs asks warm segments.
func BenchmarkLogs(b *testing.B) {
	parts, trace := generated(b, *benchRecords)
	rows := 0
	for _, p := range parts {
		rows += p.Info().Rows
	}
	e := newEngine(b, &fixedSource{parts: map[telemetry.Signal][]index.Part{telemetry.Logs: parts}})
	b.Logf("%d records in %d segments", rows, len(parts))
	request := func(query string) Request {
		return Request{Tenant: "default", Signal: telemetry.Logs, Query: mustParse(b, query)}
	}
	for _, query := range []string{
		"timeout", `"connection refused"`, "conn*", "conection~1", "/time.?out/", "/(?i)TIMEOUT/", `/status=5\d\d/`, "/[0-9a-f]{8}-[0-9a-f]{4}/", `/\d+ms$/`, "/nnectionRese/", "/[a-z]=[0-9]{5}ms/", "timeout service:checkout",
		"service:checkout severity>=error", "-info", "12345", `"` + plantedUUID + `"`, `"in from 10.0"`, "any:checkout", "*", "trace_id:" + trace.String(),
	} {
		b.Run("count/"+query, func(b *testing.B) {
			b.ReportAllocs()
			r := request(query)
			var stats Stats
			if _, err := e.Count(b.Context(), r); err != nil { // warm
				b.Fatal(err)
			}
			for b.Loop() {
				c, err := e.Count(b.Context(), r)
				if err != nil {
					b.Fatal(err)
				}
				stats = c.Stats
			}
			b.ReportMetric(float64(stats.RowsMatched), "matched")
			b.ReportMetric(float64(stats.RowsRebuilt), "rebuilt")
		})
	}
	for _, query := range []string{"*", "timeout", "service:checkout"} {
		for _, by := range []string{"", "severity", "service"} {
			b.Run("histogram/"+query+"/"+by, func(b *testing.B) {
				b.ReportAllocs()
				r := request(query)
				for b.Loop() {
					if _, err := e.Histogram(b.Context(), r, HistogramBy{Step: time.Minute, Field: by}); err != nil {
						b.Fatal(err)
					}
				}
			})
		}
	}
	for _, query := range []string{"*", "timeout", "service:checkout severity>=error"} {
		b.Run("newest100/"+query, func(b *testing.B) {
			b.ReportAllocs()
			r := request(query)
			for b.Loop() {
				if _, err := e.Search(b.Context(), Search{Request: r, Limit: 100}); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
	b.Run("trace", func(b *testing.B) {
		b.ReportAllocs()
		for b.Loop() {
			if t, err := e.Trace(b.Context(), "default", trace, 0, 0); err != nil || len(t.Logs) == 0 {
				b.Fatal(err)
			}
		}
	})
	b.Run("byService", func(b *testing.B) {
		b.ReportAllocs()
		for b.Loop() {
			if _, err := e.CountBy(b.Context(), request("timeout"), "service", 10); err != nil {
				b.Fatal(err)
			}
		}
	})
}

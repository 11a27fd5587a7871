package table

import (
	"context"
	"fmt"
	"syscall"
	"testing"
	"time"

	"go.opentelemetry.io/collector/pdata/pcommon"
	"go.opentelemetry.io/collector/pdata/plog"

	"clew/internal/loggen"
	"clew/internal/telemetry"
)

const (
	benchBatches = 40
	benchRecords = 5000 // of a batch: one to two megabytes encoded
)

// logBatches makes batches of log records with 8 attributes, as a decoded log message has them.
func logBatches() []*telemetry.Batch {
	gen := loggen.New(1)
	builder := telemetry.NewBuilder(telemetry.Logs, "t")
	resources := map[string]pcommon.Resource{}
	scope := pcommon.NewInstrumentationScope()
	scope.SetName("io.example.logger")
	var out []*telemetry.Batch
	var rec loggen.Record
	for range benchBatches {
		for i := range benchRecords {
			gen.Next(&rec)
			res, ok := resources[rec.Instance]
			if !ok {
				res = pcommon.NewResource()
				res.Attributes().PutStr("service.name", rec.Service)
				res.Attributes().PutStr("k8s.pod.name", rec.Instance)
				res.Attributes().PutStr("deployment.environment.name", "production")
				resources[rec.Instance] = res
			}
			builder.UseSet(res, "", scope, "")
			l := plog.NewLogRecord()
			l.SetTimestamp(pcommon.Timestamp(rec.Time))
			l.SetObservedTimestamp(pcommon.Timestamp(rec.Time + 12_345_678))
			l.SetSeverityNumber(plog.SeverityNumber(rec.Severity))
			l.SetSeverityText("INFO")
			l.Body().SetStr(string(rec.Body))
			if rec.HasTrace {
				l.SetTraceID(rec.TraceID)
				l.SetSpanID(rec.SpanID)
			}
			a := l.Attributes()
			a.PutStr("http.request.method", []string{"GET", "POST", "PUT"}[i%3])
			a.PutStr("http.route", fmt.Sprint("/api/v1/things/", i*7%50))
			a.PutInt("http.response.status_code", int64(200+i%5))
			a.PutStr("user.id", fmt.Sprint("user-", i*7919%3000))
			a.PutStr("code.function.name", fmt.Sprint("handle", i%40))
			a.PutInt("code.line.number", int64(i*31%900))
			a.PutStr("thread.name", fmt.Sprint("worker-", i%32))
			a.PutBool("cache.hit", i%2 == 0)
			builder.AppendLog(l, time.Unix(0, rec.Time))
		}
		out = append(out, builder.Build())
	}
	return out
}

// BenchmarkAppend appends 1,000,000 log records to a table.
func BenchmarkAppend(b *testing.B) {
	batches := logBatches()
	const rounds = 5
	body := int64(0)
	for _, batch := range batches {
		cells, err := telemetry.CellsOf(batch.Rows.Column(columnNamed(b, batch, telemetry.FieldBody)))
		if err != nil {
			b.Fatal(err)
		}
		for i := range cells.Len() {
			body += int64(len(cells.Bytes(i)))
		}
	}
	b.ReportAllocs()
	var tab *Table
	cpu := cpuTime(b)
	for b.Loop() {
		tab = New("bench", telemetry.Logs, "t", 0)
		for range rounds {
			for _, batch := range batches {
				if err := tab.Append(batch, nil); err != nil {
					b.Fatal(err)
				}
			}
		}
	}
	records := float64(rounds * benchBatches * benchRecords)
	b.SetBytes(rounds * body)
	b.ReportMetric(float64(b.N)*records/(cpuTime(b)-cpu).Seconds(), "records/cpu-s")
	b.ReportMetric(float64(tab.Bytes())/records, "B/record")
	b.ReportMetric(float64(body)/benchBatches/benchRecords, "B/body")
	if testing.Verbose() {
		for _, c := range tab.ordered {
			b.Logf("%8.2f B/record %v %v", float64(c.bytes)/records, c.kind, c.Column)
		}
	}
}

func columnNamed(b *testing.B, batch *telemetry.Batch, key string) int {
	for i, f := range batch.Rows.Schema().Fields() {
		if id, err := telemetry.ColumnOf(f); err == nil && id.Key == key {
			return i
		}
	}
	b.Fatalf("no column %s", key)
	return 0
}

// BenchmarkRead reads row groups of a table as a query does.
func BenchmarkRead(b *testing.B) {
	tab := New("bench", telemetry.Logs, "t", 0)
	for _, batch := range logBatches() {
		if err := tab.Append(batch, nil); err != nil {
			b.Fatal(err)
		}
	}
	ctx := context.Background()
	part := tab.Snapshot()
	rows := part.RowGroups()[0].Rows
	col := func(name string) int {
		for i, c := range part.Columns() {
			if c.Name() == name {
				return i
			}
		}
		b.Fatalf("no column %s", name)
		return 0
	}
	run := func(name string, f func() error) {
		b.Run(name, func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				if err := f(); err != nil {
					b.Fatal(err)
				}
			}
			b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N)/float64(rows), "ns/row")
		})
	}
	body, user, service, when, trace := col("body"), col("user.id"), col("resource.service.name"), col("time"), col("trace_id")
	run("codes", func() error { _, err := part.Codes(ctx, user, 0); return err })
	run("codes of sets", func() error { _, err := part.Codes(ctx, service, 0); return err })
	run("ints", func() error { _, err := part.Ints(ctx, when, 0); return err })
	run("ids", func() error { _, err := part.Bytes(ctx, trace, 0); return err })
	run("text", func() error {
		text, err := part.Text(ctx, body, 0)
		if err != nil {
			return err
		}
		var buf []byte
		for i := range rows {
			buf = text.AppendText(buf[:0], i)
		}
		return nil
	})
	run("snapshot", func() error {
		tab.snap = nil
		for _, c := range tab.ordered {
			c.view = nil // as if it had grown
		}
		part = tab.Snapshot()
		return nil
	})
}

// cpuTime is the CPU time that the process has used: other work on the machine does not count, the garbage collector does.
func cpuTime(b *testing.B) time.Duration {
	var r syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &r); err != nil {
		b.Fatal(err)
	}
	return time.Duration(r.Utime.Nano() + r.Stime.Nano())
}

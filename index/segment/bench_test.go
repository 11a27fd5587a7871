package segment

import (
	"context"
	"fmt"
	"io"
	"sync"
	"syscall"
	"testing"
	"time"

	"go.opentelemetry.io/collector/pdata/pcommon"
	"go.opentelemetry.io/collector/pdata/plog"

	"clew/index"
	"clew/index/store"
	"clew/index/table"
	"clew/internal/loggen"
	"clew/internal/telemetry"
)

const benchRows = 256 << 10

// countingStore keeps sizes only: benchmarks of the writer are about CPU.
type countingStore struct{ store.Store }

func (countingStore) Put(_ context.Context, _ string, write func(io.Writer) error) (int64, error) {
	c := &counter{}
	err := write(c)
	return c.n, err
}

type counter struct{ n int64 }

func (c *counter) Write(p []byte) (int, error) { c.n += int64(len(p)); return len(p), nil }

var benchPart = sync.OnceValues(func() (index.Part, int64) { return logHead(benchRows) })

// logHead is a head of typical log records: 20 columns, a body of about 100 bytes. It also returns the bodies' bytes, a newline each.
func logHead(rows int) (index.Part, int64) {
	t := table.New("bench", telemetry.Logs, "default", 0)
	gen := loggen.New(1)
	rawBytes := int64(0)
	var rec loggen.Record
	for done := 0; done < rows; {
		b := telemetry.NewBuilder(telemetry.Logs, "default")
		records := make([]loggen.Record, 2048)
		byInstance := map[string][]int{}
		var order []string
		for i := range records {
			gen.Next(&rec)
			rawBytes += int64(len(rec.Body)) + 1
			records[i] = rec
			records[i].Body = append([]byte(nil), rec.Body...)
			if byInstance[rec.Instance] == nil {
				order = append(order, rec.Instance)
			}
			byInstance[rec.Instance] = append(byInstance[rec.Instance], i)
		}
		for _, instance := range order {
			first := &records[byInstance[instance][0]]
			res := pcommon.NewResource()
			for k, v := range map[string]string{
				"service.name": first.Service, "service.instance.id": instance, "service.version": "1.2.3", "k8s.pod.name": instance,
				"k8s.namespace.name": "shop", "k8s.node.name": "node-" + instance[len(instance)-1:], "deployment.environment": "production", "host.name": "h-" + instance[:2],
			} {
				res.Attributes().PutStr(k, v)
			}
			scope := pcommon.NewInstrumentationScope()
			scope.SetName("logger")
			b.UseSet(res, "", scope, "")
			for _, i := range byInstance[instance] {
				benchRecord(b, &records[i], i)
			}
		}
		batch := b.Build()
		if err := t.Append(batch, nil); err != nil {
			panic(err)
		}
		done += batch.Records
		batch.Release()
	}
	return t.Snapshot(), rawBytes
}

func benchRecord(b *telemetry.Builder, rec *loggen.Record, i int) {
	r := plog.NewLogRecord()
	r.SetTimestamp(pcommon.Timestamp(rec.Time))
	r.SetObservedTimestamp(pcommon.Timestamp(rec.Time + 1_500_000 + int64(i)*1000))
	r.SetSeverityNumber(plog.SeverityNumber(rec.Severity))
	r.SetSeverityText(map[bool]string{true: "INFO", false: "ERROR"}[rec.Severity < 13])
	r.Body().SetStr(string(rec.Body))
	if rec.HasTrace {
		r.SetTraceID(rec.TraceID)
		r.SetSpanID(rec.SpanID)
	}
	r.Attributes().PutStr("code.function", fmt.Sprintf("handle%d", len(rec.Body)%40))
	r.Attributes().PutInt("code.lineno", int64(len(rec.Body)%40)*17)
	r.Attributes().PutStr("thread.name", fmt.Sprintf("worker-%d", i%16))
	r.Attributes().PutInt("log.offset", rec.Time>>10)
	b.AppendLog(r, time.Unix(0, rec.Time))
}

func BenchmarkWrite(b *testing.B) {
	part, raw := benchPart()
	rows := part.Info().Rows
	b.ReportAllocs()
	b.SetBytes(raw)
	var stats Stats
	var before, after syscall.Rusage
	syscall.Getrusage(syscall.RUSAGE_SELF, &before)
	for b.Loop() {
		var err error
		if stats, err = Write(context.Background(), countingStore{}, "bench", []index.Part{part}, Options{}); err != nil {
			b.Fatal(err)
		}
	}
	syscall.Getrusage(syscall.RUSAGE_SELF, &after)
	cpu := time.Duration(after.Utime.Nano() + after.Stime.Nano() - before.Utime.Nano() - before.Stime.Nano())
	b.ReportMetric(float64(rows)*float64(b.N)/cpu.Seconds(), "rows/cpu-s")
	b.ReportMetric(float64(stats.ParquetBytes)/float64(rows), "parquet-B/row")
	b.ReportMetric(float64(stats.IndexBytes)/float64(rows), "index-B/row")
	b.ReportMetric(float64(stats.Columns), "columns")
}

// benchSegment is the part above as a segment in memory.
var benchSegment = sync.OnceValues(func() (memStore, string) {
	part, _ := benchPart()
	m := memStore{}
	if _, err := Write(context.Background(), m, "bench", []index.Part{part}, Options{}); err != nil {
		panic(err)
	}
	return m, "bench"
})

// BenchmarkRead reads one column chunk of 128k rows: range read from memory, checksum, decompression, decoding. No cache but for the
// column's histogram.
func BenchmarkRead(b *testing.B) {
	m, id := benchSegment()
	ctx := context.Background()
	column := func(s *Segment, name string) int {
		for i, c := range s.Columns() {
			if c.Name() == name {
				return i
			}
		}
		b.Fatalf("no column %s", name)
		return 0
	}
	for _, bench := range []struct {
		name, column string
		read         func(s *Segment, col int) error
	}{
		{"codes", "resource.service.name", func(s *Segment, col int) error { _, err := s.Codes(ctx, col, 0); return err }},
		{"codes-of-many", "resource.k8s.pod.name", func(s *Segment, col int) error { _, err := s.Codes(ctx, col, 0); return err }},
		{"codes-sorted", "body", func(s *Segment, col int) error { _, err := s.Codes(ctx, col, 0); return err }},
		{"ints-time", "time", func(s *Segment, col int) error { _, err := s.Ints(ctx, col, 0); return err }},
		{"bytes-trace-id", "trace_id", func(s *Segment, col int) error { _, err := s.Bytes(ctx, col, 0); return err }},
		{"text", "body", func(s *Segment, col int) error { _, err := s.Text(ctx, col, 0); return err }},
	} {
		b.Run(bench.name, func(b *testing.B) {
			b.ReportAllocs()
			s, err := Open(ctx, m, id, nil)
			if err != nil {
				b.Fatal(err)
			}
			col := column(s, bench.column)
			s.cache = NewCache(8<<20, 0)
			for b.Loop() {
				keep := s.cache
				for key, element := range keep.entries {
					if key.what != cacheHistograms && key.what != cacheVocabulary {
						keep.removeLocked(element)
					}
				}
				if err := bench.read(s, col); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}

func BenchmarkRebuildText(b *testing.B) {
	m, id := benchSegment()
	ctx := context.Background()
	s, err := Open(ctx, m, id, NewCache(64<<20, 0))
	if err != nil {
		b.Fatal(err)
	}
	rows, err := s.Text(ctx, s.Info().SortedBy, 0)
	if err != nil {
		b.Fatal(err)
	}
	var text []byte
	bytes := 0
	for row := range s.groups[0].Rows {
		bytes += len(rows.AppendText(text[:0], row))
	}
	b.SetBytes(int64(bytes))
	b.ReportAllocs()
	for b.Loop() {
		for row := range s.groups[0].Rows {
			text = rows.AppendText(text[:0], row)
		}
	}
}

func BenchmarkOpen(b *testing.B) {
	m, id := benchSegment()
	b.ReportAllocs()
	for b.Loop() {
		if _, err := Open(context.Background(), m, id, nil); err != nil {
			b.Fatal(err)
		}
	}
}

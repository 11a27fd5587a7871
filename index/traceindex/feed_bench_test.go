package traceindex

import (
	"encoding/binary"
	"fmt"
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

// BenchmarkHashes reads the traces of a segment of half a million spans.
func BenchmarkHashes(b *testing.B) {
	const spans, perTrace, perBatch = 500_000, 20, 5_000
	st, err := store.OpenDir(b.TempDir())
	if err != nil {
		b.Fatal(err)
	}
	now := time.Date(2026, 11, 21, 12, 0, 0, 0, time.UTC)
	t := table.New("h", telemetry.Spans, "default", 0)
	for at := 0; at < spans; at += perBatch {
		builder := telemetry.NewBuilder(telemetry.Spans, "default")
		builder.UseSet(pcommon.NewResource(), "", pcommon.NewInstrumentationScope(), "")
		for i := at; i < at+perBatch; i++ {
			s := ptrace.NewSpan()
			var trace pcommon.TraceID
			var span pcommon.SpanID
			binary.BigEndian.PutUint64(trace[:], uint64(i/perTrace+1)*0x9E3779B97F4A7C15)
			binary.BigEndian.PutUint64(trace[8:], uint64(i/perTrace+1)*0xD6E8FEB86659FD93)
			binary.BigEndian.PutUint64(span[:], uint64(i+1)*0x9E3779B97F4A7C15)
			s.SetTraceID(trace)
			s.SetSpanID(span)
			s.SetName(fmt.Sprint("op ", i%7))
			s.SetStartTimestamp(pcommon.NewTimestampFromTime(now.Add(time.Duration(i) * time.Microsecond)))
			builder.AppendSpan(s, now)
		}
		batch := builder.Build()
		if err := t.Append(batch, nil); err != nil {
			b.Fatal(err)
		}
		batch.Release()
	}
	id := segment.NewID(0, telemetry.Spans, now)
	if _, err := segment.Write(b.Context(), st, id, []index.Part{t.Snapshot()}, segment.Options{}); err != nil {
		b.Fatal(err)
	}
	for b.Loop() {
		hashes, err := hashesOf(b.Context(), st, id)
		if err != nil || len(hashes) < spans/perTrace-10 {
			b.Fatal(len(hashes), err)
		}
	}
	opened, err := segment.Open(b.Context(), st, id, nil)
	if err != nil {
		b.Fatal(err)
	}
	b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N)/spans, "ns/span")
	meta := opened.BytesRead()
	for col, c := range opened.Columns() {
		if c.Key == telemetry.FieldTraceID && c.Level == telemetry.LevelField {
			for rg := range opened.RowGroups() {
				if _, err := opened.Bytes(b.Context(), col, rg); err != nil {
					b.Fatal(err)
				}
			}
		}
	}
	b.ReportMetric(float64(opened.BytesRead()-meta), "B-read")
	b.ReportMetric(float64(opened.Info().Bytes), "B-segment")
}

// Package partstest makes catalogs and stores for tests of what reads views: real segments, many and small.
package partstest

import (
	"encoding/binary"
	"fmt"
	"testing"
	"time"

	"go.opentelemetry.io/collector/pdata/pcommon"
	"go.opentelemetry.io/collector/pdata/ptrace"

	"clew/index"
	"clew/index/catalog"
	"clew/index/segment"
	"clew/index/store"
	"clew/index/table"
	"clew/internal/telemetry"
)

// Now is when the first segment's spans begin.
var Now = time.Date(2026, 11, 21, 12, 0, 0, 0, time.UTC)

// Many writes n segments of 300 spans of 100 traces each, a minute of time a segment, and the catalog that knows them.
func Many(t testing.TB, n int) (*catalog.Catalog, store.Store) {
	t.Helper()
	st, err := store.OpenDir(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	cm := catalog.Commit{Version: catalog.CommitVersion, Reason: "seal"}
	for i := range n {
		head := table.New("h", telemetry.Spans, "default", 0)
		builder := telemetry.NewBuilder(telemetry.Spans, "default")
		builder.UseSet(pcommon.NewResource(), "", pcommon.NewInstrumentationScope(), "")
		for j := range 300 {
			s := ptrace.NewSpan()
			s.SetTraceID(Trace(i*100 + j/3))
			var span pcommon.SpanID
			binary.BigEndian.PutUint64(span[:], uint64(i*300+j+1))
			s.SetSpanID(span)
			s.SetName(fmt.Sprint("op ", j%7))
			s.SetStartTimestamp(pcommon.NewTimestampFromTime(Now.Add(time.Duration(i)*time.Minute + time.Duration(j)*time.Millisecond)))
			s.Attributes().PutInt("n", int64(j))
			s.Attributes().PutStr("url", fmt.Sprint("/a/b", j%13))
			builder.AppendSpan(s, Now)
		}
		batch := builder.Build()
		if err := head.Append(batch, nil); err != nil {
			t.Fatal(err)
		}
		batch.Release()
		p := sealed(t, st, head.Snapshot())
		info := p.Info()
		cm.Added = append(cm.Added, catalog.Segment{
			ID: info.ID, Signal: info.Signal, Tenant: info.Tenant, Rows: info.Rows, Records: info.Rows, MinTime: info.MinTime, MaxTime: info.MaxTime, Bytes: info.Bytes,
		})
	}
	c := catalog.New()
	if err := c.Apply(1, cm); err != nil {
		t.Fatal(err)
	}
	return c, st
}

// Trace is the id of the i-th trace of Many.
func Trace(i int) (id pcommon.TraceID) {
	binary.BigEndian.PutUint64(id[:], uint64(i+1)*0x9E3779B97F4A7C15)
	binary.BigEndian.PutUint64(id[8:], uint64(i+1))
	return id
}

func sealed(t testing.TB, st store.Store, part index.Part) *segment.Segment {
	t.Helper()
	id := segment.NewID(0, part.Info().Signal, Now)
	if _, err := segment.Write(t.Context(), st, id, []index.Part{part}, segment.Options{PageRows: 64}); err != nil {
		t.Fatal(err)
	}
	s, err := segment.Open(t.Context(), st, id, nil)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

package engine

import (
	"fmt"
	"slices"
	"testing"
	"time"

	"go.opentelemetry.io/collector/pdata/pcommon"
	"go.opentelemetry.io/collector/pdata/plog"

	"clew/index"
	"clew/index/store"
	"clew/internal/telemetry"
)

// TestOrderWithinATime holds that records of one time come in the order in which they were observed, both ways, from a head and from a
// segment, page by page: a tailed file whose lines say milliseconds keeps the order of its lines.
func TestOrderWithinATime(t *testing.T) {
	const lines = 50
	logs := plog.NewLogs()
	records := logs.ResourceLogs().AppendEmpty().ScopeLogs().AppendEmpty().LogRecords()
	var want []string
	for i := range lines {
		r := records.AppendEmpty()
		r.SetTimestamp(pcommon.NewTimestampFromTime(testNow.Add(time.Duration(i/20) * time.Millisecond)))
		r.SetObservedTimestamp(pcommon.NewTimestampFromTime(testNow.Add(time.Second + time.Duration(i))))
		r.Body().SetStr(fmt.Sprintf("line %d", i))
		want = append(want, r.Body().Str())
	}
	st, err := store.OpenDir(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	h := head(t, "h", logBatch(logs))
	for name, part := range map[string]index.Part{"head": h, "segment": sealed(t, st, nil, h)} {
		e := newEngine(t, &fixedSource{parts: map[telemetry.Signal][]index.Part{telemetry.Logs: {part}}})
		for _, oldest := range []bool{true, false} {
			want := slices.Clone(want)
			if !oldest {
				slices.Reverse(want)
			}
			var got []string
			s := Search{Request: Request{Tenant: "default", Signal: telemetry.Logs}, Limit: 7, OldestFirst: oldest}
			for more := true; more; {
				found, err := e.Search(t.Context(), s)
				if err != nil {
					t.Fatal(err)
				}
				for i := range found.Records {
					got = append(got, found.Records[i].Text(telemetry.FieldBody))
				}
				more = found.Cursor != nil
				if s.Cursor, err = ParseCursor(found.Cursor.String()); err != nil {
					t.Fatal(err)
				}
			}
			if !slices.Equal(got, want) {
				t.Errorf("%s, oldest first %v: %q", name, oldest, got)
			}
		}
	}
}

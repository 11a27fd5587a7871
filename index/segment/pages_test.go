package segment

import (
	"math/rand/v2"
	"slices"
	"testing"

	"clew/index"
	"clew/index/segment/format"
	"clew/internal/telemetry"
)

// checkPages checks that the pages of a row group, read one by one, have its rows, and that those of a trace id are found.
func checkPages(t *testing.T, s *Segment, rg int, rows []plainRow) {
	t.Helper()
	idColumn := field(telemetry.FieldTraceID, telemetry.TypeBytes)
	at := 0
	for page := range s.pagesIn(rg) {
		part, err := s.Page(rg, page)
		if err != nil {
			t.Fatal(err)
		}
		have, err := groupRows(part, 0)
		if err != nil {
			t.Fatal(err)
		}
		if n := part.RowGroups()[0].Rows; len(have) != n || s.PageRows() > 0 && page*s.PageRows() != at {
			t.Fatalf("page %d of row group %d begins at %d, has %d rows of %d", page, rg, at, len(have), n)
		}
		for i, row := range have {
			if rowKey(row) != rowKey(rows[at+i]) {
				t.Fatalf("row %d of page %d of row group %d is\n%s, want\n%s", i, page, rg, rowKey(row), rowKey(rows[at+i]))
			}
			text, ok := row[idColumn].(string)
			if !ok || len(text) != 16 || s.Info().Signal != telemetry.Spans || s.PageRows() == 0 {
				continue
			}
			refs, ok, err := s.PagesOf(t.Context(), telemetry.TraceID([]byte(text)))
			if err != nil || !ok || !slices.Contains(refs, PageRef{rg, page}) {
				t.Fatalf("trace id %x of page %d of row group %d is looked for in %v (%v, %v)", text, page, rg, refs, ok, err)
			}
		}
		at += len(have)
	}
	if at != len(rows) {
		t.Errorf("pages of row group %d have %d rows of %d", rg, at, len(rows))
	}
}

// TestPagesOf holds that a trace's rows are looked for in few pages, and in none beyond those it is in but the one before.
func TestPagesOf(t *testing.T) {
	rng := rand.New(rand.NewPCG(4, 4))
	var rows []plainRow
	for trace := range 500 {
		id := make([]byte, 16)
		id[0], id[1], id[15] = byte(rng.IntN(256)), byte(trace>>8), byte(trace)
		for k := range 1 + rng.IntN(300)/(1+trace%50) {
			rows = append(rows, plainRow{
				field(telemetry.FieldTraceID, telemetry.TypeBytes): string(id),
				field(telemetry.FieldStart, telemetry.TypeTime):    int64(trace*1000 + k),
			})
		}
	}
	rng.Shuffle(len(rows), func(i, j int) { rows[i], rows[j] = rows[j], rows[i] })
	s, _ := writeAndOpen(t, openStore(t), "x", Options{RowGroupRows: 448, PageRows: 64}, newFakePart(telemetry.Spans, rows, 1000, naturalKind))
	idCol := slices.IndexFunc(s.Columns(), func(c index.ColumnInfo) bool { return format.IsTraceID(c.Column) })
	where := map[telemetry.TraceID][]PageRef{}
	for rg := range s.RowGroups() {
		all, err := groupRows(onlyColumn{s, idCol, s.Columns()[idCol]}, rg)
		if err != nil {
			t.Fatal(err)
		}
		for i, row := range all {
			id := telemetry.TraceID([]byte(row[field(telemetry.FieldTraceID, telemetry.TypeBytes)].(string)))
			if ref := (PageRef{rg, i / 64}); !slices.Contains(where[id], ref) {
				where[id] = append(where[id], ref)
			}
		}
	}
	if len(where) != 500 {
		t.Fatalf("%d traces", len(where))
	}
	for id, want := range where {
		have, ok, err := s.PagesOf(t.Context(), id)
		if err != nil || !ok {
			t.Fatal(ok, err)
		}
		if len(have) > len(want) {
			have = have[1:]
		}
		if !slices.Equal(have, want) {
			t.Errorf("trace %s is in %v, looked for in %v", id, want, have)
		}
	}
}

package segment

import (
	"context"
	"math/rand/v2"
	"testing"

	"clew/index"
	"clew/internal/telemetry"
)

// TestRowGroupsByBytes merges segments into one whose row groups are bounded by what their largest column takes: no row is lost, every row group keeps the bound
// unless it is one row, and traces are found in the right pages though row groups end anywhere.
func TestRowGroupsByBytes(t *testing.T) {
	const bound = 4 << 10
	for _, signal := range []telemetry.Signal{telemetry.Spans, telemetry.Logs, telemetry.Metrics} {
		st := openStore(t)
		rows := randomRows(rand.New(rand.NewPCG(7, 7)), signal, 3000)
		var inputs []index.Part
		for i, id := range []string{"a", "b", "c"} {
			part := newFakePart(signal, rows[i*1000:(i+1)*1000], 400, naturalKind)
			s, _ := writeAndOpen(t, st, id, Options{RowGroupRows: 300, PageRows: 64}, part)
			inputs = append(inputs, s)
		}
		s, stats := writeAndOpen(t, st, "merged", Options{RowGroupBytes: bound, PageRows: 64}, inputs...)
		if stats.RowGroups < 6 {
			t.Errorf("%v: %d row groups", signal, stats.RowGroups)
		}
		for rg, g := range s.RowGroups() {
			for col := range s.Columns() {
				// Rows count as the mean of their row group, so the bound is about right.
				if bytes := s.DecodedBytes(col, rg); g.Rows > 1 && bytes > 3*bound {
					t.Errorf("%v: column %d of row group %d takes %d bytes", signal, col, rg, bytes)
				}
			}
		}
		if err := s.Verify(context.Background()); err != nil {
			t.Fatal(err)
		}
		checkPart(t, s)
		sameRows(t, rows, partRows(t, s))
		if signal != telemetry.Spans {
			continue
		}
		for rg := range s.RowGroups() {
			all, err := groupRows(s, rg)
			if err != nil {
				t.Fatal(err)
			}
			checkPages(t, s, rg, all)
		}
	}
}

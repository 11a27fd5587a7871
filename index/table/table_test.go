package table

import (
	"math/rand/v2"
	"testing"

	"clew/index"
	"clew/internal/telemetry"
)

// TestModel appends random batches and compares snapshots, old ones too, with a map per row.
func TestModel(t *testing.T) {
	for seed := range uint64(20) {
		appendAndCompare(t, seed, 1+int(seed%7), 3000, 20)
	}
}

// TestRowGroups crosses the limits between row groups.
func TestRowGroups(t *testing.T) {
	if testing.Short() {
		t.Skip("150,000 rows take some seconds")
	}
	appendAndCompare(t, 99, 6, 20_000, 5)
}

// appendAndCompare appends batches of up to rows rows, dropping some rows by keep, and checks each snapshot taken on the way only at the end.
func appendAndCompare(t testing.TB, seed uint64, batches, rows, attributes int) {
	t.Helper()
	r := rand.New(rand.NewPCG(seed, 1))
	gen := newCells(r, attributes)
	tab := New("x", telemetry.Logs, "t", 3)
	var model []row
	type taken struct {
		part index.Part
		rows int
	}
	var snaps []taken
	for range batches {
		b, want := gen.batch(r.IntN(rows))
		var keep []bool
		if r.IntN(2) == 0 {
			keep = make([]bool, len(want))
			for i := range keep {
				keep[i] = r.IntN(3) > 0
			}
		}
		if err := tab.Append(b, keep); err != nil {
			t.Fatalf("seed %d: %v", seed, err)
		}
		b.Release()
		for i, w := range want {
			if keep == nil || keep[i] {
				model = append(model, w)
			}
		}
		snaps = append(snaps, taken{tab.Snapshot(), len(model)})
	}
	for _, s := range snaps {
		checkRows(t, s.part, model[:s.rows])
	}
	if tab.Rows() != len(model) {
		t.Errorf("seed %d: %d rows, want %d", seed, tab.Rows(), len(model))
	}
}

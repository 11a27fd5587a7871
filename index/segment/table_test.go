package segment

import (
	"context"
	"testing"

	"clew/index"
	"clew/index/vocabulary"
)

// TestFromTable seals a real head and compares all rows.
func TestFromTable(t *testing.T) {
	part, raw := logHead(20_000)
	st := openStore(t)
	s, stats := writeAndOpen(t, st, "x", Options{RowGroupRows: 7000}, part)
	if stats.Rows != part.Info().Rows {
		t.Fatalf("wrote %d rows of %d", stats.Rows, part.Info().Rows)
	}
	if stats.Bytes > raw*6/10 { // the ids alone are a fifth of it
		t.Errorf("%d bytes for %d bytes of bodies", stats.Bytes, raw)
	}
	if err := s.Verify(context.Background()); err != nil {
		t.Fatal(err)
	}
	sums := func(p index.Part) (sum uint64, rows int) {
		for rg := range p.RowGroups() {
			all, err := groupRows(p, rg)
			if err != nil {
				t.Fatal(err)
			}
			for _, row := range all {
				sum += vocabulary.Hash([]byte(rowKey(row))) // a sum does not depend on the order
				rows++
			}
		}
		return sum, rows
	}
	wantSum, wantRows := sums(part)
	gotSum, gotRows := sums(s)
	if wantSum != gotSum || wantRows != gotRows {
		t.Errorf("rows differ: %d with sum %x, want %d with %x", gotRows, gotSum, wantRows, wantSum)
	}
}

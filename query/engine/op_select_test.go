package engine

import (
	"errors"
	"fmt"
	"log/slog"
	"math/rand/v2"
	"os"
	"path/filepath"
	"testing"

	"clew/index"
	"clew/index/compact"
	"clew/index/segment"
	"clew/index/store"
	"clew/internal/telemetry"
	"clew/query/lang"
)

// TestSelect: what is selected is what a search counts, and a part without it has nothing left that matches, and everything else.
func TestSelect(t *testing.T) {
	for _, signal := range []telemetry.Signal{telemetry.Logs, telemetry.Spans} {
		t.Run(signal.String(), func(t *testing.T) {
			rng := rand.New(rand.NewPCG(11, uint64(signal)))
			records := randomRecords(rng, signal, 500)
			for name, e := range layouts(t, rng, signal, records) {
				for range 25 {
					text := randomQuery(rng, signal, 3)
					r := Request{Tenant: "default", Signal: signal}
					if rng.IntN(2) == 0 {
						r.From, r.To = records[rng.IntN(len(records))].time, records[rng.IntN(len(records))].time
					}
					selectAndCompare(t, fmt.Sprintf("%s: %s (from %d to %d)", name, text, r.From, r.To), e, text, r)
				}
			}
		})
	}
}

func selectAndCompare(t *testing.T, where string, e *Engine, text string, r Request) {
	t.Helper()
	selector, err := NewSelector(text, r, testNow, slog.New(slog.DiscardHandler))
	if err != nil {
		t.Fatal(err)
	}
	parts := e.source.(*fixedSource).parts[r.Signal]
	selected, all := 0, 0
	var rest []index.Part
	for _, part := range parts {
		rows, err := selector.Select(t.Context(), part)
		if err != nil {
			t.Fatalf("%s: %v", where, err)
		}
		left, err := compact.Without(t.Context(), part, rows)
		if err != nil {
			t.Fatalf("%s: %v", where, err)
		}
		selected += compact.Rows(rows).Count()
		all += part.Info().Rows
		rest = append(rest, left)
	}
	count := func(e *Engine, query lang.Expr) int {
		ask := r
		if ask.Query = query; query == nil {
			ask.From, ask.To = 0, 0
		}
		n, err := e.Count(t.Context(), ask)
		if err != nil || len(n.Stats.Partial) > 0 {
			t.Fatalf("%s: %v %v", where, err, n)
		}
		return int(n.Count)
	}
	if want := count(e, mustParse(t, text)); selected != want {
		t.Errorf("%s: %d selected, a search counts %d", where, selected, want)
	}
	without := newEngine(t, &fixedSource{parts: map[telemetry.Signal][]index.Part{r.Signal: rest}})
	if n := count(without, mustParse(t, text)); n != 0 {
		t.Errorf("%s: %d are left", where, n)
	}
	if n := count(without, nil); n != all-selected {
		t.Errorf("%s: %d records are left of %d, less %d", where, n, all, selected)
	}
}

// TestSelectDamaged: a part that can't be read is no part without matches.
func TestSelectDamaged(t *testing.T) {
	dir := t.TempDir()
	st, err := store.OpenDir(dir)
	if err != nil {
		t.Fatal(err)
	}
	records := randomRecords(rand.New(rand.NewPCG(1, 2)), telemetry.Logs, 300)
	part := sealed(t, st, nil, head(t, "h", logBatch(toLogs(records))))
	parquet, _ := segment.Names(part.Info().ID)
	file := filepath.Join(dir, parquet)
	data, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	for i := 10; i < len(data)-10; i++ {
		data[i] ^= 1
	}
	if err := os.WriteFile(file, data, 0o600); err != nil {
		t.Fatal(err)
	}
	selector, err := NewSelector("time>now-1000d /a.*b/", Request{Tenant: "default", Signal: telemetry.Logs}, testNow, slog.New(slog.DiscardHandler))
	if err != nil {
		t.Fatal(err)
	}
	var damage *index.DamageError
	if _, err := selector.Select(t.Context(), part); !errors.As(err, &damage) {
		t.Errorf("select in a damaged segment: %v", err)
	}
	if _, err := NewSelector("(", Request{Tenant: "default", Signal: telemetry.Logs}, testNow, slog.New(slog.DiscardHandler)); err == nil {
		t.Error("a query that can't be read was taken")
	}
}

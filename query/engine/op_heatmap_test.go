package engine

import (
	"fmt"
	"math/rand/v2"
	"testing"
	"time"

	"clew/internal/telemetry"
)

// TestHeatmap compares every cell with a count of the records that belong there.
func TestHeatmap(t *testing.T) {
	rng := rand.New(rand.NewPCG(8, 1))
	records := randomRecords(rng, telemetry.Spans, 600)
	duration := telemetry.Column{Level: telemetry.LevelField, Key: telemetry.FieldDuration, Type: telemetry.TypeInt}
	for i, d := range []int64{0, 1, 999, 1000, 1001, 1778, 1779, 10_000, 100e9, 100e9 + 1, 1e15} { // the edges of the scale
		records[i].cells[duration] = d
	}
	const step = 7 * time.Minute
	for name, e := range layouts(t, rng, telemetry.Spans, records) {
		for _, query := range []string{"", "kind:server", "status:error", "duration>=100ms -service:cart", "nothing"} {
			r := Request{Tenant: "default", Query: mustParse(t, query)}
			if query == "kind:server" {
				r.From, r.To = records[3].time, records[4].time
				if r.From > r.To {
					r.From, r.To = r.To, r.From
				}
			}
			h, err := e.Heatmap(t.Context(), r, step)
			if err != nil {
				t.Fatal(err)
			}
			want, failed, count := map[string]uint64{}, map[string]uint64{}, uint64(0)
			for _, m := range records {
				if m.time < r.From || r.To != 0 && m.time >= r.To || !m.matches(t, r.Query) {
					continue
				}
				count++
				row := 0
				for row < len(h.Bounds) && m.cells[duration].(int64) > h.Bounds[row] {
					row++
				}
				cell := fmt.Sprint((m.time-h.Start)/int64(step), ",", row)
				want[cell]++
				if m.cells[telemetry.Column{Level: telemetry.LevelField, Key: telemetry.FieldStatus, Type: telemetry.TypeString}] == "error" {
					failed[cell]++
				}
			}
			if h.Count != count {
				t.Errorf("%s: %q: %d spans, want %d", name, query, h.Count, count)
			}
			first, last := uint64(0), uint64(0)
			for i, c := range h.Columns {
				if len(c.Counts) != len(h.Bounds) || len(c.Errors) != len(h.Bounds) {
					t.Fatalf("%s: %q: %d rows for %d bounds", name, query, len(c.Counts), len(h.Bounds))
				}
				for row := range c.Counts {
					cell := fmt.Sprint(i, ",", row)
					if c.Counts[row] != want[cell] || c.Errors[row] != failed[cell] {
						t.Errorf("%s: %q: cell %s: %d and %d, want %d and %d", name, query, cell, c.Counts[row], c.Errors[row], want[cell], failed[cell])
					}
				}
				if len(c.Counts) > 0 {
					first, last = first+c.Counts[0], last+c.Counts[len(c.Counts)-1]
				}
			}
			if count > 0 && (first == 0 || last == 0) {
				t.Errorf("%s: %q: an outer row is empty", name, query)
			}
		}
		if _, err := e.Heatmap(t.Context(), Request{Tenant: "default", From: 1, To: 1 << 60}, time.Millisecond); err == nil {
			t.Errorf("%s: too many columns were counted", name)
		}
	}
}

package engine

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"testing"

	"clew/internal/telemetry"
	"clew/query/engine/match"
)

// TestColumnReader holds that single columns say what whole records say, whatever the kind of the column: values, texts, numbers of two
// types, and attributes that have no column of their own.
func TestColumnReader(t *testing.T) {
	rng := rand.New(rand.NewPCG(11, 2))
	keys := []struct {
		level telemetry.Level
		key   string
	}{
		{telemetry.LevelResource, "service.name"},
		{telemetry.LevelResource, "host.name"},
		{telemetry.LevelField, telemetry.FieldName},
		{telemetry.LevelField, telemetry.FieldStatusMessage},
		{telemetry.LevelField, telemetry.FieldDuration},
		{telemetry.LevelField, telemetry.FieldSpanID},
		{telemetry.LevelRecord, "http.status_code"},
		{telemetry.LevelRecord, "ratio"},
		{telemetry.LevelRecord, "ok"},
		{telemetry.LevelRecord, "tags"},
		{telemetry.LevelRecord, "user.id"},
		{telemetry.LevelRecord, longKey},
		{telemetry.LevelRecord, "nobody.has.this"},
	}
	records := randomRecords(rng, telemetry.Spans, 500)
	for name, e := range layouts(t, rng, telemetry.Spans, records) {
		_, q, err := e.begin(t.Context(), Request{Tenant: "default", Signal: telemetry.Spans})
		if err != nil {
			t.Fatal(err)
		}
		defer q.end()
		bounds, err := q.bindAll(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		found := map[string]int{}
		for _, task := range match.TasksOf(bounds) {
			rows := rng.Perm(task.Bound.Groups[task.Group].Rows)[:task.Bound.Groups[task.Group].Rows/2]
			slices.Sort(rows)
			whole, err := task.Bound.Materialize(t.Context(), task.Group, rows)
			if err != nil {
				t.Fatal(err)
			}
			r := match.NewColumnReader()
			for _, k := range keys {
				have := make([]string, len(rows))
				if err := r.Text(t.Context(), task.Bound, k.level, k.key, task.Group, rows, func(i int, text string) { have[i] = text }); err != nil {
					t.Fatal(err)
				}
				for i := range whole {
					f, ok := whole[i].Get(k.level, k.key)
					if ok {
						found[k.key]++
					}
					if want := f.Text(); ok && have[i] != want || !ok && have[i] != "" {
						t.Fatalf("%s: %v %.20s of row %d is %q, want %q", name, k.level, k.key, rows[i], have[i], want)
					}
				}
			}
			have := make([]int64, len(rows))
			if err := r.Int(t.Context(), task.Bound, telemetry.FieldDuration, task.Group, rows, func(i int, v int64) { have[i] = v }); err != nil {
				t.Fatal(err)
			}
			hasMessage := make([]bool, len(rows))
			if err := r.Has(t.Context(), task.Bound, telemetry.FieldStatusMessage, task.Group, rows, func(i int) { hasMessage[i] = true }); err != nil {
				t.Fatal(err)
			}
			for i := range whole {
				if want := whole[i].Int(telemetry.FieldDuration); have[i] != want {
					t.Fatalf("%s: duration %d, want %d", name, have[i], want)
				}
				if _, want := whole[i].Get(telemetry.LevelField, telemetry.FieldStatusMessage); hasMessage[i] != want {
					t.Fatalf("%s: row %d has a message: %v", name, rows[i], hasMessage[i])
				}
			}
		}
		for _, k := range keys[:len(keys)-1] {
			if found[k.key] == 0 {
				t.Errorf("%s: no record has %.20s: this tests nothing", name, k.key)
			}
		}
	}
}

// TestIDSet asks for sets of ids of which some exist, and counts as many as asking for each.
func TestIDSet(t *testing.T) {
	rng := rand.New(rand.NewPCG(5, 5))
	records := traceWorld(rng, 400)
	for name, e := range layouts(t, rng, telemetry.Spans, records) {
		for _, n := range []int{1, 3, 200} {
			var ids []telemetry.TraceID
			for range n {
				r := records[rng.IntN(len(records))]
				id := telemetry.TraceID(r.cells[telemetry.Column{Level: telemetry.LevelField, Key: telemetry.FieldTraceID, Type: telemetry.TypeBytes}].([]byte))
				if rng.IntN(3) == 0 {
					id[rng.IntN(16)] ^= 0x40 // most likely nobody's
				}
				if !slices.Contains(ids, id) {
					ids = append(ids, id)
				}
			}
			want := uint64(0)
			for _, id := range ids {
				c, err := e.Count(t.Context(), Request{Tenant: "default", Signal: telemetry.Spans, Query: mustParse(t, fmt.Sprintf("trace_id:%s status:error", id))})
				if err != nil {
					t.Fatal(err)
				}
				want += c.Count
			}
			have, err := e.Count(t.Context(), Request{Tenant: "default", Signal: telemetry.Spans, Query: mustParse(t, "status:error"), ids: match.NewIDSet(ids)})
			if err != nil || have.Count != want {
				t.Errorf("%s: %d of %d ids: %d, want %d (%v)", name, n, len(ids), have.Count, want, err)
			}
		}
	}
}

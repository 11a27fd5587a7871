package engine

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"clew/index"
	"clew/internal/telemetry"
)

// TestLatest compares with a walk over all records, of which some are in segments, old and new, and some in a head.
func TestLatest(t *testing.T) {
	w := newWorld(t)
	rng := rand.New(rand.NewPCG(4, 2))
	var all []*modelRecord
	build := func(name string, from, hosts int) index.Part {
		var records []*modelRecord
		for i := range 400 {
			at := testNow.Add(time.Duration(from)*time.Minute + time.Duration(rng.IntN(3600))*time.Second)
			r := &modelRecord{signal: telemetry.Logs, time: at.UnixNano(), cells: map[telemetry.Column]any{}}
			r.set(telemetry.LevelField, telemetry.FieldBody, telemetry.TypeString, fmt.Sprint("line ", i))
			if i%5 != 0 {
				host := rng.IntN(hosts)
				r.set(telemetry.LevelResource, "host.name", telemetry.TypeString, fmt.Sprint("node-", host))
				r.set(telemetry.LevelResource, "host.arch", telemetry.TypeString, []string{"amd64", "arm64"}[host%2])
			}
			records = append(records, r)
		}
		all = append(all, records...)
		return head(t, name, logBatch(toLogs(records)))
	}
	for i, hosts := range []int{40, 10, 20} { // the oldest has hosts that were not heard of since
		g := w.generation(0, uint64(10*i), uint64(10*i+10))
		g.Part = build(fmt.Sprint("old-", i), -600+200*i, hosts)
		w.seal(g)
	}
	last := w.generation(0, 30, 40)
	last.Part = build("now", -60, 12)
	w.heads.set(func(v *index.HeadView) { v.Epoch, v.Committed, v.Generations = 1, 30, []index.Generation{last} })

	since := testNow.Add(-10 * time.Minute).UnixNano()
	want := map[string]*LatestRow{}
	column := func(r *modelRecord, key string) string {
		s, _ := r.cells[telemetry.Column{Level: telemetry.LevelResource, Key: key, Type: telemetry.TypeString}].(string)
		return s
	}
	for _, r := range all {
		host := column(r, "host.name")
		if host == "" {
			continue
		}
		row := want[host]
		if row == nil {
			row = &LatestRow{Value: host, Facts: map[string]string{"resource.host.arch": column(r, "host.arch")}}
			want[host] = row
		}
		row.Time = max(row.Time, r.time)
		if r.time >= since {
			row.Recent++
		}
	}
	e := newEngine(t, w.engine.source)
	got, err := e.Latest(t.Context(), Request{Tenant: "default", Signal: telemetry.Logs}, LatestBy{
		Field: "resource.host.name", Since: since, Facts: []string{"resource.host.arch", "resource.os.type"},
	})
	if err != nil {
		t.Fatal(err)
	}
	if len(got.Rows) != len(want) || len(want) < 30 {
		t.Fatalf("%d values, want %d", len(got.Rows), len(want))
	}
	for _, row := range got.Rows {
		if diff := cmp.Diff(want[row.Value], &row); diff != "" {
			t.Errorf("%s: %s", row.Value, diff)
		}
	}
	if !slices.IsSortedFunc(got.Rows, func(a, b LatestRow) int { return int(b.Time - a.Time) }) {
		t.Error("not the latest first")
	}
	if _, err := e.Latest(t.Context(), Request{Tenant: "default", Signal: telemetry.Logs}, LatestBy{Field: "any"}); err == nil || !strings.Contains(err.Error(), "one field") {
		t.Errorf("of any field: %v", err)
	}
}

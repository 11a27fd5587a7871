package ingest

import (
	"slices"
	"strings"
	"testing"

	"github.com/prometheus/client_golang/prometheus"

	"clew/index"
	"clew/index/catalog"
	"clew/ingest/retention"
	"clew/ingest/shardlog"
	"clew/internal/telemetry"
)

func (r *rig) sendPoints(t *testing.T, first, n int, sources ...shardlog.SourceSeq) {
	t.Helper()
	b, err := gaugeBatch(tenant, first, n)
	if err != nil {
		t.Fatal(err)
	}
	r.sendAs(t, b, sources...)
}

// points counts the points of all rows that a reader sees.
func (r *rig) points(t *testing.T) int {
	t.Helper()
	v := r.catalog.Acquire()
	defer v.Release()
	n := 0
	for s := range v.All() {
		if s.Signal == telemetry.Metrics {
			n += s.Records
		}
	}
	views, err := r.Heads(t.Context(), tenant, telemetry.Metrics)
	if err != nil {
		t.Fatal(err)
	}
	for _, view := range views {
		for _, g := range view.Generations {
			n += samples(t, g)
		}
	}
	return n
}

func TestMetrics(t *testing.T) {
	dir := t.TempDir()
	r := openRig(t, dir, testConfig(), nil)
	r.sendPoints(t, 0, 10, shardlog.SourceSeq{ID: "a", Seq: 1, Count: 10})
	r.sendPoints(t, 5, 10, shardlog.SourceSeq{ID: "a", Seq: 1, Count: 5}, shardlog.SourceSeq{ID: "a", Seq: 2, Count: 5})
	r.settle(t)
	if n := r.points(t); n != 15 {
		t.Errorf("%d points, want 15", n)
	}
	if err := r.Seal(t.Context()); err != nil {
		t.Fatal(err)
	}
	r.sendPoints(t, 15, 3, shardlog.SourceSeq{ID: "a", Seq: 3, Count: 3})
	r.settle(t)
	if n := r.points(t); n != 18 {
		t.Errorf("%d points after a seal, want 18", n)
	}
	r.stop()
	r = openRig(t, dir, testConfig(), nil)
	r.settle(t)
	if n := r.points(t); n != 18 {
		t.Errorf("%d points after a restart, want 18", n)
	}
}

// TestCounters: what happens is counted under the names that dashboards use.
func TestCounters(t *testing.T) {
	registry := prometheus.NewRegistry()
	var told []catalog.Segment
	r := openRig(t, t.TempDir(), testConfig(), func(r *rig) {
		var err error
		if r.metrics, err = newMetrics(r.Ingest, registry); err != nil {
			t.Fatal(err)
		}
		r.onSealed = func(s catalog.Segment) { told = append(told, s) }
	})
	r.sendAs(t, logBatch(tenant, 0, 10), shardlog.SourceSeq{ID: "a", Seq: 1, Count: 10})
	r.sendAs(t, logBatch(tenant, 0, 10), shardlog.SourceSeq{ID: "a", Seq: 1, Count: 10})
	r.send(t, spanBatch(tenant, 0, 7))
	r.send(t, spanBatch(tenant, 4, 7))
	if _, err := r.log.Append(t.Context(), 0, &shardlog.Message{Tenant: tenant, Signal: telemetry.Logs, Batch: []byte("x")}); err != nil {
		t.Fatal(err)
	}
	if err := r.Seal(t.Context()); err != nil {
		t.Fatal(err)
	}
	r.SetRetention(retention.Policy{TotalBytes: 1})
	if err := r.Retain(t.Context(), testTime); err != nil {
		t.Fatal(err)
	}
	families, err := registry.Gather()
	if err != nil {
		t.Fatal(err)
	}
	got := map[string]float64{}
	for _, family := range families {
		for _, m := range family.GetMetric() {
			name := strings.TrimPrefix(family.GetName(), "clew_ingest_")
			for _, label := range m.GetLabel() {
				name += " " + label.GetValue()
			}
			got[name] = m.GetCounter().GetValue() + m.GetGauge().GetValue()
		}
	}
	for name, want := range map[string]float64{
		"records_total logs": 10, "records_total spans": 11, "duplicates_total source logs": 10, "duplicates_total span spans": 3,
		"dropped_messages_total damaged": 1, "seals_total logs": 1, "retention_segments_total spans": 1, "consumed_position 0": 5,
		"floor_position 0": 5, "ready": 1, "head_bytes live": 0,
	} {
		if have, is := got[name]; !is || have != want {
			t.Errorf("%s is %v (%v), want %v", name, have, is, want)
		}
	}
	if len(told) != 2 {
		t.Errorf("told of %d segments, want 2", len(told))
	}
}

// samples adds up the column samples, which has the number of points of each row.
func samples(t *testing.T, g index.Generation) int {
	t.Helper()
	n := 0
	col := slices.IndexFunc(g.Part.Columns(), func(c index.ColumnInfo) bool { return c.Level == telemetry.LevelField && c.Key == "samples" })
	for rg := range g.Part.RowGroups() {
		ints, err := g.Part.Ints(t.Context(), col, rg)
		if err != nil {
			t.Fatal(err)
		}
		for _, v := range ints.Values {
			n += int(v)
		}
	}
	return n
}

package ingest

import (
	"fmt"
	"slices"
	"testing"
	"time"

	"clew/index/catalog"
	"clew/index/segment"
	"clew/internal/telemetry"
)

func TestExpired(t *testing.T) {
	c := catalog.New()
	now := testTime
	day := 24 * time.Hour
	cm := catalog.Commit{Version: catalog.CommitVersion, Reason: "seal"}
	add := func(id string, signal telemetry.Signal, tenant string, age time.Duration, bytes int64) {
		at := now.Add(-age).UnixNano()
		cm.Added = append(cm.Added, catalog.Segment{ID: id, Signal: signal, Tenant: tenant, Rows: 1, MinTime: at - int64(day), MaxTime: at, Bytes: bytes})
	}
	add("l1", telemetry.Logs, "a", 1*day, 10)
	add("l5", telemetry.Logs, "b", 5*day, 10)
	add("l9", telemetry.Logs, "a", 9*day, 10)
	add("s2", telemetry.Spans, "a", 2*day, 100)
	add("s3", telemetry.Spans, "b", 3*day, 100)
	add("m8", telemetry.Metrics, "a", 8*day, 5)
	// Loaded today, of records of last month.
	add("new", telemetry.Spans, "c", 30*day, 0)
	cm.Added[len(cm.Added)-1].Created = now
	if err := c.Apply(1, cm); err != nil {
		t.Fatal(err)
	}
	age, bytes := func(d time.Duration) *time.Duration { return &d }, func(n int64) *int64 { return &n }
	for _, test := range []struct {
		name string
		r    Retention
		want []string
	}{
		{"no bounds", Retention{}, nil},
		{"age of one signal", Retention{Logs: Bounds{Age: 7 * day}}, []string{"l9"}},
		{"the age of old records begins when they are written", Retention{Spans: Bounds{Age: 2 * day}}, []string{"s3"}},
		{"age is inclusive", Retention{Logs: Bounds{Age: 9 * day}}, nil},
		{"ages", Retention{Logs: Bounds{Age: 4 * day}, Metrics: Bounds{Age: day}}, []string{"l9", "m8", "l5"}},
		{"bytes of one signal, over tenants", Retention{Spans: Bounds{Bytes: 150}}, []string{"s3"}},
		{"bytes after age", Retention{Logs: Bounds{Age: 7 * day, Bytes: 20}}, []string{"l9"}},
		{"total", Retention{TotalBytes: 130}, []string{"l9", "m8", "l5", "s3"}},
		{"total exactly met", Retention{TotalBytes: 235}, nil},
		{
			"a tenant's age is its own",
			Retention{Logs: Bounds{Age: 7 * day}, Tenants: map[string]TenantRetention{"a": {Logs: TenantBounds{Age: age(0)}}, "b": {Logs: TenantBounds{Age: age(4 * day)}}}},
			[]string{"l5"},
		},
		{
			"a tenant's bytes come on top of all tenants'",
			Retention{Logs: Bounds{Bytes: 25}, Tenants: map[string]TenantRetention{"a": {Logs: TenantBounds{Bytes: bytes(10)}}, "b": {Logs: TenantBounds{Bytes: bytes(10)}}}},
			[]string{"l9"},
		},
		{"a tenant's bytes of one signal", Retention{Tenants: map[string]TenantRetention{"a": {Spans: TenantBounds{Bytes: bytes(1)}}}}, []string{"s2"}},
	} {
		var got []string
		for _, s := range expired(c.Current(), test.r, now) {
			got = append(got, s.ID)
		}
		if !slices.Equal(got, test.want) {
			t.Errorf("%s: %v go, want %v", test.name, got, test.want)
		}
	}
}

// TestRetention: what retention removes is gone for new readers, and its objects stay for as long as an older reader looks.
func TestRetention(t *testing.T) {
	dir := t.TempDir()
	cfg := testConfig()
	r := openRig(t, dir, cfg, nil)
	for i := range 3 {
		r.send(t, logBatch(fmt.Sprint("t", i), 0, 20))
		if err := r.Seal(t.Context()); err != nil {
			t.Fatal(err)
		}
	}
	r.send(t, logBatch("t0", 20, 20)) // unsealed: retention has no say yet
	r.settle(t)
	parts, release, err := r.parts(t.Context(), "t0", telemetry.Logs)
	if err != nil {
		t.Fatal(err)
	}
	r.cfg.Retention.TotalBytes = 1
	if err := r.Retain(t.Context(), time.Now()); err != nil {
		t.Fatal(err)
	}
	if n := r.catalog.Current().Len(); n != 0 {
		t.Errorf("%d segments are left", n)
	}
	objects := func() int {
		t.Helper()
		if err := r.deleteDead(t.Context(), time.Now()); err != nil {
			t.Fatal(err)
		}
		if _, err := r.Collect(t.Context(), time.Now().Add(2*cfg.CollectAfter)); err != nil {
			t.Fatal(err)
		}
		list, err := r.dir.List(t.Context(), segment.Prefix)
		if err != nil {
			t.Fatal(err)
		}
		return len(list)
	}
	if n := objects(); n != 6 {
		t.Errorf("%d objects while a reader looks, want 6", n)
	}
	var old []int
	for _, p := range parts {
		if old, err = appendNumbers(t.Context(), old, p); err != nil {
			t.Fatal(err)
		}
	}
	if err := exactly(slices.Sorted(slices.Values(old)), 40); err != nil {
		t.Errorf("the older reader: %v", err)
	}
	release()
	if n := objects(); n != 0 {
		t.Errorf("%d objects after the last reader, want none", n)
	}
	if got, err := r.numbers(t.Context(), "t0", telemetry.Logs); err != nil || len(got) != 20 || got[0] != 20 {
		t.Errorf("%v are left of t0 (%v), want 20 to 39", got, err)
	}
	r.stop()
	r = openRig(t, dir, testConfig(), nil)
	r.settle(t)
	if got, err := r.numbers(t.Context(), "t0", telemetry.Logs); err != nil || len(got) != 20 || got[0] != 20 {
		t.Errorf("%v are left of t0 after a restart (%v), want 20 to 39", got, err)
	}
}

// TestDeleteAfter: objects wait for readers in other processes.
func TestDeleteAfter(t *testing.T) {
	cfg := testConfig()
	cfg.DeleteAfter = time.Minute
	r := openRig(t, t.TempDir(), cfg, nil)
	r.send(t, logBatch(tenant, 0, 20))
	if err := r.Seal(t.Context()); err != nil {
		t.Fatal(err)
	}
	r.cfg.Retention.TotalBytes = 1
	if err := r.Retain(t.Context(), time.Now()); err != nil {
		t.Fatal(err)
	}
	count := func(at time.Time) int {
		t.Helper()
		if err := r.deleteDead(t.Context(), at); err != nil {
			t.Fatal(err)
		}
		list, err := r.dir.List(t.Context(), segment.Prefix)
		if err != nil {
			t.Fatal(err)
		}
		return len(list)
	}
	if n := count(time.Now()); n != 2 {
		t.Errorf("%d objects at once, want 2", n)
	}
	if n := count(time.Now().Add(cfg.DeleteAfter + time.Second)); n != 0 {
		t.Errorf("%d objects afterwards, want none", n)
	}
}

// TestCheckpoint: the catalog is written down, commits are forgotten, and a restart finds everything.
func TestCheckpoint(t *testing.T) {
	dir := t.TempDir()
	r := openRig(t, dir, testConfig(), nil)
	for i := range 6 {
		r.send(t, logBatch(tenant, i*10, 10))
		if err := r.Seal(t.Context()); err != nil {
			t.Fatal(err)
		}
		if err := r.checkpoint(t.Context(), 1); err != nil {
			t.Fatal(err)
		}
	}
	r.stop()
	r = openRig(t, dir, testConfig(), nil)
	r.settle(t)
	r.want(t, tenant, telemetry.Logs, 60)
	var first uint64
	stop := fmt.Errorf("enough")
	err := r.log.Follow(t.Context(), 0, func(seq uint64, _ int, _ []byte) error {
		first = seq
		return stop
	}, func() {})
	if err == nil || first == 1 {
		t.Errorf("commits are kept from %d on (%v): want them forgotten from the start", first, err)
	}
	r.send(t, logBatch(tenant, 60, 10))
	if err := r.Seal(t.Context()); err != nil {
		t.Fatal(err)
	}
	r.want(t, tenant, telemetry.Logs, 70)
}

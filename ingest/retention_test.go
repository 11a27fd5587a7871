package ingest

import (
	"fmt"
	"slices"
	"testing"
	"time"

	"clew/index/segment"
	"clew/ingest/retention"
	"clew/internal/telemetry"
)

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
	r.SetRetention(retention.Policy{TotalBytes: 1})
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
	r.SetRetention(retention.Policy{TotalBytes: 1})
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

package ingest

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"clew/index/catalog"
	"clew/index/segment"
	"clew/index/store"
	"clew/ingest/sources"
	"clew/internal/clock"
	"clew/internal/telemetry"
)

// compacting is a configuration with which Compact may use a whole core.
func compacting() Config {
	cfg := testConfig()
	cfg.Compaction.Share = 1
	return cfg
}

// closed is a time at which the windows of what is written now have ended.
func closed() time.Time { return clock.Now().Add(48 * time.Hour) }

// sealEach sends batches of size records of a signal and seals after each.
func (r *rig) sealEach(t *testing.T, make func(tenant string, first, n int) *telemetry.Batch, batches, size int) {
	t.Helper()
	for i := range batches {
		r.send(t, make(tenant, i*size, size))
		if err := r.Seal(t.Context()); err != nil {
			t.Fatal(err)
		}
	}
}

// TestCompact: small segments become one, with every record once, as old as the youngest of them; the old objects go.
func TestCompact(t *testing.T) {
	var removed []string // by Compact, on this goroutine
	r := openRig(t, t.TempDir(), compacting(), func(r *rig) {
		r.onRemoved = func(segments []catalog.Segment) {
			for _, s := range segments {
				removed = append(removed, s.ID)
			}
		}
	})
	r.sealEach(t, logBatch, 5, 40)
	r.sealEach(t, spanBatch, 5, 44)
	var latest time.Time
	var ids []string
	for s := range r.catalog.Current().All() {
		ids = append(ids, s.ID)
		if s.Created.After(latest) {
			latest = s.Created
		}
	}
	if n, err := r.Compact(t.Context(), clock.Now()); err != nil || n != 0 {
		t.Errorf("%d merges (%v) in a window that is open", n, err)
	}
	n, err := r.Compact(t.Context(), closed())
	if err != nil || n != 2 {
		t.Fatalf("%d merges (%v), want 2", n, err)
	}
	v := r.catalog.Current()
	if v.Len() != 2 {
		t.Fatalf("%d segments, want 2", v.Len())
	}
	for s := range v.All() {
		if s.Level != 1 || s.Created.After(latest) || s.Records != 5*40 && s.Records != 5*44 {
			t.Errorf("merged segment %+v", s)
		}
	}
	slices.Sort(ids)
	slices.Sort(removed)
	if !slices.Equal(ids, removed) {
		t.Errorf("told of the removal of %v, want %v", removed, ids)
	}
	r.want(t, tenant, telemetry.Logs, 200)
	r.want(t, tenant, telemetry.Spans, 220)
	checkObjects(t, r, "compacted")
	if n, err := r.Compact(t.Context(), closed()); err != nil || n != 0 {
		t.Errorf("%d merges (%v) where nothing is left to merge", n, err)
	}
	r.stop()
	r = openRig(t, r.dirName, compacting(), nil)
	r.settle(t)
	r.want(t, tenant, telemetry.Logs, 200)
	r.want(t, tenant, telemetry.Spans, 220)
}

// TestCompactRepeated: a span that was sent again after its shard had forgotten it is there once after a merge.
func TestCompactRepeated(t *testing.T) {
	r := openRig(t, t.TempDir(), compacting(), nil)
	for range 3 {
		r.send(t, spanBatch(tenant, 0, 50))
		if err := r.Seal(t.Context()); err != nil {
			t.Fatal(err)
		}
		r.owner(0).spans = sources.NewSpans(sources.SpansRemembered)
	}
	if got, err := r.numbers(t.Context(), tenant, telemetry.Spans); err != nil || len(got) != 150 {
		t.Fatalf("%d spans (%v), want 150 before", len(got), err)
	}
	if _, err := r.Compact(t.Context(), closed()); err != nil {
		t.Fatal(err)
	}
	r.want(t, tenant, telemetry.Spans, 50)
}

// TestCompactWhileRead: readers see every record exactly once at every moment, while records come in, are sealed, merged, and old objects deleted.
func TestCompactWhileRead(t *testing.T) {
	r := openRig(t, t.TempDir(), compacting(), nil)
	r.settle(t)
	ctx, cancel := context.WithCancel(t.Context())
	var wg sync.WaitGroup
	var mu sync.Mutex
	sent, merges, reads := 0, 0, 0
	wg.Go(func() {
		for ctx.Err() == nil {
			n, err := r.Compact(ctx, closed())
			if err != nil && ctx.Err() == nil {
				t.Error(err)
			}
			merges += n
			if err := r.deleteDead(ctx, time.Now()); err != nil && ctx.Err() == nil {
				t.Error(err)
			}
		}
	})
	wg.Go(func() {
		for ctx.Err() == nil {
			mu.Lock()
			least := sent
			mu.Unlock()
			got, err := r.numbers(ctx, tenant, telemetry.Logs)
			if ctx.Err() != nil {
				return
			}
			if err == nil {
				err = exactly(got, len(got))
			}
			if err == nil && len(got) < least {
				err = fmt.Errorf("%d records, %d had been consumed", len(got), least)
			}
			if err != nil {
				t.Error(err)
				return
			}
			reads++
		}
	})
	for i := range 60 {
		r.send(t, logBatch(tenant, i*25, 25))
		r.settle(t)
		mu.Lock()
		sent = (i + 1) * 25
		mu.Unlock()
		if i%2 == 1 {
			if err := r.Seal(ctx); err != nil {
				t.Fatal(err)
			}
		}
	}
	cancel()
	wg.Wait()
	t.Logf("%d merges, %d reads", merges, reads)
	if merges < 3 || reads < 3 {
		t.Errorf("%d merges and %d reads: the test has seen nothing", merges, reads)
	}
	r.want(t, tenant, telemetry.Logs, 1500)
}

// TestCompactGivesWay: nothing is merged while records wait to be taken, and what was under way goes on afterwards.
func TestCompactGivesWay(t *testing.T) {
	cfg := compacting()
	var busy atomic.Bool
	busy.Store(true)
	r := openRig(t, t.TempDir(), cfg, func(r *rig) {
		r.busy = func() string {
			if busy.Load() {
				return "admission"
			}
			return ""
		}
	})
	r.sealEach(t, logBatch, 4, 20)
	waitFor(t, "the first look for deletions", func() bool { return !r.rewriter.look.Load() })
	ctx, cancel := context.WithTimeout(t.Context(), 300*time.Millisecond)
	defer cancel()
	if n, err := r.Compact(ctx, closed()); n != 0 || !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("%d merges (%v) under pressure", n, err)
	}
	busy.Store(false)
	r.rewriter.look.Store(true) // a deletion is requested
	if n, err := r.Compact(t.Context(), closed()); n != 0 || !errors.Is(err, errPreempted) {
		t.Errorf("%d merges (%v) while a deletion waits", n, err)
	}
	r.rewriter.look.Store(false)
	if n, err := r.Compact(t.Context(), closed()); n != 1 || err != nil {
		t.Errorf("%d merges (%v), want 1", n, err)
	}
	r.want(t, tenant, telemetry.Logs, 80)
}

// TestCompactFails: a store that fails costs the merge, not the records; a damaged segment is left alone and the others are merged.
func TestCompactFails(t *testing.T) {
	r := openRig(t, t.TempDir(), compacting(), nil)
	r.sealEach(t, logBatch, 4, 20)
	r.faulty.Script(store.Fault{Op: store.OpPut, Match: ".index", Err: errors.New("away"), Times: 1})
	if n, err := r.Compact(t.Context(), closed()); n != 0 || err != nil {
		t.Fatalf("%d merges (%v) with a store that fails", n, err)
	}
	r.want(t, tenant, telemetry.Logs, 80)
	if n, err := r.Compact(t.Context(), closed()); n != 0 || err != nil {
		t.Errorf("%d merges (%v) right after one failed: want them left alone for a while", n, err)
	}
	r.rewriter.mu.Lock()
	clear(r.rewriter.setAside)
	r.rewriter.mu.Unlock()
	if n, err := r.Compact(t.Context(), closed()); n != 1 || err != nil {
		t.Errorf("%d merges (%v), want 1", n, err)
	}
	r.want(t, tenant, telemetry.Logs, 80)
	checkObjects(t, r, "failed")
}

// TestRemovedTwice: whoever commits the removal of a segment second is told so, and nothing else happens.
func TestRemovedTwice(t *testing.T) {
	var once sync.Once
	retain := make(chan func(), 1)
	r := openRig(t, t.TempDir(), compacting(), func(r *rig) {
		r.step = func(step string) {
			if step == "rewritten" {
				once.Do(func() { (<-retain)() })
			}
		}
	})
	r.sealEach(t, logBatch, 3, 20)
	o := r.owner(0)
	var old []*catalog.Segment
	for s := range r.catalog.Current().All() {
		old = append(old, s)
	}
	retain <- func() { // retention is quicker
		if err := r.remove(t.Context(), o, old[1:2]); err != nil {
			t.Error(err)
		}
	}
	if n, err := r.Compact(t.Context(), closed()); n != 1 || err != nil {
		t.Errorf("%d merges (%v), want that of the two that were left", n, err)
	}
	if o.ctx.Err() != nil {
		t.Error("the shard's owner ended")
	}
	got, err := r.numbers(t.Context(), tenant, telemetry.Logs)
	if err != nil || len(got) != 40 || r.catalog.Current().Len() != 1 {
		t.Errorf("%d records (%v) in %d segments, want 40 in 1", len(got), err, r.catalog.Current().Len())
	}
	checkObjects(t, r, "removed twice")
}

// TestCollectKinds: every kind of object that no commit names is collected, what may be somebody's yet is not, and what is not a segment's stays.
func TestCollectKinds(t *testing.T) {
	r := openRig(t, t.TempDir(), testConfig(), nil)
	r.sealEach(t, logBatch, 2, 10)
	put := func(name string) {
		t.Helper()
		if _, err := r.dir.Put(t.Context(), name, writeNothing); err != nil {
			t.Fatal(err)
		}
	}
	now := clock.Now()
	old := now.Add(-2 * r.cfg.CollectAfter)
	parquet, _ := segment.Names(segment.NewID(0, telemetry.Logs, old)) // killed between the two objects
	put(parquet)
	parquet, index := segment.Names(segment.NewID(0, telemetry.Spans, old)) // killed before the commit
	put(parquet)
	put(index)
	parquet, _ = segment.Names(segment.NewID(0, telemetry.Metrics, old)) // killed while deleting: the index goes first
	put(parquet)
	young, _ := segment.Names(segment.NewID(0, telemetry.Logs, now))
	put(young)
	foreign, _ := segment.Names(segment.NewID(7, telemetry.Logs, old)) // of a shard that is another's
	put(foreign)
	pendingID := segment.NewID(0, telemetry.Logs, old)
	pending, _ := segment.Names(pendingID) // being written, for long
	r.pending.add(pendingID)
	put(pending)
	put("catalog/note")
	if n, err := r.Collect(t.Context(), now); err != nil || n != 3 {
		t.Errorf("%d segments collected (%v), want 3", n, err)
	}
	objects, err := r.dir.List(t.Context(), "")
	if err != nil {
		t.Fatal(err)
	}
	var left []string
	for _, o := range objects {
		if id, ok := segment.IDOf(o.Name); !ok || !r.catalog.Has(id) {
			left = append(left, o.Name)
		}
	}
	want := []string{"catalog/note", young, foreign, pending}
	slices.Sort(want)
	if !slices.Equal(left, want) {
		t.Errorf("left: %v, want %v", left, want)
	}
	r.want(t, tenant, telemetry.Logs, 20)
}

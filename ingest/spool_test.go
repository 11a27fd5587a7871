package ingest

import (
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"testing"
	"time"

	"clew/ingest/spool"

	"clew/index/segment"
	"clew/index/store"
	"clew/internal/telemetry"

	dto "github.com/prometheus/client_model/go"
)

// spooled gives a rig a spool, as for a store that is not here.
func spooled(dir string, bytesMax int64) func(*rig) {
	return func(r *rig) {
		st, err := store.OpenDir(filepath.Join(dir, "spool"))
		if err != nil {
			panic(err) // a test's directory that can't be written
		}
		r.spool = spool.New(spool.Config{Dir: st, BytesMax: bytesMax, Uploads: 2})
	}
}

// away is a store that can't be reached.
var away = &store.AwayError{Reason: store.AwayUnreachable, Err: errors.New("connection refused")}

func (r *rig) sendAll(t *testing.T, first, n int) {
	t.Helper()
	points, err := gaugeBatch(tenant, first, n)
	if err != nil {
		t.Fatal(err)
	}
	for _, b := range []*telemetry.Batch{logBatch(tenant, first, n), spanBatch(tenant, first, n), points} {
		r.send(t, b)
	}
	r.settle(t)
}

func (r *rig) freezeAll() {
	for _, h := range r.allHeads() {
		h.freeze()
	}
}

func (r *rig) local() int { return r.spool.Status().Segments }

// While the store is away, heads become local segments: their memory is free, they stay searchable, nothing is committed and nothing trimmed. When it is
// back, everything is uploaded and committed, and who was reading reads on.
func TestSealsWhileStoreIsAway(t *testing.T) {
	dir := t.TempDir()
	r := openRig(t, dir, testConfig(), spooled(dir, 1<<30))
	r.sendAll(t, 0, 100)
	if err := r.Seal(t.Context()); err != nil {
		t.Fatal(err)
	}
	floor := r.catalog.Current().Shard(0).Floor
	if floor == 0 || r.local() != 0 {
		t.Fatalf("floor %d, %d local segments", floor, r.local())
	}

	r.faulty.Script(store.Fault{Op: store.OpPut, Match: "segments/", Err: away})
	const rounds = 4
	for round := 1; round <= rounds; round++ {
		r.sendAll(t, round*100, 100)
		r.freezeAll()
		waitFor(t, "local segments", func() bool { return r.local() == 3*round })
		for _, signal := range []telemetry.Signal{telemetry.Logs, telemetry.Spans} {
			r.want(t, tenant, signal, (round+1)*100)
		}
	}
	if live, frozen := r.room.get(); live != 0 || frozen != 0 {
		t.Errorf("%d live and %d frozen bytes in memory, want none", live, frozen)
	}
	if got := r.catalog.Current().Shard(0).Floor; got != floor {
		t.Errorf("floor went from %d to %d while nothing could be committed", floor, got)
	}
	waitFor(t, "a failed upload", func() bool { return r.Status(t.Context()).Spool.Error != "" })
	now := time.Now().Add(24 * time.Hour)
	r.sendAll(t, (rounds+1)*100, 100)
	r.sealAged(now)
	if live, _ := r.room.get(); live == 0 {
		t.Error("what is only old was sealed while nothing can be uploaded")
	}

	parts, release, err := r.parts(t.Context(), tenant, telemetry.Logs)
	if err != nil {
		t.Fatal(err)
	}
	defer release()
	r.faulty.Script()
	if err := r.Seal(t.Context()); err != nil {
		t.Fatal(err)
	}
	if s := r.Status(t.Context()).Spool; s.Segments != 0 || s.Bytes != 0 || s.Error != "" {
		t.Errorf("after everything was sealed: %+v", *s)
	}
	if left, err := r.spool.Dir.List(t.Context(), ""); err != nil || len(left) != 0 {
		t.Errorf("left in the spool: %v, %v", left, err)
	}
	state, err := r.log.State(t.Context(), 0)
	if err != nil || r.catalog.Current().Shard(0).Floor != state.Last {
		t.Errorf("floor %d, the log ends at %d, %v", r.catalog.Current().Shard(0).Floor, state.Last, err)
	}
	for _, signal := range []telemetry.Signal{telemetry.Logs, telemetry.Spans} {
		r.want(t, tenant, signal, (rounds+2)*100)
	}
	var all []int
	for _, p := range parts {
		if all, err = appendNumbers(t.Context(), all, p); err != nil {
			t.Fatalf("a reader from before: %v", err)
		}
	}
	slices.Sort(all)
	if err := exactly(all, (rounds+2)*100); err != nil {
		t.Errorf("a reader from before: %v", err)
	}
}

// Generations are committed in their order, whichever upload fails.
func TestUploadsKeepOrder(t *testing.T) {
	dir := t.TempDir()
	r := openRig(t, dir, testConfig(), spooled(dir, 1<<30))
	r.faulty.Script(store.Fault{Op: store.OpPut, Match: "logs", Err: away})
	var positions []uint64
	for round := range 3 {
		r.send(t, logBatch(tenant, round*10, 10))
		r.settle(t)
		r.freezeAll()
		positions = append(positions, r.owner(0).consumed.Load())
	}
	waitFor(t, "local segments", func() bool { return r.local() == 3 })
	for i := range positions {
		// One upload (two objects) passes, then the store is away again.
		r.faulty.Script(store.Fault{Op: store.OpPut, Match: "logs", Skip: 2, Err: away})
		r.uploads.Hurry()
		waitFor(t, "an upload", func() bool { return r.local() == 2-i })
		if got := r.catalog.Current().Shard(0).Floor; got != positions[i] {
			t.Errorf("after upload %d the floor is %d, want %d", i, got, positions[i])
		}
		r.want(t, tenant, telemetry.Logs, 30)
	}
}

// A full spool leaves heads in memory, and answers stay right; when there is room they go on by themselves.
func TestSpoolFull(t *testing.T) {
	dir := t.TempDir()
	r := openRig(t, dir, testConfig(), spooled(dir, 1)) // one segment, whatever its size
	r.faulty.Script(store.Fault{Op: store.OpPut, Match: "segments/", Err: away})
	for round := range 3 {
		r.send(t, logBatch(tenant, round*10, 10))
		r.settle(t)
		r.freezeAll()
	}
	waitFor(t, "a seal that is turned away", func() bool { return r.Status(t.Context()).Shards[0].SealError != "" })
	if _, frozen := r.room.get(); r.local() != 1 || frozen == 0 {
		t.Errorf("%d local segments and %d frozen bytes, want one and some", r.local(), frozen)
	}
	r.want(t, tenant, telemetry.Logs, 30)
	r.faulty.Script()
	if err := r.Seal(t.Context()); err != nil {
		t.Fatal(err)
	}
	r.want(t, tenant, telemetry.Logs, 30)
}

// A spool is not needed: what a crash leaves in it is removed, and comes anew from the log.
func TestSpoolAfterCrash(t *testing.T) {
	dir := t.TempDir()
	r := openRig(t, dir, testConfig(), spooled(dir, 1<<30))
	r.faulty.Script(store.Fault{Op: store.OpPut, Match: "segments/", Err: away})
	r.sendAll(t, 0, 100)
	r.freezeAll()
	waitFor(t, "local segments", func() bool { return r.local() == 3 })
	// As a crash would: the process ends and its files stay.
	objects, err := r.spool.Dir.List(t.Context(), "")
	if err != nil || len(objects) != 6 {
		t.Fatalf("%d objects in the spool, %v", len(objects), err)
	}
	r.stop()
	again := openRig(t, dir, testConfig(), func(r *rig) {
		spooled(dir, 1<<30)(r)
		put(t, r.spool.Dir, "segments/left-over")
		parquet, index := segment.Names(segment.NewID(0, telemetry.Logs, testTime))
		put(t, r.spool.Dir, parquet)
		put(t, r.spool.Dir, index)
	})
	again.settle(t)
	again.want(t, tenant, telemetry.Logs, 100)
	again.want(t, tenant, telemetry.Spans, 100)
	if left, err := again.spool.Dir.List(t.Context(), ""); err != nil || len(left) != 0 {
		t.Errorf("left in the spool: %v, %v", left, err)
	}
	var counted dto.Metric
	if err := again.metrics.spoolLeft.Write(&counted); err != nil || counted.GetCounter().GetValue() != 1 {
		t.Errorf("%v segments counted as left, %v; want 1", counted.GetCounter().GetValue(), err)
	}
	if err := again.Seal(t.Context()); err != nil {
		t.Fatal(err)
	}
	again.want(t, tenant, telemetry.Spans, 100)
}

func put(t *testing.T, st store.Store, name string) {
	t.Helper()
	if _, err := st.Put(t.Context(), name, func(w io.Writer) error { _, err := io.WriteString(w, "half"); return err }); err != nil {
		t.Fatal(err)
	}
}

// childSpool makes children of TestKilledWithSpool seal to a spool, before a store that is away for a while.
const childSpool = "CLEW_INGEST_TEST_SPOOL"

func spoolIfAsked(dir string, r *rig) {
	if os.Getenv(childSpool) == "" {
		return
	}
	spooled(dir, 1<<30)(r)
	if os.Getenv(childDir) != "" { // only spans, so that no deletion, which is tried again after ten seconds, meets it
		r.faulty.Script(store.Fault{Op: store.OpPut, Match: "-spans-", Skip: 2, Times: 2, Err: away})
	}
}

// TestKilledWithSpool is TestKilled for segments that wait in a spool: killed between any two steps, nothing acknowledged is lost and nothing is there twice.
func TestKilledWithSpool(t *testing.T) {
	t.Setenv(childSpool, "1")
	dir := t.TempDir()
	var before told
	steps := []string{"frozen", "spooled", "uploaded", "committed", "applied", "given up", "trimmed", "replaced", ""}
	for i, step := range steps {
		count, after := 1+i%3, time.Minute
		if step == "" {
			after = 700 * time.Millisecond
		}
		said := killChild(t, dir, step, count, before.acknowledged, after)
		said.acknowledged = max(said.acknowledged, before.acknowledged)
		said.deleting = max(said.deleting, before.deleting)
		said.acknowledged = checkAfterKill(t, dir, fmt.Sprintf("killed at step %q (%d)", step, count), said)
		before = said
	}
}

package ingest

import (
	"context"
	"errors"
	"fmt"
	"runtime"
	"slices"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"
	"weak"

	"clew/index/catalog"
	"clew/index/segment"
	"clew/index/store"
	"clew/ingest/retention"
	"clew/ingest/shardlog"
	"clew/internal/telemetry"
)

const tenant = telemetry.DefaultTenant

// TestExactWhileSealing counts all the while records come and are sealed, then after a restart.
func TestExactWhileSealing(t *testing.T) {
	dir := t.TempDir()
	cfg := testConfig()
	cfg.SealRows = 700
	r := openRig(t, dir, cfg, nil)
	r.settle(t) // before the shard has an owner there is nothing that could be exact
	ctx, stop := context.WithCancel(t.Context())
	var counters sync.WaitGroup
	var sent [4]int // what is certainly consumed, by signal
	var mu sync.Mutex
	for _, signal := range []telemetry.Signal{telemetry.Logs, telemetry.Spans} {
		counters.Go(func() {
			for ctx.Err() == nil {
				mu.Lock()
				least := sent[signal]
				mu.Unlock()
				got, err := r.numbers(t.Context(), tenant, signal)
				if err == nil && len(got) < least {
					err = fmt.Errorf("%d records, at least %d were consumed before", len(got), least)
				}
				if err == nil {
					err = exactly(got, len(got))
				}
				if err != nil {
					t.Errorf("%v while sealing: %v", signal, err)
					return
				}
			}
		})
	}
	const batches, rows = 60, 100
	for i := range batches {
		r.send(t, logBatch(tenant, i*rows, rows))
		r.send(t, spanBatch(tenant, i*rows, rows))
		if i%5 == 4 {
			r.settle(t)
			mu.Lock()
			sent[telemetry.Logs], sent[telemetry.Spans] = (i+1)*rows, (i+1)*rows
			mu.Unlock()
		}
	}
	stop()
	counters.Wait()
	r.want(t, tenant, telemetry.Logs, batches*rows)
	if n := r.catalog.Current().Len(); n < 4 {
		t.Errorf("%d segments, want several of each signal", n)
	}
	if err := r.Seal(t.Context()); err != nil {
		t.Fatal(err)
	}
	if live, frozen := r.room.get(); live != 0 || frozen != 0 {
		t.Errorf("%d live and %d frozen bytes after everything was sealed", live, frozen)
	}
	if state, err := r.log.State(t.Context(), 0); err != nil || state.First != state.Last+1 {
		t.Errorf("the log holds %d to %d after everything was sealed (%v)", state.First, state.Last, err)
	}
	r.stop()

	again := openRig(t, dir, cfg, nil)
	again.settle(t)
	again.want(t, tenant, telemetry.Logs, batches*rows)
	again.want(t, tenant, telemetry.Spans, batches*rows)
}

// TestReplay restarts with some keys sealed further than others, and more than once.
func TestReplay(t *testing.T) {
	dir := t.TempDir()
	cfg := testConfig()
	cfg.SealRows = 250
	total := map[string]int{}
	for range 4 {
		r := openRig(t, dir, cfg, nil)
		for i := range 12 {
			name := []string{"busy", "busy", "busy", "quiet"}[i%4]
			r.send(t, logBatch(name, total[name], 60))
			total[name] += 60
		}
		r.settle(t)
		for name, n := range total {
			r.want(t, name, telemetry.Logs, n)
		}
		if got := r.Tenants(); !slices.Equal(got, []string{"busy", "quiet"}) {
			t.Errorf("tenants are %v", got)
		}
		if !r.Ready() {
			t.Error("everything is consumed, and it isn't ready")
		}
		r.stop()
	}
}

func TestRepeatedSources(t *testing.T) {
	dir := t.TempDir()
	r := openRig(t, dir, testConfig(), nil)
	send := func(first, n int, sources ...shardlog.SourceSeq) { r.sendAs(t, logBatch(tenant, first, n), sources...) }
	send(0, 10, shardlog.SourceSeq{ID: "a", Seq: 1, Count: 10})
	send(0, 10, shardlog.SourceSeq{ID: "a", Seq: 1, Count: 10}) // a retry
	send(10, 10, shardlog.SourceSeq{ID: "a", Seq: 2, Count: 4}, shardlog.SourceSeq{ID: "b", Seq: 1, Count: 6})
	send(10, 15, shardlog.SourceSeq{ID: "a", Seq: 2, Count: 4}, shardlog.SourceSeq{ID: "b", Seq: 1, Count: 6}, shardlog.SourceSeq{ID: "c", Seq: 9, Count: 5})
	r.settle(t)
	r.want(t, tenant, telemetry.Logs, 25)
	if err := r.Seal(t.Context()); err != nil {
		t.Fatal(err)
	}
	send(20, 5, shardlog.SourceSeq{ID: "c", Seq: 9, Count: 5}) // repeated after the commit
	r.settle(t)
	r.want(t, tenant, telemetry.Logs, 25)
	r.stop()

	r = openRig(t, dir, testConfig(), nil)
	r.sendAs(t, logBatch(tenant, 20, 5), shardlog.SourceSeq{ID: "c", Seq: 9, Count: 5}) // and after a restart
	r.settle(t)
	r.want(t, tenant, telemetry.Logs, 25)
}

// TestRepeatedSpans: spans are known by their ids, whoever sends them, across seals and restarts.
func TestRepeatedSpans(t *testing.T) {
	dir := t.TempDir()
	r := openRig(t, dir, testConfig(), nil)
	r.send(t, spanBatch(tenant, 0, 50))
	r.send(t, spanBatch(tenant, 40, 20))
	r.settle(t)
	r.want(t, tenant, telemetry.Spans, 60)
	if err := r.Seal(t.Context()); err != nil {
		t.Fatal(err)
	}
	r.send(t, spanBatch(tenant, 30, 40))
	r.settle(t)
	r.want(t, tenant, telemetry.Spans, 70)
	r.stop()

	r = openRig(t, dir, testConfig(), nil)
	r.send(t, spanBatch(tenant, 0, 80))
	r.send(t, spanBatch("other", 0, 10)) // another tenant's spans are others
	r.settle(t)
	r.want(t, tenant, telemetry.Spans, 80)
	r.want(t, "other", telemetry.Spans, 10)
}

func TestDamagedMessage(t *testing.T) {
	r := openRig(t, t.TempDir(), testConfig(), nil)
	r.send(t, logBatch(tenant, 0, 10))
	for _, m := range []*shardlog.Message{
		{Tenant: tenant, Signal: telemetry.Logs, Records: 3, Batch: []byte("garbage")},
		{Tenant: tenant, Signal: telemetry.Metrics, Records: 3, Batch: encoded(t, logBatch(tenant, 10, 3))},
	} {
		if _, err := r.log.Append(t.Context(), 0, m); err != nil {
			t.Fatal(err)
		}
	}
	r.send(t, logBatch(tenant, 10, 10))
	r.settle(t)
	r.want(t, tenant, telemetry.Logs, 20)
	st := r.Status(t.Context()).Shards[0]
	if st.Damaged != 2 || len(st.DamagedMessages) != 2 || st.DamagedMessages[0].Position != 2 {
		t.Errorf("status of the damaged messages: %+v", st)
	}
}

func encoded(t testing.TB, b *telemetry.Batch) []byte {
	t.Helper()
	data, err := telemetry.Encode(nil, b)
	if err != nil {
		t.Fatal(err)
	}
	return data
}

// TestStoreAway: while the store fails, everything stays searchable and in the log, reading pauses at the bound, and all goes on by itself.
func TestStoreAway(t *testing.T) {
	cfg := testConfig()
	cfg.SealRows = 1000
	cfg.FrozenBytes = 1 << 20
	r := openRig(t, t.TempDir(), cfg, func(r *rig) {
		r.faulty.Script(store.Fault{Op: store.OpPut, Match: segment.Prefix, Err: syscall.ENOSPC})
	})
	n := 0
	for !r.Status(t.Context()).Paused {
		r.send(t, logBatch(tenant, n, 500))
		n += 500
		if n > 1_000_000 {
			t.Fatal("it never pauses")
		}
	}
	r.send(t, logBatch(tenant, n, 500)) // the log takes it
	n += 500
	waitFor(t, "a failed seal", func() bool { return r.Status(t.Context()).Shards[0].SealError != "" })
	st := r.Status(t.Context()).Shards[0]
	if !strings.Contains(st.SealError, "no space") || st.SealFailing.IsZero() || st.LogFirst != 1 || st.Lag == 0 {
		t.Errorf("status while the store is away: %+v", st)
	}
	// What has been read stays searchable; that more waits in the log is said.
	views, err := r.Heads(t.Context(), tenant, telemetry.Logs)
	if err == nil || !strings.Contains(err.Error(), "wait in the log") || len(views) != 1 || len(views[0].Generations) == 0 {
		t.Errorf("%d views while reading is paused: %v", len(views), err)
	}
	r.faulty.Script()
	if err := r.Seal(t.Context()); err != nil {
		t.Fatal(err)
	}
	r.want(t, tenant, telemetry.Logs, n)
	if st := r.Status(t.Context()).Shards[0]; st.SealError != "" || st.LastSeal.IsZero() {
		t.Errorf("status afterwards: %+v", st)
	}
	objects, err := r.dir.List(t.Context(), segment.Prefix)
	if err != nil || len(objects) != 2*r.catalog.Current().Len() {
		t.Errorf("%d objects for %d segments: what failed attempts wrote stays (%v)", len(objects), r.catalog.Current().Len(), err)
	}
}

// waitFor waits for something that nothing tells of.
func waitFor(t testing.TB, what string, is func() bool) {
	t.Helper()
	deadline := time.Now().Add(20 * time.Second)
	for !is() {
		if time.Now().After(deadline) {
			t.Fatalf("no %s within 20 s", what)
		}
		time.Sleep(2 * time.Millisecond)
	}
}

// TestHeadBytes: one budget for all heads; the largest are sealed first.
func TestHeadBytes(t *testing.T) {
	cfg := testConfig()
	cfg.HeadBytes = 2 << 20
	r := openRig(t, t.TempDir(), cfg, nil)
	r.send(t, logBatch("small", 0, 10))
	n := 0
	for r.catalog.Current().Len() == 0 {
		r.send(t, logBatch("large", n, 1000))
		n += 1000
		r.settle(t)
		if live, _ := r.room.get(); live > cfg.HeadBytes {
			t.Fatalf("%d bytes grow, at most %d are allowed", live, cfg.HeadBytes)
		}
	}
	r.want(t, "large", telemetry.Logs, n)
	r.want(t, "small", telemetry.Logs, 10)
	if got := r.catalog.Current().Tenants(); !slices.Equal(got, []string{"large"}) {
		t.Errorf("sealed are %v, want only the large tenant", got)
	}
}

func TestSealByAge(t *testing.T) {
	cfg := testConfig()
	cfg.SealAfter = time.Minute
	r := openRig(t, t.TempDir(), cfg, nil)
	r.send(t, logBatch(tenant, 0, 10))
	r.settle(t)
	r.sealAged(time.Now())
	if h := r.owner(0).headOf(headKey{telemetry.Logs, tenant}); len(h.pending()) > 0 {
		t.Error("sealed before its time")
	}
	r.sealAged(time.Now().Add(time.Minute + time.Second))
	if err := r.catalog.WaitPosition(t.Context(), catalog.Key{Signal: telemetry.Logs, Tenant: tenant}, 1); err != nil {
		t.Fatal(err)
	}
	r.want(t, tenant, telemetry.Logs, 10)
}

// TestQuietKeysDontHoldTheLog: what is sealed is trimmed, though another key was last heard of long ago.
func TestQuietKeysDontHoldTheLog(t *testing.T) {
	r := openRig(t, t.TempDir(), testConfig(), nil)
	r.send(t, logBatch("quiet", 0, 10))
	r.settle(t)
	if err := r.Seal(t.Context()); err != nil {
		t.Fatal(err)
	}
	r.send(t, logBatch("busy", 0, 10))
	r.send(t, logBatch("busy", 10, 10))
	if err := r.Seal(t.Context()); err != nil {
		t.Fatal(err)
	}
	if floor := r.catalog.Current().Shard(0).Floor; floor != 3 {
		t.Errorf("floor is %d, want 3", floor)
	}
	if heads := r.allHeads(); len(heads) != 0 {
		waitFor(t, "end of empty heads", func() bool { return len(r.allHeads()) == 0 })
	}
	r.want(t, "quiet", telemetry.Logs, 10)
	r.want(t, "busy", telemetry.Logs, 20)
}

// TestFenced: an owner that another has fenced off commits nothing any more, and starts anew.
func TestFenced(t *testing.T) {
	r := openRig(t, t.TempDir(), testConfig(), nil)
	r.send(t, logBatch(tenant, 0, 10))
	r.settle(t)
	first := r.owner(0)
	last := r.catalog.Current().Shard(0)
	other := catalog.Commit{Version: 1, Shard: 0, Epoch: last.Epoch + 1, Last: last.Last, Reason: "own", Floor: last.Floor}
	data, err := other.Encode()
	if err != nil {
		t.Fatal(err)
	}
	if _, err := r.log.Commit(t.Context(), 0, last.Last, data); err != nil {
		t.Fatal(err)
	}
	// It ends by its failed commit, or because the catalog has the other's.
	if err := r.Seal(t.Context()); err == nil && r.owner(0) == first {
		t.Error("a fenced owner seals")
	}
	<-first.ctx.Done()
	if cause := context.Cause(first.ctx); !errors.Is(cause, shardlog.ErrFenced) {
		var conflict *catalog.ConflictError
		if !errors.As(cause, &conflict) {
			t.Errorf("it stopped because of %v", cause)
		}
	}
	waitFor(t, "new owner", func() bool { o := r.owner(0); return o != nil && o != first })
	r.settle(t)
	r.want(t, tenant, telemetry.Logs, 10)
	if err := r.Seal(t.Context()); err != nil {
		t.Fatal(err)
	}
	r.want(t, tenant, telemetry.Logs, 10)
}

func TestConfigValidate(t *testing.T) {
	if err := DefaultConfig().Validate(); err != nil {
		t.Errorf("the default configuration: %v", err)
	}
	err := Config{SealRows: 5, Retention: retention.Policy{Logs: retention.Bounds{Age: -1}}}.Validate()
	for _, key := range []string{"shards", "head_bytes", "frozen_bytes", "seal_after", "seal_workers", "collect_after", "retention.logs.age"} {
		if err == nil || !strings.Contains(err.Error(), key+":") {
			t.Errorf("%s isn't named in: %v", key, err)
		}
	}
	if err != nil && strings.Contains(err.Error(), "seal_rows") {
		t.Errorf("seal_rows is right: %v", err)
	}
}

// TestSealedMemoryIsFreed: nothing keeps a generation once its segment is committed, though its head lives on with the next one.
func TestSealedMemoryIsFreed(t *testing.T) {
	r := openRig(t, t.TempDir(), testConfig(), nil)
	r.send(t, logBatch(tenant, 0, 100))
	r.settle(t)
	h := r.owner(0).allHeads()[0]
	sealed := weak.Make(h.freeze())
	r.send(t, logBatch(tenant, 100, 100))
	r.settle(t)
	waitFor(t, "seal", func() bool { return h.toSeal() == nil })
	if bytes, _ := h.liveSize(); bytes == 0 {
		t.Fatal("the head has no live generation any more")
	}
	waitFor(t, "garbage collection of the sealed generation", func() bool {
		runtime.GC()
		return sealed.Value() == nil
	})
	r.want(t, tenant, telemetry.Logs, 200)
}

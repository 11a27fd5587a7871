package ingest

import (
	"context"
	"errors"
	"sync"
	"testing"
	"time"

	"clew/ingest/shardlog"
	"clew/internal/telemetry"
)

// TestShards: each shard has an owner and a view of its own.
func TestShards(t *testing.T) {
	dir := t.TempDir()
	cfg := testConfig()
	cfg.Shards = 3
	r := openRig(t, dir, cfg, nil)
	for i := range 9 {
		b := logBatch(tenant, i*10, 10)
		m := &shardlog.Message{Tenant: tenant, Signal: b.Signal, Records: b.Records, Batch: encoded(t, b)}
		if _, err := r.log.Append(t.Context(), i%3, m); err != nil {
			t.Fatal(err)
		}
	}
	r.settle(t)
	if !r.Ready() {
		t.Error("all shards have caught up, and it isn't ready")
	}
	views, err := r.Heads(t.Context(), tenant, telemetry.Logs)
	if err != nil || len(views) != 3 {
		t.Fatalf("%d views, %v; want one for each shard", len(views), err)
	}
	r.want(t, tenant, telemetry.Logs, 90)
	r.owner(1).allHeads()[0].freeze()
	waitFor(t, "seal of one shard", func() bool { return r.catalog.Current().Len() == 1 })
	r.want(t, tenant, telemetry.Logs, 90)
	if err := r.Seal(t.Context()); err != nil {
		t.Fatal(err)
	}
	r.want(t, tenant, telemetry.Logs, 90)
	r.stop()
	r = openRig(t, dir, cfg, nil)
	r.settle(t)
	r.want(t, tenant, telemetry.Logs, 90)
}

// brittle gives leases that the test can break.
type brittle struct {
	shardlog.Leases
	mu    sync.Mutex
	lose  context.CancelFunc
	given int
}

func (b *brittle) Acquire(ctx context.Context, shard int, owner string) (context.Context, uint64, func(), error) {
	held, epoch, release, err := b.Leases.Acquire(ctx, shard, owner)
	if err != nil {
		return nil, 0, nil, err
	}
	held, lose := context.WithCancel(held)
	b.mu.Lock()
	defer b.mu.Unlock()
	b.lose = lose
	b.given++
	return held, epoch, release, nil
}

func (b *brittle) breakLease() {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.lose()
}

// TestLeaseLost: with its lease an owner gives up what it has in memory, in the middle of everything, and the next one has it all again.
func TestLeaseLost(t *testing.T) {
	leases := &brittle{}
	cfg := testConfig()
	cfg.SealRows = 150
	r := openRig(t, t.TempDir(), cfg, func(r *rig) {
		leases.Leases = r.leases
		r.leases = leases
	})
	for i := range 3 {
		for j := range 6 {
			r.send(t, logBatch(tenant, (i*6+j)*40, 40))
			r.send(t, spanBatch(tenant, (i*6+j)*40, 40))
		}
		first, err := r.waitOwner(t.Context(), 0)
		if err != nil {
			t.Fatal(err)
		}
		leases.breakLease()
		<-first.ctx.Done()
		waitFor(t, "next owner", func() bool { o := r.owner(0); return o != nil && o != first })
		if next := r.owner(0); next.epoch <= first.epoch {
			t.Errorf("epoch %d follows %d", next.epoch, first.epoch)
		}
		r.settle(t)
		r.want(t, tenant, telemetry.Logs, (i+1)*240)
		r.want(t, tenant, telemetry.Spans, (i+1)*240)
	}
	if err := r.Seal(t.Context()); err != nil {
		t.Fatal(err)
	}
	if live, frozen := r.room.get(); live != 0 || frozen != 0 {
		t.Errorf("%d live and %d frozen bytes are counted after everything was sealed", live, frozen)
	}
	if st := r.Status(t.Context()); !st.Ready || st.Shards[0].State != "owned" || st.Shards[0].Error != "" || st.Shards[0].Lag != 0 {
		t.Errorf("status: %+v", st)
	}
}

// TestNotReady: as long as a shard has no owner here, answers lack its records, and Seal waits.
func TestNotReady(t *testing.T) {
	blocked := make(chan struct{})
	r := openRig(t, t.TempDir(), testConfig(), func(r *rig) { r.leases = waiting{r.leases, blocked} })
	if r.Ready() {
		t.Error("no shard is owned, and it is ready")
	}
	ctx, cancel := context.WithTimeout(t.Context(), 20*time.Millisecond)
	defer cancel()
	if err := r.Seal(ctx); !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("Seal without an owner: %v", err)
	}
	waitFor(t, "it says what it waits for", func() bool { return r.Status(t.Context()).Shards[0].State == "waiting for the lease" })
	if views, err := r.Heads(t.Context(), tenant, telemetry.Logs); err == nil || len(views) != 0 {
		t.Errorf("Heads without an owner: %d views, %v; want an error, so that answers are marked partial", len(views), err)
	}
	close(blocked)
	r.settle(t)
	if _, err := r.Heads(t.Context(), tenant, telemetry.Logs); err != nil {
		t.Errorf("Heads after everything has been read: %v", err)
	}
	if !r.Ready() {
		t.Error("everything has been read, and it isn't ready")
	}
}

type waiting struct {
	shardlog.Leases
	until chan struct{}
}

func (w waiting) Acquire(ctx context.Context, shard int, owner string) (context.Context, uint64, func(), error) {
	select {
	case <-w.until:
	case <-ctx.Done():
		return nil, 0, nil, ctx.Err()
	}
	return w.Leases.Acquire(ctx, shard, owner)
}

// TestReplayingIsPartial: an owner that has not read what was in its log gives what it has, and says that it is not all.
func TestReplayingIsPartial(t *testing.T) {
	dir := t.TempDir()
	r := openRig(t, dir, testConfig(), nil)
	for i := range 20 {
		r.send(t, logBatch(tenant, i*10, 10))
	}
	r.settle(t)
	r.stop()

	r = openRig(t, dir, testConfig(), func(r *rig) { r.room.add(0, r.cfg.FrozenBytes+1) }) // reading stands still
	if _, err := r.waitOwner(t.Context(), 0); err != nil {
		t.Fatal(err)
	}
	views, err := r.Heads(t.Context(), tenant, telemetry.Logs)
	if err == nil || len(views) != 1 || r.Ready() {
		t.Errorf("while 20 messages are unread: %d views, error %v, ready %v; want the view and an error", len(views), err, r.Ready())
	}
	r.room.add(0, -r.cfg.FrozenBytes-1)
	r.settle(t)
	if _, err := r.Heads(t.Context(), tenant, telemetry.Logs); err != nil {
		t.Errorf("Heads after everything has been read: %v", err)
	}
	r.want(t, tenant, telemetry.Logs, 200)
}

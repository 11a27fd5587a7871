package shardlogtest

import (
	"context"
	"errors"
	"fmt"
	"testing"
	"time"

	"clew/ingest/shardlog"
)

func acquire(t *testing.T, l shardlog.Leases, shard int, owner string) (context.Context, uint64, func()) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	held, epoch, release, err := l.Acquire(ctx, shard, owner)
	if err != nil {
		t.Fatalf("acquire: %v", err)
	}
	return held, epoch, release
}

func lease(t *testing.T, _ shardlog.Log, _ shardlog.Commits, l shardlog.Leases) {
	before := uint64(0)
	for i := range 3 {
		held, epoch, release := acquire(t, l, 0, fmt.Sprintf("owner-%d", i))
		if held.Err() != nil || epoch <= before {
			t.Fatalf("held %v, epoch %d after %d", held.Err(), epoch, before)
		}
		before = epoch
		release()
		release() // once more is nothing
		if held.Err() == nil {
			t.Fatal("still held after release")
		}
	}
}

func leaseWaits(t *testing.T, _ shardlog.Log, _ shardlog.Commits, l shardlog.Leases) {
	held, epoch, release := acquire(t, l, 0, "one")
	ctx, cancel := context.WithTimeout(t.Context(), 500*time.Millisecond)
	defer cancel()
	if _, _, _, err := l.Acquire(ctx, 0, "two"); !errors.Is(err, context.DeadlineExceeded) {
		t.Fatalf("acquire of a taken lease: %v", err)
	}
	if held.Err() != nil {
		t.Fatal("the attempt of another ended the lease")
	}
	type result struct {
		epoch   uint64
		release func()
	}
	got := make(chan result, 1)
	go func() {
		_, epoch, release, err := l.Acquire(t.Context(), 0, "three")
		if err != nil {
			t.Errorf("acquire: %v", err)
		}
		got <- result{epoch, release}
	}()
	time.Sleep(200 * time.Millisecond)
	select {
	case <-got:
		t.Fatal("two holders")
	default:
	}
	release()
	select {
	case r := <-got:
		if r.epoch <= epoch {
			t.Fatalf("epoch %d after %d", r.epoch, epoch)
		}
		r.release()
	case <-time.After(patience):
		t.Fatal("a released lease was not taken")
	}
}

func leaseOfEachShard(t *testing.T, _ shardlog.Log, _ shardlog.Commits, l shardlog.Leases) {
	held0, _, release0 := acquire(t, l, 0, "one")
	held1, _, release1 := acquire(t, l, 1, "one")
	release0()
	if held0.Err() == nil || held1.Err() != nil {
		t.Fatal("releasing one lease must end this one only")
	}
	release1()
}

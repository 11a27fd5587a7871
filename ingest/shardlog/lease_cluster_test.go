package shardlog_test

import (
	"context"
	"testing"
	"time"

	"github.com/nats-io/nats.go"

	"clew/ingest/shardlog"
)

// held says whether a lease is still held.
func isHeld(held context.Context) bool { return held.Err() == nil }

// eventually waits for a condition.
func eventually(t *testing.T, what string, ok func() bool) {
	t.Helper()
	for deadline := time.Now().Add(time.Minute); !ok(); time.Sleep(20 * time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatalf("waited in vain: %s", what)
		}
	}
}

// TestLeaseOutlastsServers: while NATS has no quorum for longer than leases last, a shard's lease is kept, as nobody else can take it, and other leases end. When the servers
// are back the shard's lease is renewed, and others do not get it.
func TestLeaseOutlastsServers(t *testing.T) {
	c := servers(t, 3)
	cfg := clusterConfig(c, 3)
	one, two := connectTo(t, cfg), connectTo(t, cfg)
	shard, epoch, release, err := one.Acquire(t.Context(), 0, "one")
	if err != nil {
		t.Fatal(err)
	}
	defer release()
	other, _, releaseOther, err := one.Acquire(t.Context(), shardlog.OtherLeases, "one")
	if err != nil {
		t.Fatal(err)
	}
	defer releaseOther()
	for _, s := range c.Servers[1:] {
		if err := s.Pause(); err != nil {
			t.Fatal(err)
		}
	}
	eventually(t, "the lease that is no shard's ends", func() bool { return !isHeld(other) })
	eventually(t, "the shard's lease is twice as old as it may get", func() bool { return one.Unrenewed(0, time.Now()) > 2*cfg.LeaseTTL })
	if !isHeld(shard) {
		t.Fatal("the shard's lease ended though nobody else can have it")
	}
	for _, s := range c.Servers[1:] {
		if err := s.Resume(); err != nil {
			t.Fatal(err)
		}
	}
	eventually(t, "the lease is renewed", func() bool { return one.Unrenewed(0, time.Now()) < cfg.LeaseTTL })
	if !isHeld(shard) {
		t.Fatal("the shard's lease ended when the servers came back")
	}
	ctx, cancel := context.WithTimeout(t.Context(), 2*cfg.LeaseTTL)
	defer cancel()
	if _, _, _, err := two.Acquire(ctx, 0, "two"); err == nil {
		t.Fatal("a second holder")
	}
	release()
	if one.Unrenewed(0, time.Now()) != 0 {
		t.Error("a lease that was released counts as held")
	}
	_, later, releaseTwo, err := two.Acquire(t.Context(), 0, "two")
	if err != nil {
		t.Fatal(err)
	}
	releaseTwo()
	if later <= epoch {
		t.Errorf("epoch %d after %d", later, epoch)
	}
}

// TestLeaseTakenByAnother: a holder whose message has vanished from the stream has lost the shard once another has written its own, and keeps it if it comes first.
func TestLeaseTakenByAnother(t *testing.T) {
	c := servers(t, 1)
	cfg := clusterConfig(c, 1)
	one, two := connectTo(t, cfg), connectTo(t, cfg)
	nc, err := nats.Connect(c.URLs()[0])
	if err != nil {
		t.Fatal(err)
	}
	defer nc.Close()
	js, err := nc.JetStream()
	if err != nil {
		t.Fatal(err)
	}
	held, epoch, release, err := one.Acquire(t.Context(), 0, "one")
	if err != nil {
		t.Fatal(err)
	}
	defer release()
	type taken struct {
		held    context.Context
		epoch   uint64
		release func()
	}
	got := make(chan taken, 1)
	go func() {
		held, epoch, release, err := two.Acquire(t.Context(), 0, "two")
		if err == nil { // else the test has ended
			got <- taken{held, epoch, release}
		}
	}()
	// Who comes first is chance: sometimes it is the holder, which goes on then.
	for vanished := 0; ; vanished++ {
		if err := js.PurgeStream("CLEW_LEASES", &nats.StreamPurgeRequest{Subject: "clew.lease.0"}); err != nil {
			t.Fatal(err)
		}
		select {
		case second := <-got:
			defer second.release()
			if second.epoch <= epoch {
				t.Errorf("epoch %d after %d", second.epoch, epoch)
			}
			eventually(t, "the first holder learns of it", func() bool { return !isHeld(held) })
			if !isHeld(second.held) {
				t.Error("the second holder has lost it too")
			}
			return
		case <-held.Done():
			if vanished == 0 && len(got) == 0 {
				time.Sleep(time.Second) // the second holder is about to say so
			}
			if len(got) == 0 {
				t.Fatal("the lease ended and nobody has it")
			}
		case <-time.After(cfg.LeaseTTL / 2):
			if !isHeld(held) && len(got) == 0 {
				t.Fatal("the lease ended and nobody has it")
			}
		}
	}
}

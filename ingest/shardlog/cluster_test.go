package shardlog_test

import (
	"context"
	"errors"
	"log/slog"
	"os"
	"strings"
	"sync"
	"testing"
	"time"

	"clew/ingest/shardlog"
	"clew/ingest/shardlog/shardlogtest"
	"clew/internal/natstest"
)

// natsBinary is built once for all tests of the package.
var natsBinary = sync.OnceValues(func() (string, error) {
	dir, err := os.MkdirTemp("", "clew-nats")
	if err != nil {
		return "", err
	}
	return natstest.Build(dir)
})

// servers runs a cluster of NATS until the test ends.
func servers(t testing.TB, n int) *natstest.Cluster {
	t.Helper()
	if testing.Short() {
		t.Skip("three NATS servers")
	}
	binary, err := natsBinary()
	if err != nil {
		t.Fatal(err)
	}
	c, err := natstest.Start(natstest.Options{Dir: t.TempDir(), Servers: n, Binary: binary})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(c.Kill)
	return c
}

func clusterConfig(c *natstest.Cluster, replicas int) shardlog.Config {
	return shardlog.Config{
		Servers: shardlog.Servers{URLs: c.URLs(), Replicas: replicas}, Shards: 2, LogBytesMax: 1 << 30, LeaseTTL: 2 * time.Second,
	}
}

// connectTo is a log of one process until the test ends.
func connectTo(t testing.TB, cfg shardlog.Config) *shardlog.Cluster {
	t.Helper()
	cfg.Logger = slog.New(slog.NewTextHandler(t.Output(), &slog.HandlerOptions{Level: slog.LevelWarn}))
	l, err := shardlog.Connect(t.Context(), cfg)
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan error, 1)
	go func() { done <- l.Run(ctx) }()
	t.Cleanup(func() {
		cancel()
		<-done
		if err := l.Close(); err != nil {
			t.Error(err)
		}
	})
	return l
}

// wipe makes the servers empty, so that one cluster serves several tests.
func wipe(t testing.TB, c *natstest.Cluster) {
	t.Helper()
	if err := c.DeleteStreams(); err != nil {
		t.Fatal(err)
	}
}

// TestClusterContract: what holds of the embedded log holds of one on three servers.
func TestClusterContract(t *testing.T) {
	c := servers(t, 3)
	shardlogtest.RunContract(t, func(t *testing.T) (shardlog.Log, shardlog.Commits, shardlog.Leases) {
		wipe(t, c)
		l := connectTo(t, clusterConfig(c, 3))
		return l, l, l
	})
}

// TestClusterMismatch: a stream that is not right is named, with what is and what should be, and stays as it is.
func TestClusterMismatch(t *testing.T) {
	c := servers(t, 1)
	first := connectTo(t, clusterConfig(c, 1))
	if _, err := first.Append(t.Context(), 0, &shardlog.Message{Tenant: "a", Signal: 2, Records: 1, Batch: []byte("x")}); err != nil {
		t.Fatal(err)
	}
	_, err := shardlog.Connect(t.Context(), clusterConfig(c, 3))
	var mismatch *shardlog.MismatchError
	if !errors.As(err, &mismatch) || !strings.Contains(err.Error(), "replicas is 1, want 3") {
		t.Fatalf("have %v", err)
	}
	state, err := first.State(t.Context(), 0)
	if err != nil || state.Last != 1 {
		t.Fatalf("the stream was touched: %+v, %v", state, err)
	}
}

// TestClusterShards: the count is the first process's, whatever others say, until somebody sets it; then all follow, and nothing of a shard that is no more
// is out of reach.
func TestClusterShards(t *testing.T) {
	c := servers(t, 1)
	one := connectTo(t, clusterConfig(c, 1))
	cfg := clusterConfig(c, 1)
	cfg.Shards = 7
	two := connectTo(t, cfg)
	if n := two.Shards(); n != 2 {
		t.Fatalf("the second process has %d shards, want the first one's 2", n)
	}
	for _, n := range []int{4, 1} {
		if err := one.SetShards(t.Context(), n); err != nil {
			t.Fatal(err)
		}
		select {
		case <-two.ShardsChanged():
		case <-time.After(10 * time.Second):
			t.Fatal("the other process hears nothing")
		}
		if two.Shards() != n || two.ShardsStored() != 4 {
			t.Fatalf("the other process has %d shards of %d, want %d of 4", two.Shards(), two.ShardsStored(), n)
		}
		for shard := range 4 {
			if _, err := two.Append(t.Context(), shard, &shardlog.Message{Tenant: "a", Signal: 2, Records: 1, Batch: []byte("x")}); err != nil {
				t.Fatal(err)
			}
		}
	}
}

// TestClusterServerLost: with one of three servers killed, everything goes on; what was acknowledged is there, once and in order for each source.
func TestClusterServerLost(t *testing.T) {
	c := servers(t, 3)
	l := connectTo(t, clusterConfig(c, 3))
	acknowledged := make(map[uint64]bool)
	seen := make(map[uint64]bool)
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	var mu sync.Mutex
	var reading sync.WaitGroup
	reading.Go(func() {
		_ = l.Consume(ctx, 0, 0, func(e shardlog.Entry) error {
			mu.Lock()
			defer mu.Unlock()
			if e.Damage != nil {
				t.Errorf("position %d: %v", e.Position, e.Damage)
				return nil
			}
			seen[e.Message.Sources[0].Seq] = true
			return nil
		})
	})
	began, longest := time.Now(), time.Duration(0)
	last := began
	var seq uint64
	const before, after = 200, 300
	for killed := false; len(acknowledged) < before+after && time.Since(began) < time.Minute; {
		if len(acknowledged) == before && !killed {
			c.Servers[0].Kill()
			killed = true
		}
		seq++
		m := &shardlog.Message{Tenant: "a", Signal: 2, Records: 1, Batch: make([]byte, 1000), Sources: []shardlog.SourceSeq{{ID: "s", Seq: seq, Count: 1}}}
		if _, err := l.Append(t.Context(), 0, m); err == nil {
			acknowledged[seq] = true
			longest = max(longest, time.Since(last))
			last = time.Now()
		}
	}
	deadline := time.Now().Add(20 * time.Second)
	for missing := len(acknowledged); missing > 0 && time.Now().Before(deadline); time.Sleep(100 * time.Millisecond) {
		missing = 0
		mu.Lock()
		for s := range acknowledged {
			if !seen[s] {
				missing++
			}
		}
		mu.Unlock()
	}
	cancel()
	reading.Wait()
	for s := range acknowledged {
		if !seen[s] {
			t.Fatalf("%d was acknowledged and is not read (%d acknowledged, %d read)", s, len(acknowledged), len(seen))
		}
	}
	t.Logf("%d acknowledged, %d read, longest without an acknowledgement %s", len(acknowledged), len(seen), longest.Round(time.Millisecond))
	if len(acknowledged) < before+after || longest > 20*time.Second {
		t.Errorf("%d acknowledged, longest pause %s", len(acknowledged), longest)
	}
}

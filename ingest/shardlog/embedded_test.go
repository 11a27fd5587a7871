package shardlog_test

import (
	"context"
	"errors"
	"log/slog"
	"os"
	"strings"
	"testing"
	"time"

	"go.uber.org/goleak"

	"clew/ingest/shardlog"
	"clew/ingest/shardlog/shardlogtest"
)

func TestMain(m *testing.M) {
	if dir := os.Getenv(childEnv); dir != "" {
		appendUntilKilled(dir)
		return
	}
	goleak.VerifyTestMain(m)
}

// small is a configuration for tests: two shards, and a watermark that is no obstacle.
func small(dir string) shardlog.Config {
	return shardlog.Config{
		Dir: dir, Shards: 2, LogBytesMax: 1 << 30, FreeBytesMin: 1 << 20,
	}
}

// open opens a log with its Run, both until the test ends.
func open(t testing.TB, cfg shardlog.Config) *shardlog.Embedded {
	t.Helper()
	cfg.Logger = slog.New(slog.NewTextHandler(t.Output(), &slog.HandlerOptions{Level: slog.LevelWarn}))
	e, err := shardlog.Open(context.Background(), cfg)
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan error, 1)
	go func() { done <- e.Run(ctx) }()
	t.Cleanup(func() {
		cancel()
		if err := <-done; err != nil && !errors.Is(err, context.Canceled) {
			t.Errorf("run: %v", err)
		}
		if err := e.Close(); err != nil {
			t.Errorf("close: %v", err)
		}
	})
	return e
}

func TestContract(t *testing.T) {
	for name, ttl := range map[string]time.Duration{"sole": 0, "ttl": 2 * time.Second} {
		t.Run(name, func(t *testing.T) {
			shardlogtest.RunContract(t, func(t *testing.T) (shardlog.Log, shardlog.Commits, shardlog.Leases) {
				cfg := small(t.TempDir())
				cfg.LeaseTTL = ttl
				e := open(t, cfg)
				return e, e, e
			})
		})
	}
}

// TestOneProcess: a directory has one owner, and is free once that is closed.
func TestOneProcess(t *testing.T) {
	cfg := small(t.TempDir())
	e, err := shardlog.Open(t.Context(), cfg)
	if err != nil {
		t.Fatal(err)
	}
	if second, err := shardlog.Open(t.Context(), cfg); err == nil {
		second.Close()
		t.Error("opened twice")
	}
	if err := errors.Join(e.Close(), e.Close()); err != nil {
		t.Error(err)
	}
	e, err = shardlog.Open(t.Context(), cfg)
	if err != nil {
		t.Fatal(err)
	}
	if err := e.Close(); err != nil {
		t.Error(err)
	}
}

// TestClosed: everything that waits ends with the log, and nothing starts any more.
func TestClosed(t *testing.T) {
	e, err := shardlog.Open(t.Context(), small(t.TempDir()))
	if err != nil {
		t.Fatal(err)
	}
	held, _, release, err := e.Acquire(t.Context(), 0, "one")
	if err != nil {
		t.Fatal(err)
	}
	calls := map[string]func() error{
		"consume": func() error {
			return e.Consume(context.Background(), 0, 0, func(shardlog.Entry) error { return nil })
		},
		"follow": func() error {
			return e.Follow(context.Background(), 0, func(uint64, int, []byte) error { return nil }, func() {})
		},
		"acquire": func() error {
			_, _, _, err := e.Acquire(context.Background(), 0, "two")
			return err
		},
	}
	ended := make(chan error, len(calls)+1)
	for _, f := range calls {
		go func() { ended <- f() }()
	}
	go func() { ended <- e.Run(context.Background()) }()
	time.Sleep(200 * time.Millisecond)
	if err := e.Close(); err != nil {
		t.Error(err)
	}
	for range len(calls) + 1 {
		if err := <-ended; err != nil && !errors.Is(err, shardlog.ErrClosed) {
			t.Errorf("ended with %v", err)
		}
	}
	if held.Err() == nil {
		t.Error("the lease outlived the log")
	}
	release()
	calls["append"] = func() error { _, err := e.Append(context.Background(), 0, numbered(1, 1)); return err }
	calls["trim"] = func() error { return e.Trim(context.Background(), 0, 1) }
	calls["state"] = func() error { _, err := e.State(context.Background(), 0); return err }
	calls["commit"] = func() error { _, err := e.Commit(context.Background(), 0, 0, nil); return err }
	calls["purge"] = func() error { return e.Purge(context.Background(), 1) }
	for name, f := range calls {
		if err := f(); !errors.Is(err, shardlog.ErrClosed) {
			t.Errorf("%s on a closed log: %v", name, err)
		}
	}
}

// TestLeaseAfterCrash: the lease of a process that is gone is taken over at once, with a higher epoch.
func TestLeaseAfterCrash(t *testing.T) {
	cfg := small(t.TempDir())
	e, err := shardlog.Open(t.Context(), cfg)
	if err != nil {
		t.Fatal(err)
	}
	_, before, _, err := e.Acquire(t.Context(), 0, "one") // and never released
	if err != nil {
		t.Fatal(err)
	}
	if err := e.Close(); err != nil {
		t.Fatal(err)
	}
	e = open(t, cfg)
	start := time.Now()
	_, epoch, release, err := e.Acquire(t.Context(), 0, "two")
	if err != nil || epoch <= before {
		t.Fatalf("epoch %d after %d, %v", epoch, before, err)
	}
	if took := time.Since(start); took > shardlog.LeaseTTLDefault { // it did not wait for an end
		t.Errorf("took %s", took)
	}
	release()
}

// TestLeaseRenewed: with a TTL, a lease lasts longer than it; and that of a holder that vanished does not. It is none of a shard's: those are kept until another holder is
// seen, and commits are fenced.
func TestLeaseRenewed(t *testing.T) {
	cfg := small(t.TempDir())
	cfg.LeaseTTL = 2 * time.Second // a renewal is an fsync, on a disk that others use too
	e := open(t, cfg)
	peer, err := e.Peer(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	defer peer.Close()
	held, epoch, release, err := peer.Acquire(t.Context(), shardlog.OtherLeases, "one")
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithTimeout(t.Context(), 2*cfg.LeaseTTL+cfg.LeaseTTL/2)
	defer cancel()
	if _, _, _, err := e.Acquire(ctx, shardlog.OtherLeases, "two"); !errors.Is(err, context.DeadlineExceeded) {
		t.Fatalf("acquire of a lease that is held: %v", err)
	}
	if held.Err() != nil {
		t.Fatal("the lease was lost")
	}
	peer.Cut()
	_, next, release2, err := e.Acquire(t.Context(), shardlog.OtherLeases, "three")
	if err != nil || next <= epoch {
		t.Fatalf("epoch %d after %d, %v", next, epoch, err)
	}
	if held.Err() == nil {
		t.Error("two holders")
	}
	release() // of a lease that is lost: it must not end the other's
	ctx, cancel = context.WithTimeout(t.Context(), 300*time.Millisecond)
	defer cancel()
	if _, _, _, err := e.Acquire(ctx, shardlog.OtherLeases, "four"); !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("acquire of the third's lease: %v", err)
	}
	release2()
}

// TestFewerShards: streams of shards that are no more can be read and trimmed, and take no appends. Smaller streams lose nothing.
func TestFewerShards(t *testing.T) {
	cfg := small(t.TempDir())
	cfg.Shards, cfg.LogBytesMax = 3, 96<<20
	e, err := shardlog.Open(t.Context(), cfg)
	if err != nil {
		t.Fatal(err)
	}
	for i := range 10 {
		for shard := range 3 {
			if _, err := e.Append(t.Context(), shard, numbered(uint64(i+1), 2<<20)); err != nil {
				t.Fatal(err)
			}
		}
	}
	if err := e.Close(); err != nil {
		t.Fatal(err)
	}
	cfg.Shards, cfg.LogBytesMax = 1, 8<<20
	e = open(t, cfg)
	if n := e.ShardsStored(); n != 3 {
		t.Errorf("%d shards stored", n)
	}
	for shard := range 3 {
		if st, err := e.State(t.Context(), shard); err != nil || st.First != 1 || st.Last != 10 {
			t.Errorf("shard %d: %+v, %v", shard, st, err)
		}
	}
	var full *shardlog.FullError
	if _, err := e.Append(t.Context(), 0, numbered(11, 100)); !errors.As(err, &full) || full.Reason != shardlog.ReasonBytes {
		t.Errorf("append above the new size: %v", err)
	}
	if _, err := e.Append(t.Context(), 2, numbered(11, 100)); err == nil || errors.As(err, &full) {
		t.Errorf("append to a shard that is no more: %v", err)
	}
	if err := e.Trim(t.Context(), 2, 10); err != nil {
		t.Error(err)
	}
}

// TestReadersOutlast restarts the server under readers, appends and commits, many times.
func TestReadersOutlast(t *testing.T) {
	e := open(t, small(t.TempDir()))
	c := collect(t, e)
	acked := map[uint64]shardlog.Position{}
	stop := time.Now().Add(4 * time.Second)
	restarted := make(chan struct{})
	go func() {
		defer close(restarted)
		for time.Now().Before(stop) {
			time.Sleep(300 * time.Millisecond)
			if err := e.Restart(t.Context()); err != nil {
				t.Error(err)
			}
		}
	}()
	var last uint64
	commits := map[uint64]uint64{}
	unknown := 0
	for n := uint64(1); time.Now().Before(stop); n++ {
		p, err := e.Append(t.Context(), 0, numbered(n, 50<<10))
		var full *shardlog.FullError
		switch {
		case err == nil:
			acked[n] = p
		case errors.Is(err, shardlog.ErrUnknown):
			unknown++
		case errors.As(err, &full):
			time.Sleep(time.Millisecond)
		default:
			t.Fatal(err)
		}
		seq, err := e.Commit(t.Context(), 1, last, nil)
		switch {
		case err == nil:
			commits[seq], last = last, seq
		case !errors.As(err, &full):
			t.Fatalf("commit: %v", err)
		}
	}
	<-restarted
	c.expect(acked)
	expectCommits(t, e, commits)
	st := e.Stats()
	if st.Restarts < 5 || len(acked) < 50 || st.Fenced != 0 || int(st.Unknown) != unknown {
		t.Errorf("%d acknowledged, stats %+v", len(acked), st)
	}
	t.Logf("%d restarts, %d acknowledged, %d unknown, %d commits", st.Restarts, len(acked), unknown, len(commits))
}

func TestConfig(t *testing.T) {
	for name, c := range map[string]struct {
		cfg  shardlog.Config
		want string
	}{
		"no dir":         {shardlog.Config{}, "dir:"},
		"shards":         {shardlog.Config{Dir: "x", Shards: -1}, "shards:"},
		"too many":       {shardlog.Config{Dir: "x", Shards: 5000}, "shards:"},
		"log too small":  {shardlog.Config{Dir: "x", Shards: 8, LogBytesMax: 9 << 20}, "log_bytes_max:"},
		"negative bytes": {shardlog.Config{Dir: "x", LogBytesMax: -1}, "log_bytes_max:"},
		"free":           {shardlog.Config{Dir: "x", FreeBytesMin: -1}, "free_bytes_min:"},
		"ttl":            {shardlog.Config{Dir: "x", LeaseTTL: time.Millisecond}, "lease_ttl:"},
	} {
		if err := c.cfg.Validate(); err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: %v", name, err)
		}
	}
	if err := (shardlog.Config{Dir: "x"}).Validate(); err != nil {
		t.Error(err)
	}
}

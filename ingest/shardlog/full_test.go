package shardlog_test

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"clew/ingest/shardlog"
)

// smallFileSystems mounts a file system of size bytes of every kind that can be, and runs test on each.
func smallFileSystems(t *testing.T, size int64, test func(t *testing.T, dir string)) {
	t.Run("tmpfs", func(t *testing.T) {
		dir := t.TempDir()
		if err := unix.Mount("tmpfs", dir, "tmpfs", 0, fmt.Sprintf("size=%d", size)); err != nil {
			t.Skipf("mount tmpfs (needs root): %v", err)
		}
		t.Cleanup(func() { unmount(t, dir) })
		test(t, dir)
	})
	t.Run("ext4", func(t *testing.T) {
		if testing.Short() {
			t.Skip("short")
		}
		image := filepath.Join(t.TempDir(), "image")
		f, err := os.Create(image)
		if err != nil {
			t.Fatal(err)
		}
		if err := errors.Join(f.Truncate(size), f.Close()); err != nil {
			t.Fatal(err)
		}
		if out, err := exec.Command("mkfs.ext4", "-q", "-m", "0", image).CombinedOutput(); err != nil {
			t.Skipf("mkfs.ext4: %v: %s", err, out)
		}
		dir := t.TempDir()
		if out, err := exec.Command("mount", "-o", "loop", image, dir).CombinedOutput(); err != nil {
			t.Skipf("mount a loop device (needs root): %v: %s", err, out)
		}
		t.Cleanup(func() { unmount(t, dir) })
		test(t, dir)
	})
}

func unmount(t *testing.T, dir string) {
	if err := unix.Unmount(dir, 0); err != nil {
		t.Errorf("unmount: %v", err)
		_ = unix.Unmount(dir, unix.MNT_DETACH)
	}
}

// collector consumes a shard in the background, and remembers what came.
type collector struct {
	t      *testing.T
	mu     sync.Mutex
	last   shardlog.Position
	seen   map[uint64]shardlog.Position // by source sequence
	cancel context.CancelFunc
	done   chan struct{}
}

func collect(t *testing.T, e *shardlog.Embedded) *collector {
	ctx, cancel := context.WithCancel(context.Background())
	c := &collector{t: t, seen: map[uint64]shardlog.Position{}, cancel: cancel, done: make(chan struct{})}
	go func() {
		defer close(c.done)
		err := e.Consume(ctx, 0, 0, func(en shardlog.Entry) error {
			c.mu.Lock()
			defer c.mu.Unlock()
			if en.Damage != nil {
				return en.Damage
			}
			if en.Position != c.last+1 {
				return fmt.Errorf("position %d after %d", en.Position, c.last)
			}
			c.last = en.Position
			seq := en.Message.Sources[0].Seq
			if p, ok := c.seen[seq]; ok {
				return fmt.Errorf("message %d at %d and at %d", seq, p, en.Position)
			}
			c.seen[seq] = en.Position
			return nil
		})
		if !errors.Is(err, context.Canceled) {
			t.Errorf("consume: %v", err)
		}
	}()
	t.Cleanup(c.stop)
	return c
}

func (c *collector) stop() {
	c.cancel()
	<-c.done
}

// expect waits until everything acknowledged has come, and stops collecting.
func (c *collector) expect(acked map[uint64]shardlog.Position) {
	c.t.Helper()
	defer c.stop()
	deadline := time.Now().Add(30 * time.Second)
	for {
		c.mu.Lock()
		missing := 0
		for seq, p := range acked {
			switch have, ok := c.seen[seq]; {
			case !ok:
				missing++
			case have != p:
				c.t.Errorf("message %d acknowledged at %d came at %d", seq, p, have)
			}
		}
		c.mu.Unlock()
		if missing == 0 {
			return
		}
		if time.Now().After(deadline) {
			c.t.Errorf("%d of %d acknowledged messages are missing", missing, len(acked))
			return
		}
		time.Sleep(20 * time.Millisecond)
	}
}

// numbered is a message that carries n, with size bytes.
func numbered(n uint64, size int) *shardlog.Message {
	m := payload(size)
	m.Sources = []shardlog.SourceSeq{{ID: "test", Seq: n, Count: 1}}
	return m
}

// ballast fills a file system but for keep bytes, and returns what frees it again.
func ballast(t *testing.T, dir string, keep int64) (free func()) {
	t.Helper()
	var st unix.Statfs_t
	if err := unix.Statfs(dir, &st); err != nil {
		t.Fatal(err)
	}
	f, err := os.Create(filepath.Join(dir, "ballast"))
	if err != nil {
		t.Fatal(err)
	}
	// The file's own extents may take some of the last blocks.
	size := int64(st.Bavail)*st.Bsize - keep
	for err = unix.ENOSPC; errors.Is(err, unix.ENOSPC) && size > 0; size -= 64 << 10 {
		err = unix.Fallocate(int(f.Fd()), 0, 0, size)
	}
	if err = errors.Join(err, f.Close()); err != nil {
		t.Fatal(err)
	}
	return func() {
		if err := os.Remove(f.Name()); err != nil {
			t.Error(err)
		}
	}
}

// TestWatermark: below the watermark appends are refused, and commits and leases go on; above it all is as before.
func TestWatermark(t *testing.T) {
	smallFileSystems(t, 128<<20, func(t *testing.T, dir string) {
		cfg := small(filepath.Join(dir, "log"))
		cfg.FreeBytesMin = 32 << 20
		e := open(t, cfg)
		c := collect(t, e)
		acked := map[uint64]shardlog.Position{}
		appendOne := func(n uint64) error {
			p, err := e.Append(t.Context(), 0, numbered(n, 1<<20))
			if err == nil {
				acked[n] = p
			}
			return err
		}
		if err := appendOne(1); err != nil {
			t.Fatal(err)
		}
		free := ballast(t, dir, 40<<20)
		n := uint64(2)
		var full *shardlog.FullError
		for ; full == nil && n < 100; n++ {
			if err := appendOne(n); err != nil && !errors.As(err, &full) {
				t.Fatal(err)
			}
		}
		if full == nil || full.Reason != shardlog.ReasonDisk || full.RetryAfter < time.Second {
			t.Fatalf("after %d appends: %v", n, full)
		}
		if len(acked) < 4 || len(acked) > 9 {
			t.Errorf("%d appends of 1 MB were taken with 8 MB to the watermark", len(acked))
		}
		seq, err := e.Commit(t.Context(), 0, 0, []byte("data"))
		if err != nil {
			t.Errorf("commit below the watermark: %v", err)
		}
		_, _, release, err := e.Acquire(t.Context(), 0, "owner")
		if err != nil {
			t.Fatalf("lease below the watermark: %v", err)
		}
		release()
		free()
		if err := appendOne(n); err != nil {
			t.Errorf("append with space again: %v", err)
		}
		if _, err := e.Commit(t.Context(), 0, seq, []byte("data")); err != nil {
			t.Error(err)
		}
		c.expect(acked)
		if st := e.Stats(); st.Restarts != 0 || st.Refused[shardlog.ReasonDisk] != 1 || st.Stuck {
			t.Errorf("stats: %+v", st)
		}
	})
}

// TestDiskFull lets the disk fill up in earnest, as when others take what the watermark kept free: what was acknowledged stays,
// the log comes back by itself when there is space, and readers, followers, commits and leases live through it.
func TestDiskFull(t *testing.T) {
	for name, first := range map[string]string{"append first": "append", "commit first": "commit"} {
		t.Run(name, func(t *testing.T) {
			smallFileSystems(t, 64<<20, func(t *testing.T, dir string) { diskFull(t, dir, first) })
		})
	}
}

// follow gives the data of all commits, until the test ends.
func follow(t *testing.T, e *shardlog.Embedded) <-chan string {
	followed := make(chan string, 100)
	ctx, cancel := context.WithCancel(context.Background())
	following := make(chan error, 1)
	go func() {
		following <- e.Follow(ctx, 0, func(_ uint64, _ int, data []byte) error {
			followed <- string(data)
			return nil
		}, func() {})
	}()
	t.Cleanup(func() {
		cancel()
		if err := <-following; !errors.Is(err, context.Canceled) {
			t.Errorf("follow: %v", err)
		}
	})
	return followed
}

// commitOnce commits as soon as the log takes it, and gives the outcome.
func commitOnce(t *testing.T, e *shardlog.Embedded, last uint64, data []byte) <-chan error {
	done := make(chan error, 1)
	go func() {
		for {
			_, err := e.Commit(t.Context(), 0, last, data)
			var full *shardlog.FullError
			if !errors.As(err, &full) {
				done <- err
				return
			}
			time.Sleep(50 * time.Millisecond)
		}
	}()
	return done
}

func diskFull(t *testing.T, dir, first string) {
	cfg := small(filepath.Join(dir, "log"))
	cfg.FreeBytesMin = 4 << 20
	e := open(t, cfg)
	var lie atomic.Bool
	e.LieAboutSpace(&lie)
	c := collect(t, e)
	held, _, release, err := e.Acquire(t.Context(), 0, "owner")
	if err != nil {
		t.Fatal(err)
	}
	last, err := e.Commit(t.Context(), 0, 0, []byte("before"))
	if err != nil {
		t.Fatal(err)
	}
	followed := follow(t, e)

	// Fill the disk until the log is stuck.
	acked := map[uint64]shardlog.Position{}
	n := uint64(0)
	appendOne := func() error {
		n++
		p, err := e.Append(t.Context(), 0, numbered(n, 300<<10))
		if err == nil {
			acked[n] = p
		}
		return err
	}
	for range 10 {
		if err := appendOne(); err != nil {
			t.Fatal(err)
		}
	}
	lie.Store(true)
	keep := int64(3 << 20)
	if first == "commit" {
		keep = 0
	}
	free := ballast(t, dir, keep)
	during := make([]byte, 1<<20)
	var committed <-chan error
	var full *shardlog.FullError
	if first == "commit" {
		committed = commitOnce(t, e, last, during)
		for began := time.Now(); !e.Stats().Stuck; time.Sleep(20 * time.Millisecond) {
			if time.Since(began) > 10*time.Second {
				t.Fatal("a commit to a full disk did not get stuck")
			}
		}
	}
	lie.Store(first == "append")
	for began := time.Now(); full == nil; {
		if err := appendOne(); err != nil && !errors.Is(err, shardlog.ErrUnknown) && !errors.As(err, &full) {
			t.Fatal(err)
		}
		if time.Since(began) > 30*time.Second {
			t.Fatal("no refusal")
		}
	}
	st := e.Stats()
	t.Logf("%d acknowledged, %d unknown, then %v", len(acked), st.Unknown, full)
	if !st.Stuck || full.Reason != shardlog.ReasonDisk || first == "append" && st.Unknown == 0 {
		t.Errorf("stats: %+v", st)
	}
	lie.Store(false)
	if first == "append" {
		committed = commitOnce(t, e, last, during)
	}
	time.Sleep(1200 * time.Millisecond)
	if e.Stats().Restarts != 0 {
		t.Error("restarted on a full disk")
	}

	free()
	freed := time.Now()
	for err := appendOne(); err != nil; err = appendOne() {
		if time.Since(freed) > 20*time.Second {
			t.Fatalf("still refused: %v", err)
		}
		time.Sleep(50 * time.Millisecond)
	}
	t.Logf("back %s after there was space", time.Since(freed).Round(time.Millisecond))
	if err := <-committed; err != nil {
		t.Errorf("commit: %v", err)
	}
	for _, want := range []string{"before", string(during)} {
		if got := <-followed; got != want {
			t.Errorf("followed %.10q, want %.10q", got, want)
		}
	}
	if held.Err() != nil {
		t.Error("the lease was lost")
	}
	release()
	c.expect(acked)
	if st := e.Stats(); st.Restarts != 1 || st.Stuck {
		t.Errorf("stats: %+v", st)
	}
}

// TestBytesFull: at its size a stream refuses; a trim makes room.
func TestBytesFull(t *testing.T) {
	cfg := small(t.TempDir())
	cfg.Shards, cfg.LogBytesMax = 1, 8<<20
	e := open(t, cfg)
	var full *shardlog.FullError
	n := 0
	for ; full == nil && n < 20; n++ {
		if _, err := e.Append(t.Context(), 0, numbered(uint64(n), 1<<20)); err != nil && !errors.As(err, &full) {
			t.Fatal(err)
		}
	}
	if full == nil || full.Reason != shardlog.ReasonBytes || full.RetryAfter < time.Second || n < 7 {
		t.Fatalf("after %d appends: %v", n, full)
	}
	if err := e.Trim(t.Context(), 0, 4); err != nil {
		t.Fatal(err)
	}
	if _, err := e.Append(t.Context(), 0, numbered(99, 1<<20)); err != nil {
		t.Fatalf("append after trim: %v", err)
	}
	if st, err := e.State(t.Context(), 0); err != nil || st.First != 5 {
		t.Fatalf("state %+v, %v", st, err)
	}
	if st := e.Stats(); st.Refused[shardlog.ReasonBytes] != 1 || st.Restarts != 0 {
		t.Errorf("stats: %+v", st)
	}
}

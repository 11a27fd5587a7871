package shardlogtest

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/google/go-cmp/cmp"

	"clew/ingest/shardlog"
)

type committed struct {
	Seq   uint64
	Shard int
	Data  string
}

// follow returns n commits after a sequence, and how many had come when caughtUp was called (-1: never).
func follow(t *testing.T, c shardlog.Commits, after uint64, n int) (got []committed, caughtUpAt int) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	caughtUpAt = -1
	calls := 0
	enough := func() error {
		if len(got) >= n && calls > 0 {
			cancel()
		}
		return nil
	}
	err := c.Follow(ctx, after, func(seq uint64, shard int, data []byte) error {
		got = append(got, committed{seq, shard, string(data)})
		return enough()
	}, func() {
		calls++
		caughtUpAt = len(got)
		_ = enough()
	})
	if !errors.Is(err, context.Canceled) || calls != 1 {
		t.Fatalf("follow after %d: %d commits, caughtUp called %d times, then %v", after, len(got), calls, err)
	}
	return got, caughtUpAt
}

func mustCommit(t *testing.T, c shardlog.Commits, shard int, last uint64, data string) uint64 {
	t.Helper()
	seq, err := c.Commit(t.Context(), shard, last, []byte(data))
	if err != nil {
		t.Fatalf("commit to shard %d after %d: %v", shard, last, err)
	}
	return seq
}

func commitAndFollow(t *testing.T, _ shardlog.Log, c shardlog.Commits, _ shardlog.Leases) {
	if got, at := follow(t, c, 0, 0); len(got) != 0 || at != 0 {
		t.Fatalf("no commits: %v, caught up at %d", got, at)
	}
	var want []committed
	last := [2]uint64{}
	for i := range 10 {
		shard := i % 2
		data := fmt.Sprintf("commit %d", i)
		last[shard] = mustCommit(t, c, shard, last[shard], data)
		want = append(want, committed{last[shard], shard, data})
	}
	for _, from := range []int{0, 3, 9} {
		var after uint64
		if from > 0 {
			after = want[from-1].Seq
		}
		got, at := follow(t, c, after, 10-from)
		if d := cmp.Diff(want[from:], got); d != "" || at != 10-from {
			t.Fatalf("after %d: caught up at %d; (-want +got):\n%s", after, at, d)
		}
	}
}

func fence(t *testing.T, _ shardlog.Log, c shardlog.Commits, _ shardlog.Leases) {
	first := mustCommit(t, c, 0, 0, "a")
	other := mustCommit(t, c, 1, 0, "b") // not in shard 0's way
	second := mustCommit(t, c, 0, first, "c")
	for _, last := range []uint64{0, first, other, second + 1, second + 100} {
		if seq, err := c.Commit(t.Context(), 0, last, []byte("x")); !errors.Is(err, shardlog.ErrFenced) {
			t.Fatalf("commit after %d: %d, %v", last, seq, err)
		}
	}
	mustCommit(t, c, 0, second, "d")
	if got, _ := follow(t, c, 0, 4); len(got) != 4 {
		t.Fatalf("commits: %v", got)
	}
}

// racingCommits: of those who commit after the same sequence, one succeeds.
func racingCommits(t *testing.T, _ shardlog.Log, c shardlog.Commits, _ shardlog.Leases) {
	last := uint64(0)
	for round := range 5 {
		var won atomic.Uint64
		var winners atomic.Int32
		var wg sync.WaitGroup
		for w := range 8 {
			wg.Go(func() {
				seq, err := c.Commit(t.Context(), 0, last, fmt.Appendf(nil, "round %d worker %d", round, w))
				switch {
				case err == nil:
					winners.Add(1)
					won.Store(seq)
				case !errors.Is(err, shardlog.ErrFenced):
					t.Errorf("commit: %v", err)
				}
			})
		}
		wg.Wait()
		if winners.Load() != 1 {
			t.Fatalf("round %d: %d winners", round, winners.Load())
		}
		last = won.Load()
	}
}

func followEnds(t *testing.T, _ shardlog.Log, c shardlog.Commits, _ shardlog.Leases) {
	mustCommit(t, c, 0, 0, "a")
	fails := errors.New("f fails")
	err := c.Follow(t.Context(), 0, func(uint64, int, []byte) error { return fails }, func() { t.Error("caught up") })
	if !errors.Is(err, fails) {
		t.Fatalf("follow ended with %v", err)
	}
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	var got atomic.Int32
	done := make(chan error, 1)
	go func() {
		done <- c.Follow(ctx, 0, func(uint64, int, []byte) error {
			if got.Add(1) == 2 {
				cancel()
			}
			return nil
		}, func() {})
	}()
	mustCommit(t, c, 1, 0, "b") // follow waits for more
	if err := <-done; !errors.Is(err, context.Canceled) || got.Load() != 2 {
		t.Fatalf("%d commits, then %v", got.Load(), err)
	}
}

func purge(t *testing.T, _ shardlog.Log, c shardlog.Commits, _ shardlog.Leases) {
	var last [2]uint64
	for i := range 10 { // shard 1's are 3 and 4
		shard := 0
		if i == 2 || i == 3 {
			shard = 1
		}
		last[shard] = mustCommit(t, c, shard, last[shard], fmt.Sprint(i))
	}
	mustPurge := func(upTo uint64) {
		t.Helper()
		if err := c.Purge(t.Context(), upTo); err != nil {
			t.Fatalf("purge up to %d: %v", upTo, err)
		}
	}
	mustPurge(0)
	if got, _ := follow(t, c, 0, 10); len(got) != 10 {
		t.Fatalf("purge up to 0 left %v", got)
	}
	mustPurge(8)
	if got, at := follow(t, c, 8, 2); len(got) != 2 || at != 2 {
		t.Fatalf("after 8: %v, caught up at %d", got, at)
	}
	for _, after := range []uint64{0, 3, 7} {
		var trimmed *shardlog.TrimmedError
		err := c.Follow(t.Context(), after, func(uint64, int, []byte) error { return nil }, func() {})
		if !errors.As(err, &trimmed) {
			t.Fatalf("follow what is purged, after %d: %v", after, err)
		}
	}
	mustPurge(last[0])
	// The fence stands, although all is purged.
	for shard := range 2 {
		if _, err := c.Commit(t.Context(), shard, 0, []byte("x")); !errors.Is(err, shardlog.ErrFenced) {
			t.Fatalf("shard %d: commit after 0: %v", shard, err)
		}
		if _, err := c.Commit(t.Context(), shard, last[shard]-1, []byte("x")); !errors.Is(err, shardlog.ErrFenced) {
			t.Fatalf("shard %d: commit after the last but one: %v", shard, err)
		}
	}
	if got, at := follow(t, c, last[0], 0); len(got) != 0 || at != 0 {
		t.Fatalf("after the last: %v, caught up at %d", got, at)
	}
	for shard := range 2 {
		mustCommit(t, c, shard, last[shard], "y")
	}
}

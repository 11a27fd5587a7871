// Package shardlogtest holds the suite that every implementation of shardlog's interfaces has to pass.
package shardlogtest

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"clew/ingest/shardlog"
	"clew/internal/telemetry"
)

// patience bounds every wait: an implementation that needs longer is broken.
const patience = 20 * time.Second

// RunContract runs the suite. open returns an empty log of at least two shards, usable until t ends; it is called once for
// each test. The Leases' owners are in one process.
func RunContract(t *testing.T, open func(t *testing.T) (shardlog.Log, shardlog.Commits, shardlog.Leases)) {
	t.Helper()
	for _, c := range []struct {
		name string
		test func(t *testing.T, l shardlog.Log, c shardlog.Commits, le shardlog.Leases)
	}{
		{"append and consume", appendAndConsume},
		{"consume waits for more", consumeWaits},
		{"consume ends", consumeEnds},
		{"shards are apart", shardsApart},
		{"concurrent appends", concurrentAppends},
		{"largest message", largestMessage},
		{"invalid messages", invalidMessages},
		{"trim", trim},
		{"trim beyond the end", trimBeyond},
		{"commit and follow", commitAndFollow},
		{"fence", fence},
		{"racing commits", racingCommits},
		{"follow ends", followEnds},
		{"purge", purge},
		{"lease", lease},
		{"lease waits", leaseWaits},
		{"lease of each shard", leaseOfEachShard},
	} {
		t.Run(c.name, func(t *testing.T) {
			l, co, le := open(t)
			c.test(t, l, co, le)
		})
	}
}

// message returns the i-th of a series of messages, each different in every field that can be.
func message(i int) *shardlog.Message {
	m := &shardlog.Message{
		Tenant: fmt.Sprintf("tenant-%d", i%3), Signal: telemetry.Signals[i%3], Records: i,
		Batch: fmt.Appendf(nil, "batch %d", i),
	}
	for j := range i % 4 {
		m.Sources = append(m.Sources, shardlog.SourceSeq{ID: fmt.Sprintf("source-%d", j), Seq: uint64(i) << 40, Count: uint32(i)})
	}
	return m
}

func mustAppend(t *testing.T, l shardlog.Log, shard int, m *shardlog.Message) shardlog.Position {
	t.Helper()
	p, err := l.Append(t.Context(), shard, m)
	if err != nil {
		t.Fatalf("append: %v", err)
	}
	return p
}

var errEnough = errors.New("enough")

// consume returns n entries after a position.
func consume(t *testing.T, l shardlog.Log, shard int, after shardlog.Position, n int) []shardlog.Entry {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	var es []shardlog.Entry
	err := l.Consume(ctx, shard, after, func(e shardlog.Entry) error {
		if es = append(es, e); len(es) == n {
			return errEnough
		}
		return nil
	})
	if !errors.Is(err, errEnough) {
		t.Fatalf("consume after %d: %d of %d entries, then %v", after, len(es), n, err)
	}
	return es
}

func appendAndConsume(t *testing.T, l shardlog.Log, _ shardlog.Commits, _ shardlog.Leases) {
	if got, want := state(t, l, 0), (shardlog.State{First: 1, Last: 0}); got.First != want.First || got.Last != want.Last {
		t.Fatalf("empty log: first %d, last %d", got.First, got.Last)
	}
	const n = 100
	start := time.Now()
	for i := range n {
		if p, want := mustAppend(t, l, 0, message(i)), shardlog.Position(i+1); p != want {
			t.Fatalf("append %d: position %d, want %d", i, p, want)
		}
	}
	for _, after := range []int{0, 1, 57, n - 1} {
		for i, e := range consume(t, l, 0, shardlog.Position(after), n-after) {
			want := after + i
			if e.Damage != nil || e.Position != shardlog.Position(want+1) {
				t.Fatalf("after %d: entry %d has position %d, damage %v", after, i, e.Position, e.Damage)
			}
			if d := cmp.Diff(*message(want), e.Message); d != "" {
				t.Fatalf("message %d (-want +got):\n%s", want, d)
			}
			if e.Time.Before(start.Add(-time.Minute)) || e.Time.After(time.Now().Add(time.Minute)) {
				t.Fatalf("message %d: time %s", want, e.Time)
			}
		}
	}
	if st := state(t, l, 0); st.First != 1 || st.Last != n || st.Bytes <= 0 || st.BytesMax <= st.Bytes {
		t.Fatalf("state: %+v", st)
	}
}

func state(t *testing.T, l shardlog.Log, shard int) shardlog.State {
	t.Helper()
	st, err := l.State(t.Context(), shard)
	if err != nil {
		t.Fatalf("state: %v", err)
	}
	return st
}

func consumeWaits(t *testing.T, l shardlog.Log, _ shardlog.Commits, _ shardlog.Leases) {
	mustAppend(t, l, 0, message(0))
	got := make(chan shardlog.Position)
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	done := make(chan error, 1)
	go func() {
		done <- l.Consume(ctx, 0, 0, func(e shardlog.Entry) error {
			got <- e.Position
			return nil
		})
	}()
	for i := 1; i <= 5; i++ {
		select {
		case p := <-got:
			if p != shardlog.Position(i) {
				t.Fatalf("position %d, want %d", p, i)
			}
		case err := <-done:
			t.Fatalf("consume ended: %v", err)
		}
		if i < 5 {
			mustAppend(t, l, 0, message(i))
		}
	}
	cancel()
	if err := <-done; !errors.Is(err, context.Canceled) {
		t.Fatalf("consume ended with %v", err)
	}
}

func consumeEnds(t *testing.T, l shardlog.Log, _ shardlog.Commits, _ shardlog.Leases) {
	mustAppend(t, l, 0, message(0))
	mustAppend(t, l, 0, message(1))
	fails := errors.New("f fails")
	calls := 0
	err := l.Consume(t.Context(), 0, 0, func(shardlog.Entry) error { calls++; return fails })
	if !errors.Is(err, fails) || calls != 1 {
		t.Fatalf("%d calls, then %v", calls, err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if err := l.Consume(ctx, 0, 0, func(shardlog.Entry) error { return nil }); !errors.Is(err, context.Canceled) {
		t.Fatalf("with a cancelled context: %v", err)
	}
	var beyond *shardlog.BeyondError
	if err := l.Consume(t.Context(), 0, 3, func(shardlog.Entry) error { return nil }); !errors.As(err, &beyond) {
		t.Fatalf("beyond the end: %v", err)
	}
	if err := l.Consume(t.Context(), 99, 0, func(shardlog.Entry) error { return nil }); err == nil {
		t.Fatal("a shard that does not exist was consumed")
	}
}

func shardsApart(t *testing.T, l shardlog.Log, _ shardlog.Commits, _ shardlog.Leases) {
	for i := range 6 {
		if p := mustAppend(t, l, i%2, message(i)); p != shardlog.Position(i/2+1) {
			t.Fatalf("append %d: position %d", i, p)
		}
	}
	for shard := range 2 {
		for i, e := range consume(t, l, shard, 0, 3) {
			if d := cmp.Diff(*message(2*i + shard), e.Message); d != "" {
				t.Fatalf("shard %d, message %d (-want +got):\n%s", shard, i, d)
			}
		}
	}
	if _, err := l.Append(t.Context(), 99, message(0)); err == nil {
		t.Fatal("append to a shard that does not exist succeeded")
	}
}

func concurrentAppends(t *testing.T, l shardlog.Log, _ shardlog.Commits, _ shardlog.Leases) {
	const workers, each = 8, 20
	var mu sync.Mutex
	at := map[shardlog.Position]string{}
	var wg sync.WaitGroup
	for w := range workers {
		wg.Go(func() {
			for i := range each {
				m := message(1)
				m.Batch = fmt.Appendf(nil, "worker %d batch %d", w, i)
				p, err := l.Append(t.Context(), 0, m)
				if err != nil {
					t.Errorf("append: %v", err)
					return
				}
				mu.Lock()
				at[p] = string(m.Batch)
				mu.Unlock()
			}
		})
	}
	wg.Wait()
	if len(at) != workers*each {
		t.Fatalf("%d positions for %d appends", len(at), workers*each)
	}
	for _, e := range consume(t, l, 0, 0, workers*each) {
		if string(e.Message.Batch) != at[e.Position] {
			t.Fatalf("position %d holds %q, want %q", e.Position, e.Message.Batch, at[e.Position])
		}
	}
}

func largestMessage(t *testing.T, l shardlog.Log, _ shardlog.Commits, _ shardlog.Leases) {
	m := message(1)
	m.Batch = make([]byte, l.MessageBytesMax()-1024)
	for i := range m.Batch {
		m.Batch[i] = byte(i * 7)
	}
	mustAppend(t, l, 0, m)
	tooLarge := message(1)
	tooLarge.Batch = make([]byte, l.MessageBytesMax()+1)
	if _, err := l.Append(t.Context(), 0, tooLarge); !errors.Is(err, shardlog.ErrTooLarge) {
		t.Fatalf("too large a message: %v", err)
	}
	if e := consume(t, l, 0, 0, 1)[0]; string(e.Message.Batch) != string(m.Batch) {
		t.Fatal("the largest message came back changed")
	}
	if st := state(t, l, 0); st.Last != 1 {
		t.Fatalf("last is %d", st.Last)
	}
}

func invalidMessages(t *testing.T, l shardlog.Log, _ shardlog.Commits, _ shardlog.Leases) {
	for name, change := range map[string]func(m *shardlog.Message){
		"tenant":    func(m *shardlog.Message) { m.Tenant = "a.b" },
		"signal":    func(m *shardlog.Message) { m.Signal = 9 },
		"records":   func(m *shardlog.Message) { m.Records = -1 },
		"source id": func(m *shardlog.Message) { m.Sources = []shardlog.SourceSeq{{}} },
	} {
		m := message(1)
		change(m)
		if p, err := l.Append(t.Context(), 0, m); err == nil {
			t.Errorf("%s: appended at %d", name, p)
		}
	}
	if st := state(t, l, 0); st.Last != 0 {
		t.Fatalf("last is %d", st.Last)
	}
}

func trim(t *testing.T, l shardlog.Log, _ shardlog.Commits, _ shardlog.Leases) {
	for i := range 10 {
		mustAppend(t, l, 0, message(i))
	}
	mustTrim := func(p shardlog.Position) {
		t.Helper()
		if err := l.Trim(t.Context(), 0, p); err != nil {
			t.Fatalf("trim to %d: %v", p, err)
		}
	}
	mustTrim(0) // nothing
	mustTrim(4)
	mustTrim(2) // already gone
	if st := state(t, l, 0); st.First != 5 || st.Last != 10 {
		t.Fatalf("after trim to 4: %+v", st)
	}
	var trimmed *shardlog.TrimmedError
	err := l.Consume(t.Context(), 0, 3, func(shardlog.Entry) error { return nil })
	if !errors.As(err, &trimmed) || trimmed.After != 3 || trimmed.Next != 5 {
		t.Fatalf("consume what is trimmed: %v", err)
	}
	if e := consume(t, l, 0, 4, 6)[0]; e.Position != 5 || e.Message.Records != 4 {
		t.Fatalf("first after trim: %+v", e)
	}
	mustTrim(10)
	if st := state(t, l, 0); st.First != 11 || st.Last != 10 || st.Bytes != 0 {
		t.Fatalf("after trim of all: %+v", st)
	}
	if p := mustAppend(t, l, 0, message(10)); p != 11 {
		t.Fatalf("append after trim of all: position %d", p)
	}
	if e := consume(t, l, 0, 10, 1)[0]; e.Position != 11 {
		t.Fatalf("position %d", e.Position)
	}
}

func trimBeyond(t *testing.T, l shardlog.Log, _ shardlog.Commits, _ shardlog.Leases) {
	mustAppend(t, l, 0, message(0))
	if err := l.Trim(t.Context(), 0, 100); err != nil {
		t.Fatal(err)
	}
	if st := state(t, l, 0); st.First != 101 || st.Last != 100 {
		t.Fatalf("state: %+v", st)
	}
	if p := mustAppend(t, l, 0, message(1)); p != 101 {
		t.Fatalf("position %d, want 101", p)
	}
}

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

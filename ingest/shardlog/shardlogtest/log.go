package shardlogtest

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"clew/ingest/shardlog"
	"clew/internal/telemetry"
)

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

package catalog

import (
	"context"
	"errors"
	"fmt"
	"math"
	"math/rand/v2"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"go.uber.org/goleak"

	"clew/internal/telemetry"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

func segment(id string, from, to int64) Segment {
	return Segment{ID: id, Signal: telemetry.Logs, Tenant: "t", Rows: 1, Records: 1, MinTime: from, MaxTime: to, Bytes: 10}
}

// apply commits what change makes of a fitting empty commit.
func apply(t testing.TB, c *Catalog, seq uint64, change func(*Commit)) {
	t.Helper()
	cm := Commit{Version: CommitVersion, Reason: "seal", Last: c.Current().Shard(0).Last, Floor: c.Current().Shard(0).Floor}
	change(&cm)
	data, err := cm.Encode()
	if err != nil {
		t.Fatal(err)
	}
	if cm, err = DecodeCommit(data); err != nil {
		t.Fatal(err)
	}
	if err := c.Apply(seq, cm); err != nil {
		t.Fatal(err)
	}
}

func ids(segments []*Segment) []string {
	var out []string
	for _, s := range segments {
		out = append(out, s.ID)
	}
	return out
}

func TestSegmentsByTime(t *testing.T) {
	c := New()
	rng := rand.New(rand.NewPCG(1, 2))
	all := map[string]Segment{}
	for i := range 300 {
		from := rng.Int64N(1000)
		s := segment(fmt.Sprintf("s%03d", i), from, from+rng.Int64N(1+rng.Int64N(300)))
		all[s.ID] = s
		apply(t, c, uint64(i+1), func(cm *Commit) {
			cm.Added = []Segment{s}
			if i%3 == 2 {
				for id := range all {
					if id != s.ID {
						cm.Removed = []string{id}
						delete(all, id)
						break
					}
				}
			}
		})
	}
	for range 500 {
		from := rng.Int64N(1300) - 100
		to := from + rng.Int64N(200)
		var want []string
		for id, s := range all {
			if s.MinTime <= to && s.MaxTime >= from {
				want = append(want, id)
			}
		}
		found := c.Current().Segments("t", telemetry.Logs, from, to)
		if !slices.IsSortedFunc(found, func(a, b *Segment) int { return int(b.MinTime - a.MinTime) }) {
			t.Fatal("not newest first")
		}
		got := ids(found)
		slices.Sort(got)
		slices.Sort(want)
		if d := cmp.Diff(want, got); d != "" {
			t.Fatalf("from %d to %d (-want +got):\n%s", from, to, d)
		}
	}
	if got := c.Current().Segments("other", telemetry.Logs, 0, math.MaxInt64); got != nil {
		t.Errorf("another tenant sees %v", ids(got))
	}
	if got, want := c.Current().Bytes(telemetry.Logs), int64(10*len(all)); got != want || c.Current().Len() != len(all) {
		t.Errorf("bytes %d, segments %d; want %d and %d", got, c.Current().Len(), want, len(all))
	}
}

func TestPositions(t *testing.T) {
	c := New()
	a, b := Key{Signal: telemetry.Logs, Tenant: "a"}, Key{Signal: telemetry.Spans, Tenant: "b"}
	check := func(wantA, wantB uint64) {
		t.Helper()
		if v := c.Current(); v.Position(a) != wantA || v.Position(b) != wantB {
			t.Fatalf("positions %d and %d, want %d and %d", v.Position(a), v.Position(b), wantA, wantB)
		}
	}
	check(0, 0)
	apply(t, c, 1, func(cm *Commit) { cm.Positions = []Position{{telemetry.Logs, "a", 7}} })
	check(7, 0)
	apply(t, c, 2, func(cm *Commit) { cm.Positions = []Position{{telemetry.Spans, "b", 5}}; cm.Floor = 4 })
	check(7, 5)
	apply(t, c, 3, func(cm *Commit) { cm.Floor = 6 })
	check(7, 6)
	apply(t, c, 4, func(cm *Commit) { cm.Floor = 9 })
	check(9, 9)
	if n := len(c.Current().shards[0].positions); n != 0 {
		t.Errorf("%d positions are kept below the floor", n)
	}
	if got := c.Current().Position(Key{Shard: 3, Signal: telemetry.Logs, Tenant: "a"}); got != 0 {
		t.Errorf("another shard's position is %d", got)
	}
}

func TestApplyRefuses(t *testing.T) {
	c := New()
	apply(t, c, 5, func(cm *Commit) {
		cm.Added = []Segment{segment("one", 1, 2)}
		cm.Epoch, cm.Floor = 3, 10
		cm.Positions = []Position{{telemetry.Logs, "t", 20}}
	})
	good := Commit{Version: 1, Reason: "seal", Last: 5, Epoch: 3, Floor: 10}
	for name, change := range map[string]func(*Commit){
		"hole":            func(cm *Commit) { cm.Last = 4 },
		"old epoch":       func(cm *Commit) { cm.Epoch = 2 },
		"floor goes back": func(cm *Commit) { cm.Floor = 9 },
		"position back":   func(cm *Commit) { cm.Positions = []Position{{telemetry.Logs, "t", 19}} },
		"exists already":  func(cm *Commit) { cm.Added = []Segment{segment("one", 1, 2)} },
		"unknown removed": func(cm *Commit) { cm.Removed = []string{"two"} },
		"other shard's":   func(cm *Commit) { cm.Shard = 1; cm.Last = 0; cm.Removed = []string{"one"} },
	} {
		cm := good
		change(&cm)
		var conflict *ConflictError
		if err := c.Apply(6, cm); !errors.As(err, &conflict) {
			t.Errorf("%s: %v, want a conflict", name, err)
		}
	}
	if c.Current().Sequence() != 5 || c.Current().Len() != 1 {
		t.Error("a refused commit changed the catalog")
	}
	if err := c.Apply(5, good); err != nil {
		t.Errorf("a repeated commit: %v", err)
	}
	if err := c.Apply(6, good); err != nil {
		t.Error(err)
	}
}

// TestDeadAfterLastReader: a segment dies only once no version that holds it has readers, even if an older version is released last.
func TestDeadAfterLastReader(t *testing.T) {
	c := New()
	var dead []string
	c.OnDead(func(segments []Segment) {
		for _, s := range segments {
			dead = append(dead, s.ID)
		}
	})
	want := func(ids ...string) {
		t.Helper()
		if !slices.Equal(dead, ids) {
			t.Fatalf("dead are %v, want %v", dead, ids)
		}
	}
	apply(t, c, 1, func(cm *Commit) { cm.Added = []Segment{segment("a", 1, 2), segment("b", 1, 2), segment("c", 1, 2)} })
	v1 := c.Acquire()
	apply(t, c, 2, func(cm *Commit) { cm.Removed = []string{"a"} })
	v2 := c.Acquire()
	apply(t, c, 3, func(cm *Commit) { cm.Removed = []string{"b"} })
	want()
	v2.Release() // v1 still holds b
	want()
	if !c.Leaving("a") || !c.Leaving("b") || c.Leaving("c") {
		t.Error("a and b are leaving, c is not")
	}
	if got := v1.Segments("t", telemetry.Logs, 0, 9); len(got) != 3 {
		t.Errorf("an old version changed: %v", ids(got))
	}
	v1.Release()
	want("a", "b")
	if c.Leaving("a") {
		t.Error("a is dead")
	}
	apply(t, c, 4, func(cm *Commit) { cm.Removed = []string{"c"} })
	want("a", "b", "c")
}

func TestConcurrentReaders(t *testing.T) {
	c := New()
	var mu sync.Mutex
	dead := map[string]bool{}
	c.OnDead(func(segments []Segment) {
		mu.Lock()
		defer mu.Unlock()
		for _, s := range segments {
			dead[s.ID] = true
		}
	})
	ctx, stop := context.WithCancel(t.Context())
	var readers sync.WaitGroup
	for range 4 {
		readers.Go(func() {
			for ctx.Err() == nil {
				v := c.Acquire()
				found := v.Segments("t", telemetry.Logs, 0, math.MaxInt64)
				mu.Lock()
				for _, s := range found {
					if dead[s.ID] {
						t.Errorf("a reader meets %s, which is dead", s.ID)
					}
				}
				mu.Unlock()
				v.Release()
			}
		})
	}
	const n = 2000
	for i := range n {
		apply(t, c, uint64(i+1), func(cm *Commit) {
			cm.Added = []Segment{segment(fmt.Sprint("s", i), int64(i), int64(i))}
			if i >= 5 {
				cm.Removed = []string{fmt.Sprint("s", i-5)}
			}
		})
	}
	stop()
	readers.Wait()
	if len(dead) != n-5 {
		t.Errorf("%d segments died, want %d", len(dead), n-5)
	}
}

func TestSnapshot(t *testing.T) {
	c := New()
	for i := range 50 {
		apply(t, c, uint64(i+1), func(cm *Commit) {
			cm.Added = []Segment{segment(fmt.Sprint("s", i), int64(100-i), int64(100+i))}
			cm.Added[0].Created = time.Unix(int64(i), 0).UTC()
			cm.Positions = []Position{{telemetry.Signals[i%3], "t", uint64(i + 10)}}
			cm.Floor = uint64(i)
			cm.Sources = []Source{{ID: "x", Seq: uint64(i), Seen: 3}}
			cm.Deleted = &Deleted{Job: fmt.Sprint("job", i%2), Records: int64(i)}
		})
	}
	data, err := c.Current().Snapshot()
	if err != nil {
		t.Fatal(err)
	}
	d := New()
	if err := d.Load(data); err != nil {
		t.Fatal(err)
	}
	again, err := d.Current().Snapshot()
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(string(data), string(again)); diff != "" {
		t.Errorf("the snapshot of a loaded snapshot differs:\n%s", diff)
	}
	if even, odd, none := d.Current().Deleted("job0"), d.Current().Deleted("job1"), d.Current().Deleted("job2"); even != 600 || odd != 625 || none != 0 {
		t.Errorf("deletions took %d, %d, %d records, want 600, 625, 0", even, odd, none)
	}
	if d.Current().Sequence() != 50 || d.Current().Shard(0).Last != 50 {
		t.Errorf("sequence %d, last %d", d.Current().Sequence(), d.Current().Shard(0).Last)
	}
	if diff := cmp.Diff(c.Current().Segments("t", telemetry.Logs, 0, 80), d.Current().Segments("t", telemetry.Logs, 0, 80)); diff != "" {
		t.Error(diff)
	}
	for _, cat := range []*Catalog{c, d} { // both go on alike
		apply(t, cat, 51, func(cm *Commit) { cm.Removed = []string{"s3"} })
	}
	if err := d.Load(data); err == nil {
		t.Error("a snapshot was loaded over a catalog in use")
	}
	for i := range data {
		bad := slices.Clone(data)
		bad[i] ^= 4
		if err := New().Load(bad); err == nil {
			t.Fatalf("a flipped bit in byte %d (%q) goes unnoticed", i, data[i])
		}
	}
	var version *VersionError
	if err := New().Load([]byte(strings.Replace(string(data), "clew-catalog 4", "clew-catalog 7", 1))); !errors.As(err, &version) {
		t.Errorf("newer snapshot: %v", err)
	}
}

type stream []Commit

func (s stream) Follow(ctx context.Context, after uint64, f func(uint64, int, []byte) error, caughtUp func()) error {
	for i, cm := range s {
		data, err := cm.Encode()
		if err != nil {
			return err
		}
		if err := f(uint64(i+1), cm.Shard, data); err != nil {
			return err
		}
	}
	caughtUp()
	<-ctx.Done()
	return ctx.Err()
}

func TestFollowAndWait(t *testing.T) {
	c := New()
	s := stream{
		{Version: 1, Reason: "own"},
		{Version: 1, Reason: "seal", Last: 1, Positions: []Position{{telemetry.Logs, "t", 4}}},
	}
	ctx, stop := context.WithCancel(t.Context())
	done := make(chan error, 1)
	waited := make(chan error, 1)
	go func() { waited <- c.WaitPosition(ctx, Key{Signal: telemetry.Logs, Tenant: "t"}, 4) }()
	go func() { done <- c.Follow(ctx, s) }()
	if err := <-waited; err != nil {
		t.Fatal(err)
	}
	<-c.CaughtUp()
	stop()
	if err := <-done; err != nil {
		t.Errorf("follow ends with %v", err)
	}
	if err := c.WaitSequence(ctx, 3); !errors.Is(err, context.Canceled) {
		t.Errorf("waiting beyond the end: %v", err)
	}
	broken := append(s, Commit{Version: 1, Reason: "seal", Last: 1})
	var conflict *ConflictError
	if err := New().Follow(t.Context(), broken); !errors.As(err, &conflict) {
		t.Errorf("a commit that doesn't fit: %v", err)
	}
}

func BenchmarkApply(b *testing.B) {
	c := New()
	var many []Segment
	for i := range 2000 {
		many = append(many, segment(fmt.Sprint("s", i), int64(i), int64(i+10)))
	}
	for i := range 50 { // 100,000 in all
		apply(b, c, uint64(i+1), func(cm *Commit) {
			cm.Added = slices.Clone(many)
			for j := range cm.Added {
				cm.Added[j].ID += fmt.Sprint("-", i)
			}
		})
	}
	seq := c.Current().Sequence()
	b.Run("apply", func(b *testing.B) {
		b.ReportAllocs()
		for b.Loop() {
			seq++
			apply(b, c, seq, func(cm *Commit) { cm.Added = []Segment{segment(fmt.Sprint("n", seq), int64(seq), int64(seq))} })
		}
	})
	b.Run("segments", func(b *testing.B) {
		b.ReportAllocs()
		for b.Loop() {
			c.Current().Segments("t", telemetry.Logs, 1990, 1991)
		}
	})
}

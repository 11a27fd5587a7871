package members

import (
	"context"
	"encoding/json"
	"log/slog"
	"math"
	"sync"
	"testing"
	"testing/synctest"
	"time"
)

// air carries to all that listen.
type air struct {
	mu        sync.Mutex
	listeners map[int]func([]byte)
	next      int
	cut       bool
}

func (a *air) Tell(_ string, data []byte) error {
	a.mu.Lock()
	defer a.mu.Unlock()
	if a.cut {
		return nil
	}
	for _, f := range a.listeners {
		f(data)
	}
	return nil
}

func (a *air) Hear(_ string, f func([]byte)) (func(), error) {
	a.mu.Lock()
	defer a.mu.Unlock()
	n := a.next
	a.next++
	a.listeners[n] = f
	return func() {
		a.mu.Lock()
		defer a.mu.Unlock()
		delete(a.listeners, n)
	}, nil
}

func names(b *Board) string {
	others, known := b.Others(time.Now())
	s := ""
	for _, m := range others {
		s += m.Name
	}
	if !known {
		s += "?"
	}
	return s
}

// TestSoleSurvivor: one that owns all shards there may be is heard, whatever its numbers.
func TestSoleSurvivor(t *testing.T) {
	m := Member{Form: versionKnown, ID: "b1", Name: "b", Roles: []string{"collector", "ingest", "query"}}
	for shard := range shardsMax {
		m.Shards = append(m.Shards, Shard{Shard: shard, Epoch: math.MaxUint64, Floor: math.MaxUint64, Consumed: math.MaxUint64, BehindSeconds: 123456.78901234567})
	}
	data, err := json.Marshal(m)
	if err != nil {
		t.Fatal(err)
	}
	b := NewBoard(func() Member { return Member{ID: "a1", Name: "a"} }, nil, slog.New(slog.DiscardHandler))
	b.take(data, time.Now())
	if others, _ := b.Others(time.Now()); len(others) != 1 || len(others[0].Shards) != shardsMax || b.Refused() != 0 {
		t.Errorf("%d others are heard of one that says %d bytes, %d refused", len(others), len(data), b.Refused())
	}
}

// TestBoard: who comes is known within a beat, who leaves is gone at once, who falls silent after four; rubbish is counted and harms nobody.
func TestBoard(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		wire := &air{listeners: map[int]func([]byte){}}
		run := func(name string) (*Board, func()) {
			b := NewBoard(func() Member { return Member{ID: name + "1", Name: name} }, wire, slog.New(slog.DiscardHandler))
			ctx, cancel := context.WithCancel(t.Context())
			done := make(chan error, 1)
			go func() { done <- b.Run(ctx) }()
			return b, func() {
				cancel()
				if err := <-done; err != nil {
					t.Error(err)
				}
			}
		}
		a, stopA := run("a")
		time.Sleep(time.Second / 2)
		_, stopB := run("b")
		time.Sleep(time.Second)
		if have := names(a); have != "b?" {
			t.Errorf("a knows %q, want b and that it does not know all yet", have)
		}
		time.Sleep(2 * time.Second)
		changed := a.Changed()
		stopB()
		synctest.Wait()
		if have := names(a); have != "" {
			t.Errorf("a knows %q, and b has left", have)
		}
		select {
		case <-changed:
		default:
			t.Error("nobody says that b has left")
		}
		_, stopC := run("c")
		time.Sleep(2 * time.Second)
		wire.mu.Lock()
		wire.cut = true
		wire.mu.Unlock()
		time.Sleep(3 * time.Second)
		if have := names(a); have != "c" {
			t.Errorf("a knows %q, want c, which has missed three beats", have)
		}
		time.Sleep(3 * time.Second)
		if have := names(a); have != "" {
			t.Errorf("a knows %q, and c is silent", have)
		}
		for _, rubbish := range []string{"", "{", `{"form":1}`, `[]`, `{"form":0,"id":"x"}`} {
			a.take([]byte(rubbish), time.Now())
		}
		if n := a.Refused(); n != 5 || names(a) != "" {
			t.Errorf("%d refused, a knows %q", n, names(a))
		}
		stopC()
		stopA()
	})
}

package members

import (
	"context"
	"log/slog"
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

package sched

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"
	"testing"
	"testing/synctest"
	"time"
)

// TestFairBetweenTenants lets one tenant queue a hundred requests before two others queue one each: those are served next.
func TestFairBetweenTenants(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := NewFair(1, 1)
		if err := f.Acquire(t.Context(), "greedy"); err != nil {
			t.Fatal(err)
		}
		var mu sync.Mutex
		var order []string
		ask := func(tenant string) {
			go func() {
				if err := f.Acquire(t.Context(), tenant); err != nil {
					t.Error(err)
					return
				}
				mu.Lock()
				order = append(order, tenant)
				mu.Unlock()
				f.Release(tenant)
			}()
			synctest.Wait()
		}
		for range 100 {
			ask("greedy")
		}
		ask("b")
		ask("c")
		if taken, waiting := f.Load(); taken != 1 || waiting != 102 {
			t.Fatalf("%d taken, %d waiting", taken, waiting)
		}
		f.Release("greedy")
		synctest.Wait()
		if len(order) != 102 || !slices.Contains(order[:3], "b") || !slices.Contains(order[:3], "c") {
			t.Errorf("served in order %v", order[:min(5, len(order))])
		}
		if taken, waiting := f.Load(); taken != 0 || waiting != 0 {
			t.Errorf("%d taken, %d waiting at the end", taken, waiting)
		}
	})
}

// TestFairOfTenant holds that one tenant cannot take all places.
func TestFairOfTenant(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := NewFair(4, 2)
		for range 2 {
			if err := f.Acquire(t.Context(), "a"); err != nil {
				t.Fatal(err)
			}
		}
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		if err := f.Acquire(ctx, "a"); !errors.Is(err, context.DeadlineExceeded) {
			t.Fatalf("a third place: %v", err)
		}
		if err := f.Acquire(t.Context(), "b"); err != nil {
			t.Fatal(err)
		}
		if taken, waiting := f.Load(); taken != 3 || waiting != 0 {
			t.Errorf("%d taken, %d waiting", taken, waiting)
		}
	})
}

// TestFairUnderCancellation hammers it with requests of which half give up: places are neither lost nor made.
func TestFairUnderCancellation(t *testing.T) {
	f := NewFair(3, 2)
	var wg sync.WaitGroup
	for i := range 200 {
		wg.Go(func() {
			tenant := fmt.Sprint(i % 5)
			for range 50 {
				ctx, cancel := context.WithTimeout(t.Context(), time.Duration(i%7)*10*time.Microsecond)
				if f.Acquire(ctx, tenant) == nil {
					f.Release(tenant)
				}
				cancel()
			}
		})
	}
	wg.Wait()
	if taken, waiting := f.Load(); taken != 0 || waiting != 0 {
		t.Fatalf("%d taken, %d waiting", taken, waiting)
	}
	for range 2 {
		if err := f.Acquire(t.Context(), "x"); err != nil {
			t.Fatal(err)
		}
	}
}

// TestAccount walks through an account's bounds.
func TestAccount(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		m := NewMemory(100)
		a, b := m.Open(60), m.Open(60)
		var over *OverError
		if err := a.Lend(t.Context(), 61); !errors.As(err, &over) || over.Max != 60 {
			t.Fatalf("more than the account: %v", err)
		}
		if err := a.Lend(t.Context(), 50); err != nil {
			t.Fatal(err)
		}
		if err := b.Keep(51); !errors.Is(err, ErrFull) {
			t.Fatalf("more than all: %v", err)
		}
		got := false
		go func() {
			if err := b.Lend(t.Context(), 55); err != nil {
				t.Error(err)
			}
			got = true
		}()
		synctest.Wait()
		if got {
			t.Fatal("lent beyond the bound")
		}
		a.GiveBack(50)
		synctest.Wait()
		if !got {
			t.Fatal("what came back was not lent")
		}
		if err := a.Keep(61); !errors.As(err, &over) {
			t.Fatalf("kept more than the account: %v", err)
		}
		if err := a.Keep(45); err != nil {
			t.Fatal(err)
		}
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		if err := a.Lend(ctx, 1); !errors.Is(err, context.DeadlineExceeded) {
			t.Fatalf("lent from what is full: %v", err)
		}
		b.GiveBack(55)
		a.Close()
		b.Close()
		if m.Used() != 0 {
			t.Errorf("%d bytes are lost", m.Used())
		}
	})
}

// Package sched decides whose work runs next: a semaphore that is fair between tenants, and an account of memory.
//
// Both are asked before work begins, in pieces of milliseconds (a query, a row group), and know nothing of what the work is. A tenant
// that asks for much waits behind itself: places that become free go to the waiting tenants in turn, however many of its
// requests each of them has waiting.
package sched

import (
	"context"
	"sync"
)

// Fair is a semaphore that is fair between tenants. It is safe for concurrent use.
type Fair struct {
	places   int
	ofTenant int

	mu      sync.Mutex
	taken   int
	held    map[string]int
	queues  map[string][]*waiter
	turn    []string // tenants with waiters, the next first
	waiting int
}

type waiter struct {
	granted chan struct{}
	done    bool // granted, or gone
}

// NewFair makes a semaphore of some places, of which one tenant may hold ofTenant.
func NewFair(places, ofTenant int) *Fair {
	return &Fair{places: places, ofTenant: ofTenant, held: map[string]int{}, queues: map[string][]*waiter{}}
}

// Acquire takes a place, and waits for it as long as the context allows. Release must be called if there is no error.
func (f *Fair) Acquire(ctx context.Context, tenant string) error {
	f.mu.Lock()
	if f.taken < f.places && f.held[tenant] < f.ofTenant && len(f.queues[tenant]) == 0 {
		f.takeLocked(tenant)
		f.mu.Unlock()
		return nil
	}
	w := &waiter{granted: make(chan struct{})}
	if len(f.queues[tenant]) == 0 {
		f.turn = append(f.turn, tenant)
	}
	f.queues[tenant] = append(f.queues[tenant], w)
	f.waiting++
	f.mu.Unlock()
	select {
	case <-w.granted:
		return nil
	case <-ctx.Done():
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	if w.done { // granted at the same moment
		f.releaseLocked(tenant)
	} else {
		w.done = true
		f.waiting--
	}
	return ctx.Err()
}

// Release gives a place of the tenant's back.
func (f *Fair) Release(tenant string) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.releaseLocked(tenant)
}

// Load says how many places are taken, and how many requests wait for one.
func (f *Fair) Load() (taken, waiting int) {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.taken, f.waiting
}

func (f *Fair) takeLocked(tenant string) {
	f.taken++
	f.held[tenant]++
}

func (f *Fair) releaseLocked(tenant string) {
	f.taken--
	if f.held[tenant]--; f.held[tenant] == 0 {
		delete(f.held, tenant)
	}
	f.grantLocked()
}

// grantLocked gives free places to tenants in turn. Those that hold all they may keep their turn.
func (f *Fair) grantLocked() {
	for i := 0; i < len(f.turn) && f.taken < f.places; {
		tenant := f.turn[i]
		queue := f.queues[tenant]
		for len(queue) > 0 && queue[0].done {
			queue = queue[1:]
		}
		switch {
		case len(queue) == 0:
			delete(f.queues, tenant)
			f.turn = append(f.turn[:i:i], f.turn[i+1:]...)
			continue
		case f.held[tenant] >= f.ofTenant:
			f.queues[tenant] = queue
			i++
			continue
		}
		queue[0].done = true
		close(queue[0].granted)
		f.waiting--
		f.takeLocked(tenant)
		f.turn = append(f.turn[:i:i], f.turn[i+1:]...)
		if queue = queue[1:]; len(queue) == 0 {
			delete(f.queues, tenant)
			continue
		}
		f.queues[tenant] = queue
		f.turn = append(f.turn, tenant) // behind the others
	}
}

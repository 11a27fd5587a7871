package ingest

import (
	"context"
	"sync"
)

// room counts the bytes of all generations of the process, growing (live) and waiting to be sealed (frozen).
type room struct {
	mu      sync.Mutex
	live    int64
	frozen  int64
	changed chan struct{} // closed and replaced when frozen shrinks
}

func newRoom() *room { return &room{changed: make(chan struct{})} }

// add changes the two counts and returns the live bytes.
func (r *room) add(live, frozen int64) int64 {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.live += live
	r.frozen += frozen
	if frozen < 0 {
		close(r.changed)
		r.changed = make(chan struct{})
	}
	return r.live
}

func (r *room) get() (live, frozen int64) {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.live, r.frozen
}

// wait returns once at most bound bytes are frozen, or ctx ends.
func (r *room) wait(ctx context.Context, bound int64) error {
	for {
		r.mu.Lock()
		full, changed := r.frozen > bound, r.changed
		r.mu.Unlock()
		if !full {
			return ctx.Err()
		}
		select {
		case <-changed:
		case <-ctx.Done():
			return ctx.Err()
		}
	}
}

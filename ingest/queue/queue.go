// Package queue gives pieces of work of one kind to workers: the most urgent first, one of each holder at a time, and what failed again after a pause.
package queue

import (
	"context"
	"sync"
	"time"
)

// Queue holds those that have work of one kind. Each is in it once, and with one worker at a time: its pieces of work are done in their order. It is safe for
// concurrent use.
type Queue[K comparable] struct {
	// rank says how urgent the next piece of work is; ok is false if there is none.
	rank func(K) (rank int64, ok bool)

	mu      sync.Mutex
	waiting map[K]time.Time // not before
	working map[K]bool
	held    time.Time     // nobody before
	changed chan struct{} // holds one token when something was added
}

// New makes an empty queue. rank says how urgent the next piece of work of one is, and whether it has any; it may be asked at any time.
func New[K comparable](rank func(K) (int64, bool)) *Queue[K] {
	return &Queue[K]{rank: rank, waiting: map[K]time.Time{}, working: map[K]bool{}, changed: make(chan struct{}, 1)}
}

// Add queues one after it has got work. If a worker has it, Done will see the work.
func (q *Queue[K]) Add(k K) {
	q.mu.Lock()
	defer q.mu.Unlock()
	if _, is := q.waiting[k]; !is && !q.working[k] {
		q.waiting[k] = time.Time{}
		q.wakeLocked()
	}
}

// Hold keeps all workers from starting anything for a while.
func (q *Queue[K]) Hold(pause time.Duration) {
	q.mu.Lock()
	defer q.mu.Unlock()
	q.held = time.Now().Add(pause)
}

// Hurry lets everything be tried at once: what it failed for may be over.
func (q *Queue[K]) Hurry() {
	q.mu.Lock()
	defer q.mu.Unlock()
	q.held = time.Time{}
	for k := range q.waiting {
		q.waiting[k] = time.Time{}
	}
	q.wakeLocked()
}

func (q *Queue[K]) wakeLocked() {
	select {
	case q.changed <- struct{}{}:
	default:
	}
}

// Next gives a worker the most urgent of those that may be tried now. It waits for one; ok is false when ctx ends.
func (q *Queue[K]) Next(ctx context.Context) (k K, ok bool) {
	for {
		k, ok, wait := q.take()
		if ok {
			return k, true
		}
		timer := time.NewTimer(wait)
		select {
		case <-q.changed:
		case <-timer.C:
		case <-ctx.Done():
		}
		timer.Stop()
		if ctx.Err() != nil {
			return k, false
		}
	}
}

// take returns the most urgent, or how long to wait for the next.
func (q *Queue[K]) take() (best K, found bool, wait time.Duration) {
	q.mu.Lock()
	defer q.mu.Unlock()
	now := time.Now()
	wait = time.Hour
	if d := q.held.Sub(now); d > 0 {
		return best, false, d
	}
	var most int64
	for k, notBefore := range q.waiting {
		if d := notBefore.Sub(now); d > 0 {
			wait = min(wait, d)
			continue
		}
		rank, ok := q.rank(k)
		switch {
		case !ok:
			delete(q.waiting, k) // abandoned with its owner
		case !found || rank > most:
			best, found, most = k, true, rank
		}
	}
	if found {
		delete(q.waiting, best)
		q.working[best] = true
		if len(q.waiting) > 0 {
			q.wakeLocked() // for the next worker
		}
	}
	return best, found, wait
}

// Done puts one back if it has more to do, to be tried after a pause, and says whether it has.
func (q *Queue[K]) Done(k K, pause time.Duration) (more bool) {
	q.mu.Lock()
	defer q.mu.Unlock()
	delete(q.working, k)
	if _, ok := q.rank(k); !ok {
		return false
	}
	q.waiting[k] = time.Now().Add(pause)
	q.wakeLocked()
	return true
}

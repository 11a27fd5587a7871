package ingest

import (
	"context"
	"sync"
	"time"
)

// sealQueue holds the heads that have frozen generations. A head is in it once, and with one worker at a time: its generations
// are committed in their order.
type sealQueue struct {
	mu      sync.Mutex
	waiting map[*head]time.Time // not before
	sealing map[*head]bool
	changed chan struct{} // holds one token when something was added
}

func newSealQueue() *sealQueue {
	return &sealQueue{waiting: map[*head]time.Time{}, sealing: map[*head]bool{}, changed: make(chan struct{}, 1)}
}

// add queues a head after a generation of it was frozen. If a worker has it, done will see the generation.
func (q *sealQueue) add(h *head) {
	q.mu.Lock()
	defer q.mu.Unlock()
	if _, is := q.waiting[h]; !is && !q.sealing[h] {
		q.waiting[h] = time.Time{}
		q.wakeLocked()
	}
}

func (q *sealQueue) wakeLocked() {
	select {
	case q.changed <- struct{}{}:
	default:
	}
}

// next gives a worker the head whose oldest frozen generation is largest, of those that may be tried now. It waits for one; nil when ctx ends.
func (q *sealQueue) next(ctx context.Context) *head {
	for {
		h, wait := q.take()
		if h != nil {
			return h
		}
		timer := time.NewTimer(wait)
		select {
		case <-q.changed:
		case <-timer.C:
		case <-ctx.Done():
		}
		timer.Stop()
		if ctx.Err() != nil {
			return nil
		}
	}
}

// take returns a head, or how long to wait for the next.
func (q *sealQueue) take() (*head, time.Duration) {
	q.mu.Lock()
	defer q.mu.Unlock()
	now, wait := time.Now(), time.Hour
	var best *head
	largest := int64(-1)
	for h, notBefore := range q.waiting {
		if d := notBefore.Sub(now); d > 0 {
			wait = min(wait, d)
			continue
		}
		g := h.oldest()
		switch {
		case g == nil:
			delete(q.waiting, h) // abandoned with its owner
		case g.counted > largest:
			best, largest = h, g.counted
		}
	}
	if best != nil {
		delete(q.waiting, best)
		q.sealing[best] = true
		if len(q.waiting) > 0 {
			q.wakeLocked() // for the next worker
		}
	}
	return best, wait
}

// done puts a head back if it has more to seal, to be tried after a pause, and says whether it has.
func (q *sealQueue) done(h *head, pause time.Duration) (more bool) {
	q.mu.Lock()
	defer q.mu.Unlock()
	delete(q.sealing, h)
	if h.oldest() == nil {
		return false
	}
	q.waiting[h] = time.Now().Add(pause)
	q.wakeLocked()
	return true
}

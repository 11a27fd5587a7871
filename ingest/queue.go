package ingest

import (
	"context"
	"sync"
	"time"
)

// headQueue holds the heads that have work of one kind: generations to seal, or local segments to upload. A head is in it once, and with
// one worker at a time: its generations are committed in their order.
type headQueue struct {
	// rank says how urgent a head's next piece of work is; ok is false if it has none.
	rank func(*head) (rank int64, ok bool)

	mu      sync.Mutex
	waiting map[*head]time.Time // not before
	working map[*head]bool
	held    time.Time     // nobody before
	changed chan struct{} // holds one token when something was added
}

func newHeadQueue(rank func(*head) (int64, bool)) *headQueue {
	return &headQueue{rank: rank, waiting: map[*head]time.Time{}, working: map[*head]bool{}, changed: make(chan struct{}, 1)}
}

// bySize ranks heads by the generation to be sealed next: the largest frees the most memory.
func bySize(h *head) (int64, bool) {
	g := h.toSeal()
	if g == nil {
		return 0, false
	}
	return g.counted, true
}

// byAge ranks heads by the local segment to be uploaded next: the oldest keeps the log from being trimmed.
func byAge(h *head) (int64, bool) {
	g := h.toUpload()
	if g == nil {
		return 0, false
	}
	return -g.born.UnixNano(), true
}

// add queues a head after it has got work. If a worker has it, done will see the work.
func (q *headQueue) add(h *head) {
	q.mu.Lock()
	defer q.mu.Unlock()
	if _, is := q.waiting[h]; !is && !q.working[h] {
		q.waiting[h] = time.Time{}
		q.wakeLocked()
	}
}

// hold keeps all workers from starting anything for a while.
func (q *headQueue) hold(pause time.Duration) {
	q.mu.Lock()
	defer q.mu.Unlock()
	q.held = time.Now().Add(pause)
}

// hurry lets everything be tried at once: what it failed for may be over.
func (q *headQueue) hurry() {
	q.mu.Lock()
	defer q.mu.Unlock()
	q.held = time.Time{}
	for h := range q.waiting {
		q.waiting[h] = time.Time{}
	}
	q.wakeLocked()
}

func (q *headQueue) wakeLocked() {
	select {
	case q.changed <- struct{}{}:
	default:
	}
}

// next gives a worker the most urgent head, of those that may be tried now. It waits for one; nil when ctx ends.
func (q *headQueue) next(ctx context.Context) *head {
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
func (q *headQueue) take() (*head, time.Duration) {
	q.mu.Lock()
	defer q.mu.Unlock()
	now, wait := time.Now(), time.Hour
	if d := q.held.Sub(now); d > 0 {
		return nil, d
	}
	var best *head
	var most int64
	for h, notBefore := range q.waiting {
		if d := notBefore.Sub(now); d > 0 {
			wait = min(wait, d)
			continue
		}
		rank, ok := q.rank(h)
		switch {
		case !ok:
			delete(q.waiting, h) // abandoned with its owner
		case best == nil || rank > most:
			best, most = h, rank
		}
	}
	if best != nil {
		delete(q.waiting, best)
		q.working[best] = true
		if len(q.waiting) > 0 {
			q.wakeLocked() // for the next worker
		}
	}
	return best, wait
}

// done puts a head back if it has more to do, to be tried after a pause, and says whether it has.
func (q *headQueue) done(h *head, pause time.Duration) (more bool) {
	q.mu.Lock()
	defer q.mu.Unlock()
	delete(q.working, h)
	if _, ok := q.rank(h); !ok {
		return false
	}
	q.waiting[h] = time.Now().Add(pause)
	q.wakeLocked()
	return true
}

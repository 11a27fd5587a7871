package patient

import (
	"context"
	"slices"
	"sync"
	"time"
)

// hedger gives a read that takes longer than 95 of 100 a second try beside the first. Whichever answers first is taken. Second tries are paid for by
// reads: so many for each read, however slow the store is.
type hedger struct {
	share float64
	least time.Duration

	mu        sync.Mutex
	saved     float64 // second tries that may be made
	latencies [latenciesKept]time.Duration
	reads     int
	p95       time.Duration // 0: not known yet
}

// read reads into p. f may be called twice at once, with different buffers.
func (h *hedger) read(ctx context.Context, p []byte, c *counts, f func(ctx context.Context, p []byte) error) error {
	began := time.Now()
	delay := h.delay(len(p))
	if delay == 0 {
		err := f(ctx, p)
		h.note(len(p), time.Since(began), err)
		c.moved(len(p), 0)
		return err
	}
	first, cancelFirst := context.WithCancel(ctx)
	defer cancelFirst()
	second, cancelSecond := context.WithCancel(ctx)
	defer cancelSecond()
	type result struct {
		p   []byte
		err error
	}
	answered := make(chan result, 1)
	timer := time.AfterFunc(delay, func() {
		if !h.spend() {
			answered <- result{err: context.Canceled}
			return
		}
		c.hedged()
		own := make([]byte, len(p)) // p is the first try's until it returns
		err := f(second, own)
		if err == nil {
			cancelFirst()
		}
		answered <- result{own, err}
	})
	err := f(first, p)
	if timer.Stop() || err == nil {
		h.note(len(p), time.Since(began), err)
		c.moved(len(p), 0)
		return err
	}
	if r := <-answered; r.err == nil {
		copy(p, r.p)
		c.hedgeWon()
		h.note(len(p), time.Since(began), nil)
		c.moved(len(p), 0)
		return nil
	}
	return err
}

// delay is how long to wait before a second try; 0: none is made.
func (h *hedger) delay(bytes int) time.Duration {
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.share < 0 || bytes > hedgeBytesMax || h.p95 == 0 {
		return 0
	}
	h.saved = min(h.saved+h.share, hedgesSaved)
	return max(h.p95+h.p95/4, h.least) // a little later, so that reads that all take the same spend nothing
}

func (h *hedger) spend() bool {
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.saved < 1 {
		return false
	}
	h.saved--
	return true
}

// note remembers how long a read took.
func (h *hedger) note(bytes int, took time.Duration, err error) {
	if err != nil || bytes > hedgeBytesMax {
		return
	}
	h.mu.Lock()
	defer h.mu.Unlock()
	h.latencies[h.reads%latenciesKept] = took
	h.reads++
	if h.reads%latenciesFresh == 0 {
		sorted := slices.Clone(h.latencies[:min(h.reads, latenciesKept)])
		slices.Sort(sorted)
		h.p95 = sorted[len(sorted)*95/100]
	}
}

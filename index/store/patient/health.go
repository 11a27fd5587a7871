package patient

import (
	"log/slog"
	"sync"
	"time"

	"clew/index/store"
)

// health knows whether the store is away.
type health struct {
	after int
	every time.Duration
	log   *slog.Logger

	mu       sync.Mutex
	failures int // in a row
	last     *store.AwayError
	since    time.Time // away since; zero: it is not
	probed   time.Time
}

// admit says whether a request may be made: nil, or why the store is away.
func (h *health) admit(now time.Time) error {
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.since.IsZero() {
		return nil
	}
	if now.Sub(h.probed) >= h.every {
		h.probed = now
		return nil
	}
	return h.last
}

func (h *health) isAway() bool {
	h.mu.Lock()
	defer h.mu.Unlock()
	return !h.since.IsZero()
}

func (h *health) failed(err *store.AwayError, now time.Time) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.failures++
	h.last = err
	if h.failures < h.after || !h.since.IsZero() {
		return
	}
	h.since, h.probed = now, now
	h.log.Error("the object store is away: answers come from what is here, segments wait on the local disk", "reason", err.Reason, "error", err.Err.Error()) // its text: some libraries' errors print their stack otherwise
}

func (h *health) answered(now time.Time) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.failures, h.last = 0, nil
	if !h.since.IsZero() {
		h.log.Info("the object store is back", "after", now.Sub(h.since).Round(time.Millisecond))
		h.since = time.Time{}
	}
}

// state is since when the store is away, and why; zero and nil if it is not.
func (h *health) state() (since time.Time, why *store.AwayError) {
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.since.IsZero() {
		return time.Time{}, nil
	}
	return h.since, h.last
}

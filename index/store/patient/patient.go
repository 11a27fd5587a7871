// Package patient makes a store that is elsewhere bearable: what can be repeated is repeated, a slow read gets a second try beside the first, no attempt
// takes for ever, and a store that is away is asked by one request a second instead of by all of them.
//
// Only what changes nothing when it is done twice is repeated: reads, sizes, listings and deletions. A Put is tried once; who has the bytes knows when to try
// again. What the store says about an object (that it does not exist, that it is full) is an answer, and is never repeated.
package patient

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"math/rand/v2"
	"time"

	"clew/index/store"
)

// Store is a patient store. All methods are safe for concurrent use.
type Store struct {
	st     store.RangeReader
	limits Limits
	slots  chan struct{}
	health health
	hedger hedger
	counts counts
}

var _ store.RangeReader = (*Store)(nil)

// New wraps a store. It logs when the store goes away and when it is back, and nothing in between.
func New(st store.RangeReader, limits Limits, logger *slog.Logger) *Store {
	limits = limits.withDefaults()
	return &Store{
		st: st, limits: limits, slots: make(chan struct{}, limits.Parallel),
		health: health{after: limits.AwayAfter, every: limits.ProbeEvery, log: logger},
		hedger: hedger{share: limits.HedgeShare, least: limits.HedgeMin},
		counts: counts{requests: map[outcome]uint64{}, retries: map[string]uint64{}},
	}
}

// Put implements store.Store.
func (s *Store) Put(ctx context.Context, name string, write func(w io.Writer) error) (size int64, err error) {
	err = s.attempt(ctx, store.OpPut, s.limits.PutTimeout, func(ctx context.Context) error {
		size, err = s.st.Put(ctx, name, write)
		return err
	})
	s.counts.moved(0, size)
	return size, err
}

// ReadAt implements store.Store.
func (s *Store) ReadAt(ctx context.Context, name string, p []byte, off int64) error {
	return s.repeat(ctx, store.OpRead, s.readTimeout(len(p)), func(ctx context.Context) error {
		return s.hedger.read(ctx, p, &s.counts, func(ctx context.Context, p []byte) error {
			return s.st.ReadAt(ctx, name, p, off)
		})
	})
}

// ReadRange implements store.RangeReader.
func (s *Store) ReadRange(ctx context.Context, name string, p []byte, off int64) (n int, size int64, err error) {
	type lengths struct {
		n    int
		size int64
	}
	got := make(chan lengths, 2) // the first and the second try
	err = s.repeat(ctx, store.OpRead, s.readTimeout(len(p)), func(ctx context.Context) error {
		return s.hedger.read(ctx, p, &s.counts, func(ctx context.Context, p []byte) error {
			n, size, err := s.st.ReadRange(ctx, name, p, off)
			if err == nil {
				select {
				case got <- lengths{n, size}: // an object doesn't change: both say the same
				default:
				}
			}
			return err
		})
	})
	if err != nil {
		return 0, 0, err
	}
	l := <-got
	return l.n, l.size, nil
}

func (s *Store) readTimeout(bytes int) time.Duration {
	return s.limits.AttemptTimeout + time.Duration(bytes>>20)*time.Second
}

// Size implements store.Store.
func (s *Store) Size(ctx context.Context, name string) (size int64, err error) {
	err = s.repeat(ctx, store.OpSize, s.limits.AttemptTimeout, func(ctx context.Context) error {
		size, err = s.st.Size(ctx, name)
		return err
	})
	return size, err
}

// Delete implements store.Store.
func (s *Store) Delete(ctx context.Context, name string) error {
	return s.repeat(ctx, store.OpDelete, s.limits.AttemptTimeout, func(ctx context.Context) error { return s.st.Delete(ctx, name) })
}

// List implements store.Store.
func (s *Store) List(ctx context.Context, prefix string) (objects []store.Object, err error) {
	err = s.repeat(ctx, store.OpList, s.limits.PutTimeout, func(ctx context.Context) error { // many requests, each with its own timeout below
		objects, err = s.st.List(ctx, prefix)
		return err
	})
	return objects, err
}

// repeat tries until it works, the store has answered, or it has been tried often enough.
func (s *Store) repeat(ctx context.Context, op store.Op, timeout time.Duration, f func(context.Context) error) error {
	for i := 1; ; i++ {
		err := s.attempt(ctx, op, timeout, f)
		var away *store.AwayError
		if !errors.As(err, &away) || ctx.Err() != nil || i == s.limits.Attempts || !worthRepeating(away.Reason) || s.health.isAway() {
			return err
		}
		pause := min(retryMin<<(i-1), retryMax)
		timer := time.NewTimer(pause/2 + time.Duration(rand.Int64N(int64(pause/2))))
		select {
		case <-timer.C:
		case <-ctx.Done():
			timer.Stop()
			return ctx.Err()
		}
		s.counts.retried(away.Reason)
	}
}

// worthRepeating: credentials and buckets don't come within seconds.
func worthRepeating(reason string) bool {
	return reason != store.AwayDenied && reason != store.AwayNoBucket
}

// attempt makes one request, unless the store is away and has been asked a moment ago.
func (s *Store) attempt(ctx context.Context, op store.Op, timeout time.Duration, f func(context.Context) error) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	if err := s.health.admit(time.Now()); err != nil {
		s.counts.asked(op, "not asked", 0)
		return err
	}
	select {
	case s.slots <- struct{}{}:
		defer func() { <-s.slots }()
	case <-ctx.Done():
		return ctx.Err()
	}
	limited, cancel := context.WithTimeout(ctx, timeout)
	defer cancel()
	began := time.Now()
	err := f(limited)
	if err != nil && ctx.Err() == nil && limited.Err() != nil {
		// Not wrapped: the deadline was ours, and must not be taken for the caller's.
		err = &store.AwayError{Reason: store.AwayTimeout, Err: fmt.Errorf("no answer within %v: %v", timeout, err)} //nolint:errorlint // on purpose
	}
	result := "ok"
	var away *store.AwayError
	switch {
	case err == nil:
		s.health.answered(time.Now())
	case ctx.Err() != nil:
		result = "cancelled" // says nothing about the store
	case errors.As(err, &away):
		result = away.Reason
		s.health.failed(away, time.Now())
	default:
		result = "refused"
		s.health.answered(time.Now())
	}
	s.counts.asked(op, result, time.Since(began))
	return err
}

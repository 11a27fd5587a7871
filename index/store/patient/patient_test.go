package patient

import (
	"bytes"
	"context"
	"errors"
	"io"
	"log/slog"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"clew/index/store"
	"clew/index/store/storetest"
)

// script is a store whose reads do what they are told.
type script struct {
	store.RangeReader
	calls atomic.Int64
	read  func(ctx context.Context, call int64, p []byte) error
}

func (s *script) ReadAt(ctx context.Context, _ string, p []byte, _ int64) error {
	return s.read(ctx, s.calls.Add(1), p)
}

func (s *script) ReadRange(ctx context.Context, name string, p []byte, off int64) (int, int64, error) {
	return len(p), 1 << 20, s.ReadAt(ctx, name, p, off)
}

func unreachable() error {
	return &store.AwayError{Reason: store.AwayUnreachable, Err: errors.New("connection refused")}
}

func result(s *Store, op store.Op, result string) uint64 {
	for _, r := range s.Stats().Requests {
		if r.Op == op && r.Result == result {
			return r.Count
		}
	}
	return 0
}

func TestContract(t *testing.T) {
	storetest.RunContract(t, func(t *testing.T) store.Store {
		d, err := store.OpenDir(t.TempDir())
		if err != nil {
			t.Fatal(err)
		}
		return New(d, Limits{}, slog.New(slog.DiscardHandler))
	})
}

func TestRepeats(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		st := &script{read: func(_ context.Context, call int64, p []byte) error {
			if call < 3 {
				return unreachable()
			}
			copy(p, "ok")
			return nil
		}}
		s := New(st, Limits{}, slog.New(slog.DiscardHandler))
		p := make([]byte, 2)
		if n, _, err := s.ReadRange(t.Context(), "a", p, 0); err != nil || n != 2 || string(p) != "ok" {
			t.Errorf("%q, %v", p, err)
		}
		if got := s.Stats().Retries[store.AwayUnreachable]; got != 2 {
			t.Errorf("%d retries, want 2", got)
		}
		for _, err := range []error{
			&store.AwayError{Reason: store.AwayDenied, Err: errors.New("no")}, io.ErrUnexpectedEOF, &store.FullError{Name: "a", Err: errors.New("full")},
		} {
			st.calls.Store(0)
			st.read = func(context.Context, int64, []byte) error { return err }
			if got := s.ReadAt(t.Context(), "a", p, 0); !errors.Is(got, err) || st.calls.Load() != 1 {
				t.Errorf("%v after %d calls; want %v after one", got, st.calls.Load(), err)
			}
		}
	})
}

// A request that hangs is given up, and so is one whose caller has left; only the first says something about the store.
func TestTimeouts(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		st := &script{read: func(ctx context.Context, _ int64, _ []byte) error { <-ctx.Done(); return ctx.Err() }}
		s := New(st, Limits{Attempts: 2, AttemptTimeout: time.Second}, slog.New(slog.DiscardHandler))
		began := time.Now()
		err := s.ReadAt(t.Context(), "a", make([]byte, 1), 0)
		var away *store.AwayError
		if !errors.As(err, &away) || away.Reason != store.AwayTimeout || time.Since(began) > 3*time.Second {
			t.Errorf("%v after %v", err, time.Since(began))
		}
		ctx, cancel := context.WithTimeout(t.Context(), 100*time.Millisecond)
		defer cancel()
		if err := s.ReadAt(ctx, "a", make([]byte, 1), 0); !errors.Is(err, context.DeadlineExceeded) || store.IsAway(err) {
			t.Errorf("%v, want the caller's deadline", err)
		}
		if result(s, store.OpRead, "cancelled") != 1 || result(s, store.OpRead, store.AwayTimeout) != 2 {
			t.Errorf("%+v", s.Stats().Requests)
		}
	})
}

// A store that is away is asked once a second, the others fail at once; going and coming back are each logged once.
func TestAway(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var down atomic.Bool
		st := &script{read: func(context.Context, int64, []byte) error {
			if down.Load() {
				return unreachable()
			}
			return nil
		}}
		var log bytes.Buffer
		s := New(st, Limits{}, slog.New(slog.NewTextHandler(&log, nil)))
		read := func() error { return s.ReadAt(t.Context(), "a", make([]byte, 1), 0) }
		down.Store(true)
		if err := read(); !store.IsAway(err) {
			t.Fatal(err)
		}
		if s.Stats().Away.IsZero() || s.Stats().Why == "" {
			t.Error("four failures in a row and not away")
		}
		before := st.calls.Load()
		for range 100 { // ten seconds
			began := time.Now()
			if err := read(); !store.IsAway(err) || time.Since(began) > 0 {
				t.Fatalf("%v after %v", err, time.Since(began))
			}
			time.Sleep(100 * time.Millisecond)
		}
		if asked := st.calls.Load() - before; asked < 8 || asked > 11 {
			t.Errorf("asked %d times in ten seconds", asked)
		}
		down.Store(false)
		time.Sleep(2 * time.Second)
		if err := read(); err != nil {
			t.Fatal(err)
		}
		if err := read(); err != nil || !s.Stats().Away.IsZero() {
			t.Errorf("back: %v, away since %v", err, s.Stats().Away)
		}
		if lines := strings.Count(log.String(), "\n"); lines != 2 {
			t.Errorf("%d log lines, want 2:\n%s", lines, log.String())
		}
	})
}

// One read in ten is slow: a second try answers instead, with the right bytes, and there are no more second tries than reads pay for.
func TestHedges(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		st := &script{read: func(ctx context.Context, call int64, p []byte) error {
			took := 30 * time.Millisecond
			if call%25 == 0 {
				took = 5 * time.Second
			}
			select {
			case <-time.After(took):
				copy(p, "right")
				return nil
			case <-ctx.Done():
				copy(p, "wrong") // a transport may leave anything in the buffer
				return ctx.Err()
			}
		}}
		s := New(st, Limits{AttemptTimeout: time.Minute}, slog.New(slog.DiscardHandler))
		slow := 0
		for i := range 500 {
			p := make([]byte, 5)
			began := time.Now()
			if err := s.ReadAt(t.Context(), "a", p, 0); err != nil || string(p) != "right" {
				t.Fatalf("read %d: %q, %v", i, p, err)
			}
			if time.Since(began) > time.Second {
				slow++
			}
		}
		stats := s.Stats()
		if slow > 2 || stats.HedgesWon < 15 {
			t.Errorf("%d slow reads, %d of %d second tries won", slow, stats.HedgesWon, stats.Hedges)
		}
		// Everything slow: second tries are no use, and bounded.
		st.read = func(_ context.Context, _ int64, p []byte) error {
			time.Sleep(time.Second)
			copy(p, "right")
			return nil
		}
		before := s.Stats().Hedges
		for range 100 {
			if err := s.ReadAt(t.Context(), "a", make([]byte, 5), 0); err != nil {
				t.Fatal(err)
			}
		}
		if more := s.Stats().Hedges - before; more > 5+hedgesSaved {
			t.Errorf("%d second tries for 100 reads", more)
		}
		time.Sleep(time.Minute)
	})
}

func TestParallelIsBounded(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var now, most atomic.Int64
		st := &script{read: func(context.Context, int64, []byte) error {
			most.Store(max(most.Load(), now.Add(1)))
			time.Sleep(time.Second)
			now.Add(-1)
			return nil
		}}
		s := New(st, Limits{Parallel: 3, HedgeShare: -1}, slog.New(slog.DiscardHandler))
		var wg sync.WaitGroup
		for range 20 {
			wg.Go(func() { _ = s.ReadAt(t.Context(), "a", make([]byte, 1), 0) })
		}
		wg.Wait()
		if most.Load() != 3 {
			t.Errorf("%d at once, want 3", most.Load())
		}
	})
}

package pace

import (
	"context"
	"errors"
	"io"
	"testing"
	"testing/synctest"
	"time"

	"clew/index/store"
)

// slow is a store of which each read is work of a millisecond, as the clock has it.
type slow struct{ store.Store }

func (slow) ReadAt(context.Context, string, []byte, int64) error {
	time.Sleep(time.Millisecond)
	return nil
}

func (slow) Put(_ context.Context, _ string, write func(io.Writer) error) (int64, error) {
	return 0, write(io.Discard)
}

// A second's work at a quarter of a core takes four, all of it is told of, and what follows after End too.
func TestShare(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		worked := time.Duration(0)
		p := &Pace{Share: 0.25, Worked: func(d time.Duration) { worked += d }}
		st := p.Store(slow{})
		began := time.Now()
		for range 2 {
			for range 500 {
				if err := st.ReadAt(t.Context(), "x", nil, 0); err != nil {
					t.Fatal(err)
				}
			}
			p.End(t.Context())
		}
		if worked != time.Second || time.Since(began) != 4*time.Second {
			t.Errorf("%v of work took %v", worked, time.Since(began))
		}
	})
}

// The gate is asked between stretches, writing waits for it too, and its error ends the work; so does the end of the context, while it rests.
func TestGate(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		enough, asked := errors.New("enough"), 0
		p := &Pace{Share: 1, Worked: func(time.Duration) {}, Gate: func(context.Context) error {
			if asked++; asked == 3 {
				return enough
			}
			return nil
		}}
		_, err := p.Store(slow{}).Put(t.Context(), "x", func(w io.Writer) error {
			for {
				time.Sleep(time.Millisecond)
				if _, err := w.Write([]byte("x")); err != nil {
					return err
				}
			}
		})
		if !errors.Is(err, enough) || asked != 3 {
			t.Errorf("%v after %d questions", err, asked)
		}

		ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
		defer cancel()
		p = &Pace{Share: 0.0001, Worked: func(time.Duration) {}}
		began := time.Now()
		for err = nil; err == nil; {
			err = p.Store(slow{}).ReadAt(ctx, "x", nil, 0)
		}
		// A stretch at this share would rest for 50 s and more.
		if !errors.Is(err, context.DeadlineExceeded) || time.Since(began) != time.Minute {
			t.Errorf("%v after %v", err, time.Since(began))
		}
	})
}

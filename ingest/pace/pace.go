// Package pace holds background work to a share of one core: after each stretch of work it rests for so long that the share is kept. The work asks it at
// every read from and every write to a store, which is every few milliseconds.
package pace

import (
	"context"
	"io"
	"time"

	"clew/index/store"
)

// stretchMin is how long work goes on between two pauses.
const stretchMin = 5 * time.Millisecond

// Pace is the pace of one piece of work after the other. One goroutine uses it.
type Pace struct {
	Share float64 // of a core, above 0 to 1
	// Worked is told of each stretch.
	Worked func(time.Duration)
	// Gate waits until the work may go on, and its error ends it; nil: it always may.
	Gate func(ctx context.Context) error

	began time.Time // of the stretch
}

// pause rests if it is time to. Its error ends the work.
func (p *Pace) pause(ctx context.Context) error {
	if p.began.IsZero() {
		p.began = time.Now()
	}
	stretch := time.Since(p.began)
	if stretch < stretchMin {
		return ctx.Err()
	}
	p.Worked(stretch)
	if err := p.rest(ctx, stretch); err != nil {
		return err
	}
	if p.Gate != nil {
		if err := p.Gate(ctx); err != nil {
			return err
		}
	}
	p.began = time.Now()
	return ctx.Err()
}

// Pause is for work between two reads: it rests if it is time to, and its error ends the work.
func (p *Pace) Pause(ctx context.Context) error { return p.pause(ctx) }

// End counts the last stretch, and rests for it: the next piece of work may follow at once.
func (p *Pace) End(ctx context.Context) {
	if p.began.IsZero() {
		return
	}
	stretch := time.Since(p.began)
	p.began = time.Time{}
	p.Worked(stretch)
	_ = p.rest(ctx, stretch) // if ctx ends, so does the work
}

func (p *Pace) rest(ctx context.Context, stretch time.Duration) error {
	return Sleep(ctx, time.Duration(float64(stretch)*(1/p.Share-1)))
}

// Sleep waits for d, or until ctx ends.
func Sleep(ctx context.Context, d time.Duration) error {
	if d <= 0 {
		return ctx.Err()
	}
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

// pacedStore is a store that is read and written at a pace.
type pacedStore struct {
	store.Store
	pace *Pace
}

// Store is st at the pace: reading from it and writing to it rests where it is time to.
func (p *Pace) Store(st store.Store) store.Store { return pacedStore{st, p} }

// Put implements store.Store.
func (s pacedStore) Put(ctx context.Context, name string, write func(w io.Writer) error) (int64, error) {
	return s.Store.Put(ctx, name, func(w io.Writer) error { return write(pacedWriter{ctx, w, s.pace}) })
}

// ReadAt implements store.Store.
func (s pacedStore) ReadAt(ctx context.Context, name string, p []byte, off int64) error {
	if err := s.pace.pause(ctx); err != nil {
		return err
	}
	return s.Store.ReadAt(ctx, name, p, off)
}

type pacedWriter struct {
	ctx  context.Context
	w    io.Writer
	pace *Pace
}

func (w pacedWriter) Write(p []byte) (int, error) {
	if err := w.pace.pause(w.ctx); err != nil {
		return 0, err
	}
	return w.w.Write(p)
}

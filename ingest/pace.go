package ingest

import (
	"context"
	"errors"
	"io"
	"time"

	"clew/index/store"
)

// pace holds background work to a share of one core: after each stretch of work it rests for so long that the share is kept. The work asks it at
// every read from and every write to the store, which is every few milliseconds. One goroutine uses it.
type pace struct {
	share float64
	began time.Time // of the stretch
	// worked is told of each stretch.
	worked func(time.Duration)
	// gate waits until the work may go on; nil: it always may.
	gate func(ctx context.Context) error
}

// pause rests if it is time to. Its error ends the work.
func (p *pace) pause(ctx context.Context) error {
	if p.began.IsZero() {
		p.began = time.Now()
	}
	stretch := time.Since(p.began)
	if stretch < paceStretch {
		return ctx.Err()
	}
	p.worked(stretch)
	if err := p.rest(ctx, stretch); err != nil {
		return err
	}
	if p.gate != nil {
		if err := p.gate(ctx); err != nil {
			return err
		}
	}
	p.began = time.Now()
	return ctx.Err()
}

// end counts the last stretch, and rests for it: the next piece of work may follow at once.
func (p *pace) end(ctx context.Context) {
	if p.began.IsZero() {
		return
	}
	stretch := time.Since(p.began)
	p.began = time.Time{}
	p.worked(stretch)
	_ = p.rest(ctx, stretch) // if ctx ends, so does the work
}

func (p *pace) rest(ctx context.Context, stretch time.Duration) error {
	return sleep(ctx, time.Duration(float64(stretch)*(1/p.share-1)))
}

func sleep(ctx context.Context, d time.Duration) error {
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
	pace *pace
}

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
	pace *pace
}

func (w pacedWriter) Write(p []byte) (int, error) {
	if err := w.pace.pause(w.ctx); err != nil {
		return 0, err
	}
	return w.w.Write(p)
}

// errPreempted ends a merge for something more urgent; it begins anew later.
var errPreempted = errors.New("something more urgent is to be done")

// pressure says why background work should wait, or "".
func (in *Ingest) pressure(ctx context.Context) string {
	if !in.Ready() {
		return "replay"
	}
	if _, frozen := in.room.get(); frozen > in.cfg.FrozenBytes/2 {
		return "seal"
	}
	for _, o := range in.allOwners() {
		state, err := in.shardLog.State(ctx, o.shard)
		if err != nil || state.Last > o.read.Load()+lagMax {
			return "lag"
		}
	}
	if in.busy != nil {
		return in.busy()
	}
	return ""
}

// waitCalm waits while there is pressure, and counts how long.
func (in *Ingest) waitCalm(ctx context.Context) error {
	for {
		if in.rewriter.urgent() {
			return errPreempted
		}
		why := in.pressure(ctx)
		if why == "" {
			return ctx.Err()
		}
		in.rewriter.state.Store("waiting: " + why)
		began := time.Now()
		err := sleep(ctx, pauseStep)
		in.metrics.rewritePaused.WithLabelValues(why).Add(time.Since(began).Seconds())
		if err != nil {
			return err
		}
	}
}

package manager

import (
	"context"
	"errors"
	"log/slog"
	"sync"
	"time"

	"github.com/prometheus/alertmanager/alert"
	"github.com/prometheus/alertmanager/notify"
)

// underWay lets notifications finish that are under way when the router is stopped, by a new configuration or by the end of the process. Cut off, a receiver may
// have taken one that nobody would know of, and would get it again.
type underWay struct {
	next notify.Stage

	mu     sync.Mutex
	closed bool
	count  sync.WaitGroup
}

var errClosed = errors.New("the router is stopped")

// Exec implements notify.Stage: it ends with ctx's deadline, and underWayMax after ctx is cancelled.
func (u *underWay) Exec(ctx context.Context, l *slog.Logger, alerts ...*alert.Alert) (context.Context, []*alert.Alert, error) {
	u.mu.Lock()
	if u.closed || ctx.Err() != nil {
		u.mu.Unlock()
		return ctx, nil, errClosed
	}
	u.count.Add(1)
	u.mu.Unlock()
	defer u.count.Done()
	apart, cancel := context.WithCancel(context.WithoutCancel(ctx))
	defer cancel()
	if deadline, ok := ctx.Deadline(); ok {
		var end context.CancelFunc
		apart, end = context.WithDeadline(apart, deadline)
		defer end()
	}
	stop := context.AfterFunc(ctx, func() {
		timer := time.NewTimer(underWayMax)
		defer timer.Stop()
		select {
		case <-timer.C:
			cancel()
		case <-apart.Done():
		}
	})
	defer stop()
	return u.next.Exec(apart, l, alerts...)
}

// close lets nothing new begin and waits for what is under way. The router must have been stopped: what is under way ends underWayMax after that.
func (u *underWay) close() {
	u.mu.Lock()
	u.closed = true
	u.mu.Unlock()
	u.count.Wait()
}

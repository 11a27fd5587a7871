package deletion

import (
	"context"
	"fmt"
	"time"

	"clew/index/store"
)

// Ask writes a request down, in the store that all processes share, and returns once it is durable: from then on it happens, whatever crashes. r gives tenant, signal, query, times, who asks
// and, in a cluster, how many shards there are; the rest is filled in. check looks at the query. What is wrong with the request is a *RefusedError. After any other
// error the request may be there all the same.
func Ask(ctx context.Context, st store.Store, r Request, now time.Time, check func(Request) error) (Request, error) {
	now = now.UTC()
	r.Version, r.Requested = versionAlone, now
	if r.Shards > 0 {
		r.Version = Version
	}
	if r.To == 0 || r.To > now.UnixNano()+1 {
		r.To = now.UnixNano() + 1
	}
	if err := r.Check(); err != nil {
		return r, err
	}
	if err := check(r); err != nil {
		return r, err
	}
	waiting, err := List(ctx, st, true, waitingMax)
	if err != nil {
		return r, err
	}
	if len(waiting) == waitingMax {
		return r, &RefusedError{What: fmt.Sprintf("%d deletions are waiting already", waitingMax)}
	}
	r.ID = NewID(now)
	return r, r.Put(ctx, st)
}

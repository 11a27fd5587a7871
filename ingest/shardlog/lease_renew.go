package shardlog

import (
	"context"
	"sync"
	"time"
)

// A lease with a TTL is renewed four times in it. What if that fails depends on what the lease is for.
//
// A shard's lease is kept until another holder is seen. While nobody leads the stream of the leases (an election takes NATS 4 to 9 seconds after its leader is lost, about as long as
// a lease) nobody can renew one, and nobody can take one: an owner that gave its shard up then would throw away what it has read, for nothing. What
// is on the stream may be gone when it has a leader again, because its age counts on: then the holder writes it anew, and whoever comes first has it. Others do not come
// while they hear of the owner (see ingest/members), so the one that is alive keeps its shards, and those of one that is gone or cut off are free when its
// message has aged out, as ever. That two believe to own a shard, one of them cut off, is nothing new: a process that was paused believes so too. Commits are
// fenced: a new owner's first one shuts out those before it.
//
// All other leases (alerting's) have no such fence. They end with their TTL, counted from before the message was sent, so that the holder stops first, whatever
// the clocks say.

// patient says whether the lease is kept beyond its TTL.
func (l *lease) patient() bool { return l.shard < OtherLeases }

// hold keeps the lease until it is lost or released.
func (l *lease) hold() (context.Context, func()) {
	held, lose := context.WithCancel(l.ctx)
	var wg sync.WaitGroup
	if l.cfg.LeaseTTL > 0 {
		l.settle(l.last, l.since)
		l.holdings.keep(l)
		wg.Go(func() {
			defer lose()
			defer l.holdings.drop(l)
			l.renew(held)
		})
	}
	var once sync.Once
	return held, func() {
		once.Do(func() {
			lose()
			wg.Wait()
			l.release()
			l.holdings.remove(l.nonce)
		})
	}
}

// settle notes a renewal that went through, and that was begun at a time.
func (l *lease) settle(seq uint64, since time.Time) {
	l.last, l.since = seq, since
	l.renewed.Store(&since)
}

// renewal is how an attempt to renew a lease ends.
type renewal int

const (
	renewed renewal = iota
	unsure          // it may be ours or not: to be tried again
	lost            // another has it
)

// renew returns when the lease is lost or ctx ends.
func (l *lease) renew(ctx context.Context) {
	ttl := l.cfg.LeaseTTL
	wait, overdue := ttl/4, false
	for {
		if !l.pauseBefore(ctx, wait) {
			if ctx.Err() == nil {
				l.log.Warn("lease lost: it could not be renewed in time", "shard", l.shard, "owner", l.owner)
			}
			return
		}
		began := time.Now()
		switch l.renewOnce(ctx) {
		case lost:
			l.log.Warn("lease lost: another owner has it", "shard", l.shard, "owner", l.owner)
			return
		case renewed:
			if overdue {
				l.log.Info("lease renewed again", "shard", l.shard, "owner", l.owner)
			}
			wait, overdue = max(0, ttl/4-time.Since(began)), false
		case unsure:
			if !overdue && time.Since(l.since) > ttl {
				overdue = true
				l.log.Warn("lease can't be renewed; the shard is kept until another owner is seen", "shard", l.shard, "owner", l.owner)
			}
			wait = l.timing.leaseRetry
		}
	}
}

// pauseBefore waits before the next attempt. It returns false when there is to be none: ctx has ended, or the lease.
func (l *lease) pauseBefore(ctx context.Context, wait time.Duration) bool {
	if l.patient() {
		pause(ctx, wait)
		return ctx.Err() == nil
	}
	left := time.Until(l.since.Add(l.cfg.LeaseTTL))
	pause(ctx, min(wait, left))
	return ctx.Err() == nil && wait < left
}

// renewOnce tries once, for a short while: an attempt that was on its way to a server that is gone is never answered.
func (l *lease) renewOnce(ctx context.Context) renewal {
	ctx, cancel := context.WithTimeout(ctx, l.timing.leaseTry)
	defer cancel()
	s, err := l.link.get()
	if err != nil {
		return unsure
	}
	since := time.Now()
	seq, err := l.publish(ctx, s, l.last)
	if isWrongLast(err) {
		// It has aged out, or an attempt whose answer we did not see went through, or it is another's.
		m, nonce, why := l.current(ctx, s)
		switch {
		case why != nil:
			return unsure
		case m == nil && l.patient():
			seq, err = l.publish(ctx, s, 0)
		case m != nil && nonce == l.nonce:
			seq, err = l.publish(ctx, s, m.Sequence)
		default:
			return lost
		}
	}
	if err != nil {
		return unsure
	}
	l.settle(seq, since)
	return renewed
}

// Unrenewed implements Leases.
func (c *client) Unrenewed(shard int, now time.Time) time.Duration {
	c.holdings.mu.Lock()
	l := c.holdings.kept[shard]
	c.holdings.mu.Unlock()
	if l == nil {
		return 0
	}
	return now.Sub(*l.renewed.Load())
}

func (h *holdings) keep(l *lease) {
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.kept == nil {
		h.kept = map[int]*lease{}
	}
	h.kept[l.shard] = l
}

func (h *holdings) drop(l *lease) {
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.kept[l.shard] == l {
		delete(h.kept, l.shard)
	}
}

package logexporter

import (
	"context"
	"sync"
	"time"

	"clew/internal/telemetry"
)

// lane is what waits to be appended to one shard.
type lane struct {
	shard  int
	linger time.Duration
	// wake holds a token when something changed that a writer may be waiting for.
	wake chan struct{}

	mu    sync.Mutex
	open  map[key]*group // the group of each key that takes records
	queue []*group       // all groups that no writer has taken, oldest first
	// expect is how many requests shared the last message of each signal: while as many have not come again, waiting a
	// little makes the next message larger.
	expect   [4]int
	lastDone time.Time             // when the last append ended
	busy     map[*writer]time.Time // appends in flight and when they began
	idle     map[key][]*telemetry.Builder
	idleLen  int
}

func newLane(shard int, linger time.Duration) *lane {
	return &lane{
		shard: shard, linger: linger, wake: make(chan struct{}, 1),
		open: map[key]*group{}, busy: map[*writer]time.Time{}, idle: map[key][]*telemetry.Builder{},
	}
}

func (l *lane) signal() {
	select {
	case l.wake <- struct{}{}:
	default:
	}
}

// join returns the open group of k, locked, making one if there is none. The caller must leave it.
func (l *lane) join(k key, now time.Time) *group {
	for {
		l.mu.Lock()
		g := l.open[k]
		if g == nil {
			g = &group{key: k, opened: now, done: make(chan struct{})}
			if k.signal != telemetry.Metrics {
				g.builder = l.builderLocked(k)
			}
			l.open[k] = g
			l.queue = append(l.queue, g)
		}
		l.mu.Unlock()
		g.mu.Lock()
		if !g.closed && !g.full {
			g.requests++
			return g
		}
		g.mu.Unlock()
		l.retire(g)
	}
}

// leave unlocks g after records were added.
func (l *lane) leave(g *group) {
	full := g.full
	g.mu.Unlock()
	if full {
		l.retire(g)
	}
	l.signal()
}

// retire makes the next join of g's key open another group.
func (l *lane) retire(g *group) {
	l.mu.Lock()
	if l.open[g.key] == g {
		delete(l.open, g.key)
	}
	l.mu.Unlock()
}

// slowSince is when the append in flight began that has been in flight longest, or zero.
func (l *lane) slowSince() time.Time {
	l.mu.Lock()
	defer l.mu.Unlock()
	var oldest time.Time
	for _, t := range l.busy {
		if oldest.IsZero() || t.Before(oldest) {
			oldest = t
		}
	}
	return oldest
}

// take waits for the group that w should append next and closes it. It returns nil when ctx ends.
func (l *lane) take(ctx context.Context, w *writer) *group {
	timer := time.NewTimer(time.Hour)
	defer timer.Stop()
	for {
		g, wait := l.pick(time.Now(), w)
		if g != nil {
			if g.close() {
				return g
			}
			l.free(w)
			continue
		}
		timer.Reset(wait)
		select {
		case <-ctx.Done():
			return nil
		case <-l.wake:
		case <-timer.C:
		}
	}
}

// pick removes a group from the queue if one is due, else says how long to wait. The oldest group is looked at first;
// a younger one that is full goes before an older one that is still gathering.
func (l *lane) pick(now time.Time, w *writer) (*group, time.Duration) {
	l.mu.Lock()
	defer l.mu.Unlock()
	wait := time.Hour
	for i, g := range l.queue {
		due := l.dueLocked(g, now)
		if due > 0 {
			wait = min(wait, due)
			continue
		}
		l.queue = append(l.queue[:i], l.queue[i+1:]...)
		if l.open[g.key] == g {
			delete(l.open, g.key)
		}
		l.busy[w] = now
		if len(l.queue) > 0 {
			l.signal() // another writer may take what is left
		}
		return g, 0
	}
	return nil, wait
}

// dueLocked is how long g should still gather; zero or less means that it should be appended now.
func (l *lane) dueLocked(g *group, now time.Time) time.Duration {
	// A request that is adding holds g.mu and signals when it is through; until the time is up, it is not waited for here.
	if g.mu.TryLock() {
		full, requests := g.full, g.requests
		g.mu.Unlock()
		if full || requests >= l.expect[g.key.signal] {
			return 0
		}
	}
	from := g.opened
	if l.lastDone.After(from) {
		from = l.lastDone
	}
	return l.linger - now.Sub(from)
}

// free says that w has no append in flight any more.
func (l *lane) free(w *writer) {
	l.mu.Lock()
	delete(l.busy, w)
	l.mu.Unlock()
}

// appended says that w's append of g has ended.
func (l *lane) appended(w *writer, g *group, now time.Time) {
	l.mu.Lock()
	delete(l.busy, w)
	l.lastDone = now
	l.expect[g.key.signal] = g.requests
	l.mu.Unlock()
}

// drop removes a group that was given up before a writer took it.
func (l *lane) drop(g *group) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.open[g.key] == g {
		delete(l.open, g.key)
	}
	for i, q := range l.queue {
		if q == g {
			l.queue = append(l.queue[:i], l.queue[i+1:]...)
			return
		}
	}
}

// oldest is the first group in the queue, or nil.
func (l *lane) oldest() *group {
	l.mu.Lock()
	defer l.mu.Unlock()
	if len(l.queue) == 0 {
		return nil
	}
	return l.queue[0]
}

// builderLocked gives an empty builder, if possible one whose dictionaries have seen this tenant's records.
func (l *lane) builderLocked(k key) *telemetry.Builder {
	if free := l.idle[k]; len(free) > 0 {
		b := free[len(free)-1]
		l.idle[k] = free[:len(free)-1]
		l.idleLen--
		return b
	}
	return telemetry.NewBuilder(k.signal, k.tenant)
}

// giveBack keeps an empty builder for the next group of its key.
func (l *lane) giveBack(k key, b *telemetry.Builder) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.idleLen >= idleBuildersMax {
		clear(l.idle) // rare, and cheaper than keeping an order of use
		l.idleLen = 0
	}
	l.idle[k] = append(l.idle[k], b)
	l.idleLen++
}

package shardlog

import (
	"context"
	"fmt"
	"sync"
	"time"
)

// guard keeps a log from acknowledging what nobody would read. Positions of a shard have a meaning up to where its owner has read or committed: a stream that was made anew, or came
// back with less than it had, gives them out again, and an owner passes over what it finds there. So an append whose position is not above what this process has been
// told does not count as a success, and the shard takes nothing more until its stream ends above.
type guard struct {
	mu     sync.Mutex
	told   map[int]Position
	unsafe map[int]time.Time // shards that take nothing, and when they are looked at again
}

// Told says that positions of a shard have a meaning up to this one.
func (c *client) Told(shard int, position Position) {
	g := &c.guard
	g.mu.Lock()
	defer g.mu.Unlock()
	if g.told == nil {
		g.told, g.unsafe = map[int]Position{}, map[int]time.Time{}
	}
	g.told[shard] = max(g.told[shard], position)
}

// before is what a position must be above that is given out from now on. due says that the shard takes nothing, and it is time to look whether that is over.
func (g *guard) before(shard int, now time.Time) (told Position, unsafe, due bool) {
	g.mu.Lock()
	defer g.mu.Unlock()
	at, unsafe := g.unsafe[shard]
	if due = unsafe && now.After(at); due {
		g.unsafe[shard] = now.Add(retryAfterBack)
	}
	return g.told[shard], unsafe, due
}

func (g *guard) close(shard int, now time.Time) {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.unsafe[shard] = now.Add(retryAfterBack)
}

func (g *guard) open(shard int) {
	g.mu.Lock()
	defer g.mu.Unlock()
	delete(g.unsafe, shard)
}

// admit returns what the position of an append must be above, or a *FullError.
func (c *client) admit(ctx context.Context, shard int) (Position, error) {
	told, unsafe, due := c.guard.before(shard, time.Now())
	if !unsafe {
		return told, nil
	}
	if due {
		if state, err := c.State(ctx, shard); err == nil && state.Last >= told {
			c.guard.open(shard)
			c.log.Info("the stream of a shard ends above what was read of it again; it takes messages", "shard", shard)
			return told, nil
		}
	}
	return 0, &FullError{
		Reason: ReasonBack, RetryAfter: retryAfterBack,
		Detail: fmt.Sprintf("its stream has stepped back behind position %d, which was read already: it takes nothing until its owner has mended it", told),
	}
}

// judge says whether an append's position may count as a success.
func (c *client) judge(shard int, p, told Position) error {
	if p > told {
		return nil
	}
	c.guard.close(shard, time.Now())
	c.counts.anomaly(AnomalySteppedBack, 1)
	c.log.Error("the stream of a shard gave out a position that it gave out before; the message does not count as written", "shard", shard, "position", p, "read_up_to", told)
	return fmt.Errorf("append: %w: it was written at position %d, and %d was read before", ErrUnknown, p, told)
}

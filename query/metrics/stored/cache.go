package stored

import (
	"container/list"
	"context"
	"errors"
	"sync"

	"clew/index"
)

// Cache keeps the series of parts, within a bound on bytes. A part's are made once, by the first who asks; the others wait.
type Cache struct {
	t   *Translator
	max int64

	mu      sync.Mutex
	entries map[string]*list.Element // of *cached, by the part's id
	recent  *list.List               // the most recently used first
	bytes   int64
}

type cached struct {
	id    string
	grows *growth    // of a head that gives its points as they are; the next four are not used
	part  index.Part // a head's parts have one id while it grows
	done  chan struct{}
	index *Index
	err   error
	bytes int64
}

// NewCache returns one that keeps about so many bytes.
func NewCache(t *Translator, bytesMax int64) *Cache {
	return &Cache{t: t, max: bytesMax, entries: map[string]*list.Element{}, recent: list.New()}
}

// Get returns a part's series.
func (c *Cache) Get(ctx context.Context, part index.Part) (*Index, error) {
	info := part.Info()
	if head, ok := part.(Growing); ok {
		return c.grown(ctx, info.ID, head)
	}
	for {
		c.mu.Lock()
		if el := c.entries[info.ID]; el != nil {
			e := el.Value.(*cached)
			if e.grows == nil && (!info.Head || e.part == part) {
				c.recent.MoveToFront(el)
				c.mu.Unlock()
				select {
				case <-e.done:
				case <-ctx.Done():
					return nil, ctx.Err()
				}
				if e.err != nil && ctx.Err() == nil && (errors.Is(e.err, context.Canceled) || errors.Is(e.err, context.DeadlineExceeded)) {
					continue // whoever made it has left
				}
				return e.index, e.err
			}
			c.removeLocked(el)
		}
		e := &cached{id: info.ID, done: make(chan struct{})}
		if info.Head {
			e.part = part
		}
		el := c.recent.PushFront(e)
		c.entries[info.ID] = el
		c.mu.Unlock()
		c.fill(ctx, el, e, part)
		return e.index, e.err
	}
}

func (c *Cache) fill(ctx context.Context, el *list.Element, e *cached, part index.Part) {
	e.index, e.err = newIndex(ctx, c.t, part)
	if ctx.Err() != nil && e.err != nil {
		e.err = ctx.Err()
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	defer close(e.done)
	if c.entries[e.id] != el {
		return // another took its place
	}
	if e.err != nil {
		c.removeLocked(el)
		return
	}
	c.weighLocked(e, e.index.bytes)
}

// grown returns a head's series.
func (c *Cache) grown(ctx context.Context, id string, part Growing) (*Index, error) {
	c.mu.Lock()
	el := c.entries[id]
	if el != nil && (el.Value.(*cached).grows == nil || el.Value.(*cached).grows.head != part.Head()) {
		c.removeLocked(el)
		el = nil
	}
	if el == nil {
		el = c.recent.PushFront(&cached{id: id, grows: newGrowth(part.Head())})
		c.entries[id] = el
	}
	c.recent.MoveToFront(el)
	c.mu.Unlock()
	e := el.Value.(*cached)
	x, err := e.grows.of(ctx, c.t, part)
	if err != nil {
		return nil, err
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.entries[id] == el {
		c.weighLocked(e, x.bytes)
	}
	return x, nil
}

// weighLocked notes what an entry takes, and forgets others if it is too much.
func (c *Cache) weighLocked(e *cached, bytes int64) {
	c.bytes += bytes - e.bytes
	e.bytes = bytes
	for c.bytes > c.max && c.recent.Len() > 1 {
		c.removeLocked(c.recent.Back())
	}
}

// removeLocked forgets an entry. Who waits for it still gets it.
func (c *Cache) removeLocked(el *list.Element) {
	e := el.Value.(*cached)
	c.recent.Remove(el)
	delete(c.entries, e.id)
	c.bytes -= e.bytes
}

// Kept says of how many parts the series are kept, and about how many bytes that takes.
func (c *Cache) Kept() (parts int, bytes int64) {
	c.mu.Lock()
	defer c.mu.Unlock()
	return len(c.entries), c.bytes
}

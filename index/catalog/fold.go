package catalog

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"sync"
	"sync/atomic"

	"clew/internal/telemetry"
)

// Catalog is the current version and the way to the next. One goroutine may apply; all other methods are safe for concurrent use.
type Catalog struct {
	current  atomic.Pointer[Version]
	caughtUp chan struct{}
	once     sync.Once // closes caughtUp

	mu   sync.Mutex
	byID map[string]*Segment
	// leaving are the segments that were removed and not yet reported dead.
	leaving map[string]bool
	dead    func([]Segment)
}

// New returns an empty catalog.
func New() *Catalog {
	c := &Catalog{byID: map[string]*Segment{}, leaving: map[string]bool{}, caughtUp: make(chan struct{})}
	v := &Version{superseded: make(chan struct{}), dead: c.onDead}
	v.refs.Store(1)
	c.current.Store(v)
	return c
}

// ConflictError says that a commit contradicts the commits before it. The log's fence keeps such commits out, so this is a hole in the stream of
// commits, or a defect.
type ConflictError struct {
	Shard int
	What  string
}

func (e *ConflictError) Error() string {
	return fmt.Sprintf("commit of shard %d contradicts the catalog: %s", e.Shard, e.What)
}

// OnDead sets what is told of segments that were removed and that no reader can meet any more. f is called by whichever goroutine lets go
// last: it must not block, and must not call back into the catalog.
func (c *Catalog) OnDead(f func([]Segment)) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.dead = f
}

func (c *Catalog) onDead(segments []Segment) {
	c.mu.Lock()
	f := c.dead
	c.mu.Unlock()
	if f != nil {
		f(segments)
	}
	// Afterwards, so that a segment on its way out is always either leaving or reported.
	c.mu.Lock()
	defer c.mu.Unlock()
	for i := range segments {
		delete(c.leaving, segments[i].ID)
	}
}

// Has says whether a segment is in the current version.
func (c *Catalog) Has(id string) bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.byID[id] != nil
}

// Leaving says whether a segment was removed while a reader may still meet it.
func (c *Catalog) Leaving(id string) bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.leaving[id]
}

// Acquire returns the current version. Its segments' objects stay until Release.
func (c *Catalog) Acquire() *Version {
	for {
		if v := c.current.Load(); v.acquire() {
			return v
		}
	}
}

// Current returns the current version for looking at positions and sizes. Objects of its segments may be deleted at any time: use Acquire to read them.
func (c *Catalog) Current() *Version { return c.current.Load() }

// Check says whether cm may follow the commits so far: nil, or a *ConflictError. An owner asks before it publishes.
func (c *Catalog) Check(cm *Commit) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.checkLocked(cm)
}

func (c *Catalog) checkLocked(cm *Commit) error {
	conflict := func(format string, args ...any) error {
		return &ConflictError{Shard: cm.Shard, What: fmt.Sprintf(format, args...)}
	}
	v := c.current.Load()
	s := v.Shard(cm.Shard)
	switch {
	case cm.Last != s.Last:
		return conflict("it follows commit %d, the last one known is %d", cm.Last, s.Last)
	case cm.Epoch < s.Epoch:
		return conflict("its epoch is %d, the last one's %d", cm.Epoch, s.Epoch)
	case cm.Floor < s.Floor:
		return conflict("its floor is %d, the last one's %d", cm.Floor, s.Floor)
	}
	for _, p := range cm.Positions {
		key := Key{Shard: cm.Shard, Signal: p.Signal, Tenant: p.Tenant}
		if have := v.Position(key); p.Position < have {
			return conflict("the position of %s of %s is %d, it was %d", p.Signal, p.Tenant, p.Position, have)
		}
	}
	for i := range cm.Added {
		if c.byID[cm.Added[i].ID] != nil {
			return conflict("segment %s exists already", cm.Added[i].ID)
		}
	}
	for _, id := range cm.Removed {
		if old := c.byID[id]; old == nil || old.Shard != cm.Shard {
			return conflict("segment %s is to be removed and is not one of the shard's", id)
		}
	}
	for _, id := range cm.Sampled {
		if old := c.byID[id]; old == nil || old.Shard != cm.Shard || old.Signal != telemetry.Metrics || old.Sampled {
			return conflict("segment %s is to be sampled and is not one of the shard's metrics, or is already", id)
		}
	}
	return nil
}

// Apply folds the commit of this sequence in. Commits that are in already are passed over. The error is a *ConflictError or says what is
// wrong with cm; nothing has changed then.
func (c *Catalog) Apply(seq uint64, cm Commit) error {
	c.mu.Lock()
	old := c.current.Load()
	if seq <= old.sequence {
		c.mu.Unlock()
		return nil
	}
	err := cm.validate()
	if err == nil {
		err = c.checkLocked(&cm)
	}
	if err != nil {
		c.mu.Unlock()
		return fmt.Errorf("apply commit %d: %w", seq, err)
	}
	v, removed := c.nextLocked(old, seq, &cm)
	c.publishLocked(old, v, removed)
	c.mu.Unlock()
	// Outside the lock: it may report dead segments, which asks for the lock.
	old.Release()
	return nil
}

// nextLocked makes the version after old. What a commit doesn't touch is shared.
func (c *Catalog) nextLocked(old *Version, seq uint64, cm *Commit) (v *Version, removed []Segment) {
	v = &Version{sequence: seq, lists: maps.Clone(old.lists), shards: maps.Clone(old.shards), segments: old.segments, deleted: old.deleted, cuts: old.cuts}
	if v.lists == nil {
		v.lists, v.shards = map[listKey]*segmentList{}, map[int]*shardState{}
	}
	changes := map[listKey]*listChange{}
	change := func(s *Segment) *listChange {
		k := listKey{s.Tenant, s.Signal}
		if changes[k] == nil {
			changes[k] = &listChange{}
		}
		return changes[k]
	}
	for i := range cm.Added {
		s := cm.Added[i]
		change(&s).add(&s)
		c.byID[s.ID] = &s
	}
	for _, id := range cm.Removed {
		s := c.byID[id]
		change(s).remove(s)
		removed = append(removed, *s)
		delete(c.byID, id)
		c.leaving[id] = true
	}
	for k, change := range changes {
		if l := v.lists[k].with(change); len(l.blocks) > 0 {
			v.lists[k] = l
		} else {
			delete(v.lists, k)
		}
	}
	v.segments += len(cm.Added) - len(cm.Removed)
	v.shards[cm.Shard] = old.shards[cm.Shard].after(seq, cm)
	if cm.Deleted != nil {
		v.deleted = addDeleted(old.deleted, *cm.Deleted)
	}
	if len(cm.Cuts) > 0 {
		v.cuts = addCuts(old.cuts, cm.Cuts)
	}
	c.sampleLocked(v, cm.Sampled)
	return v, removed
}

// addDeleted returns the sums with d added. Jobs' names ascend with time: what is forgotten beyond the bound are the oldest, whose sums have long been
// written down by whoever ran them.
func addDeleted(old map[string]int64, d Deleted) map[string]int64 {
	sums := make(map[string]int64, len(old)+1)
	maps.Copy(sums, old)
	sums[d.Job] += d.Records
	for len(sums) > deletionsMax {
		delete(sums, slices.Min(slices.Collect(maps.Keys(sums))))
	}
	return sums
}

func (s *shardState) after(seq uint64, cm *Commit) *shardState {
	n := &shardState{last: seq, epoch: cm.Epoch, floor: cm.Floor, sources: cm.Sources, positions: map[posKey]uint64{}, lost: addLosses(nil, cm.Lost)}
	if s != nil {
		n.lost = addLosses(s.lost, cm.Lost)
		for k, p := range s.positions {
			if p > n.floor {
				n.positions[k] = p
			}
		}
	}
	for _, p := range cm.Positions {
		if p.Position > n.floor {
			n.positions[posKey{p.Signal, p.Tenant}] = p.Position
		}
	}
	return n
}

// publishLocked makes v current. The caller releases old afterwards, without the lock.
func (c *Catalog) publishLocked(old, v *Version, removed []Segment) {
	v.superseded = make(chan struct{})
	v.dead = c.onDead
	v.refs.Store(2) // it is current, and old lives
	old.next, old.removed = v, removed
	c.current.Store(v)
	close(old.superseded)
}

// Wait returns once ok holds for the current version, or ctx ends.
func (c *Catalog) Wait(ctx context.Context, ok func(*Version) bool) error {
	for {
		v := c.current.Load()
		if ok(v) {
			return nil
		}
		select {
		case <-v.superseded:
		case <-ctx.Done():
			return context.Cause(ctx)
		}
	}
}

// WaitPosition waits until the key's messages up to position are in the current version's segments.
func (c *Catalog) WaitPosition(ctx context.Context, k Key, position uint64) error {
	return c.Wait(ctx, func(v *Version) bool { return v.Position(k) >= position })
}

// WaitSequence waits until the commit of this sequence has been applied.
func (c *Catalog) WaitSequence(ctx context.Context, seq uint64) error {
	return c.Wait(ctx, func(v *Version) bool { return v.sequence >= seq })
}

// Commits is where commits come from (shardlog.Commits is one).
type Commits interface {
	// Follow calls f with every commit after sequence, in order, and waits for more until ctx ends or f fails. caughtUp is called once when
	// all that existed at the call has been given.
	Follow(ctx context.Context, after uint64, f func(seq uint64, shard int, data []byte) error, caughtUp func()) error
}

// Follow applies commits until ctx ends (which is no error) or one can't be applied. Only one call may run at a time.
func (c *Catalog) Follow(ctx context.Context, commits Commits) error {
	apply := func(seq uint64, shard int, data []byte) error {
		cm, err := DecodeCommit(data)
		if err == nil && cm.Shard != shard {
			err = fmt.Errorf("it says shard %d and came as shard %d", cm.Shard, shard)
		}
		if err != nil {
			return fmt.Errorf("commit %d: %w", seq, err)
		}
		return c.Apply(seq, cm)
	}
	err := commits.Follow(ctx, c.Current().Sequence(), apply, func() { c.once.Do(func() { close(c.caughtUp) }) })
	if err == nil || ctx.Err() != nil && errors.Is(err, ctx.Err()) {
		return nil
	}
	return fmt.Errorf("follow commits: %w", err)
}

// CaughtUp is closed once Follow has applied all commits that existed when it was called.
func (c *Catalog) CaughtUp() <-chan struct{} { return c.caughtUp }

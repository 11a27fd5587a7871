package ingest

import (
	"context"
	"fmt"
	"maps"
	"sync"
	"time"

	"clew/index/catalog"
	"clew/index/segment"
)

// pendingIDs are the segments that are being written or committed here: no commit names them yet, and they are no remains.
type pendingIDs struct {
	mu  sync.Mutex
	ids map[string]bool
}

func (p *pendingIDs) add(id string) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.ids == nil {
		p.ids = map[string]bool{}
	}
	p.ids[id] = true
}

func (p *pendingIDs) remove(id string) {
	p.mu.Lock()
	defer p.mu.Unlock()
	delete(p.ids, id)
}

func (p *pendingIDs) has(id string) bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.ids[id]
}

// deadSegments are removed segments that no reader here holds any more. Their objects wait for readers elsewhere.
type deadSegments struct {
	mu   sync.Mutex
	list []deadSegment // in order of since
}

type deadSegment struct {
	catalog.Segment
	since time.Time
}

func (d *deadSegments) add(segments []catalog.Segment) {
	d.mu.Lock()
	defer d.mu.Unlock()
	now := time.Now()
	for _, s := range segments {
		d.list = append(d.list, deadSegment{s, now})
	}
}

// first returns the longest dead segment if it died before a time.
func (d *deadSegments) first(before time.Time) (deadSegment, bool) {
	d.mu.Lock()
	defer d.mu.Unlock()
	if len(d.list) == 0 || d.list[0].since.After(before) {
		return deadSegment{}, false
	}
	return d.list[0], true
}

func (d *deadSegments) each(f func(id string)) {
	d.mu.Lock()
	defer d.mu.Unlock()
	for _, s := range d.list {
		f(s.ID)
	}
}

func (d *deadSegments) drop() {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.list = d.list[1:]
}

// deleteDead deletes the objects of segments that died long enough ago, in shards owned here; the others are their owners' to delete. What a
// crash prevents, Collect makes up for.
func (in *Ingest) deleteDead(ctx context.Context, now time.Time) error {
	in.tidying.Lock()
	defer in.tidying.Unlock()
	for {
		s, found := in.dead.first(now.Add(-in.cfg.DeleteAfter))
		if !found {
			return nil
		}
		if in.owner(s.Shard) != nil {
			if err := segment.Delete(ctx, in.store, s.ID); err != nil {
				return err
			}
			in.step("deleted")
		}
		in.dead.drop()
	}
}

// Collect deletes objects of segments that no commit names, of shards owned here, and returns how many segments that were: what crashes left between
// writing and committing, or between removing and deleting. Younger ones than Config.CollectAfter may be somebody's yet.
func (in *Ingest) Collect(ctx context.Context, now time.Time) (int, error) {
	objects, err := in.store.List(ctx, segment.Prefix)
	if err != nil {
		return 0, fmt.Errorf("collect unused objects: %w", err)
	}
	remains := map[string]bool{}
	for _, o := range objects {
		id, ok := segment.IDOf(o.Name)
		if !ok {
			continue
		}
		shard, _, created, err := segment.ParseID(id)
		// An id is pending until the catalog has it, so asking in this order misses none.
		if err == nil && in.owner(shard) != nil && now.Sub(created) >= in.cfg.CollectAfter && !in.pending.has(id) {
			remains[id] = true
		}
	}
	v := in.catalog.Acquire()
	for s := range v.All() {
		delete(remains, s.ID)
	}
	v.Release()
	// From the catalog a segment goes to Leaving and from there to dead, so asking in this order misses none either.
	maps.DeleteFunc(remains, func(id string, _ bool) bool { return in.catalog.Leaving(id) })
	in.dead.each(func(id string) { delete(remains, id) }) // deleteDead's, when their time has come
	for id := range remains {
		if err := segment.Delete(ctx, in.store, id); err != nil {
			return 0, fmt.Errorf("collect unused objects: %w", err)
		}
		in.log.Info("removed the objects of a segment that no commit names", "segment", id)
		in.metrics.collected.Inc()
	}
	return len(remains), nil
}

// checkpoint writes the catalog down after so many commits, and lets the log forget those that two snapshots hold. One owner does it
// for all: the first shard's.
func (in *Ingest) checkpoint(ctx context.Context, commits uint64) error {
	in.tidying.Lock()
	defer in.tidying.Unlock()
	sequence := in.catalog.Current().Sequence()
	if in.owner(0) == nil || sequence < in.checkpointed+commits {
		return nil
	}
	upTo, err := in.catalog.Checkpoint(ctx, in.store)
	if err != nil {
		return err
	}
	in.checkpointed = sequence
	in.step("checkpointed")
	if upTo == 0 {
		return nil
	}
	return in.commits.Purge(ctx, upTo)
}

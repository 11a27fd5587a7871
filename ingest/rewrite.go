package ingest

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"clew/index"
	"clew/index/catalog"
	"clew/index/segment"
	"clew/ingest/deletion"
	"clew/ingest/pace"
	"clew/internal/clock"
)

// rewriter is what the one goroutine that rewrites segments knows: it runs deletions first, then compaction.
type rewriter struct {
	wake  chan struct{} // holds one token when there is something to do at once
	state atomic.Value  // string, for Status
	look  atomic.Bool   // there may be deletions that are not done; the store knows

	mu       sync.Mutex
	setAside map[string]time.Time // segments that could not be merged: when to try again
	planned  uint64               // the catalog's sequence when there was last nothing to merge, and
	at       time.Time            // when that was
	failures map[string]string    // why the last attempt at a deletion failed
	next     time.Time            // when to look for deletions though nobody has said that there are any; zero: never
}

func newRewriter() *rewriter {
	r := &rewriter{wake: make(chan struct{}, 1), setAside: map[string]time.Time{}, failures: map[string]string{}}
	r.state.Store("idle")
	r.wakeUp() // what a crash has left is begun with
	return r
}

// wakeUp says that there may be deletions to do.
func (r *rewriter) wakeUp() {
	r.look.Store(true)
	select {
	case r.wake <- struct{}{}:
	default:
	}
}

// lookAt makes there be a look at the store, at the latest then.
func (r *rewriter) lookAt(at time.Time) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.next.IsZero() || at.Before(r.next) {
		r.next = at
	}
}

// due says whether there is to be a look at the store.
func (r *rewriter) due(now time.Time) bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	if !r.next.IsZero() && now.After(r.next) {
		r.next = time.Time{}
		return true
	}
	return false
}

// only forgets the failures of deletions that are done, by whomever.
func (r *rewriter) only(jobs []deletion.State) {
	r.mu.Lock()
	defer r.mu.Unlock()
	maps.DeleteFunc(r.failures, func(id, _ string) bool {
		return !slices.ContainsFunc(jobs, func(s deletion.State) bool { return s.ID == id })
	})
}

// failed notes how an attempt at a deletion ended.
func (r *rewriter) failed(id string, err error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if delete(r.failures, id); err != nil {
		r.failures[id] = err.Error()
	}
}

func (r *rewriter) failure(id string) string {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.failures[id]
}

// urgent says whether a merge should give way.
func (r *rewriter) urgent() bool { return r.look.Load() }

// rewriteAll is the goroutine.
func (in *Ingest) rewriteAll(ctx context.Context) {
	tick := time.NewTicker(rewriteEvery)
	defer tick.Stop()
	for {
		select {
		case <-tick.C:
		case <-in.rewriter.wake:
		case <-ctx.Done():
			return
		}
		if in.deleteAll(ctx) && in.cfg.Compaction.Share > 0 {
			in.compactAll(ctx, clock.Now())
		}
	}
}

// deleteAll is runDeletions, unless it is known that there are none.
func (in *Ingest) deleteAll(ctx context.Context) (done bool) {
	look := in.rewriter.look.Swap(false) // before the store is asked: a request that comes meanwhile sets it again
	if !look && !in.rewriter.due(time.Now()) {
		return true
	}
	if in.peers != nil {
		in.rewriter.lookAt(time.Now().Add(deletionsLook))
	}
	if done = in.runDeletions(ctx); !done {
		in.rewriter.look.Store(true)
	}
	return done
}

// replacement is a step from segments of a shard to one with the same records, or fewer; or to one of a coarser resolution beside them.
type replacement struct {
	reason  string
	old     []*catalog.Segment // of one signal and tenant
	parts   []index.Part       // what the new segment is made of; none: there is no new one
	level   int
	deleted *catalog.Deleted
	sampled time.Duration // not 0: old stay, and are sampled; the new one is of this resolution
}

// replace writes the new segment and puts it into the place of the old ones, in one commit that changes no position. Until the commit the new objects
// are nobody's, and after it the old ones are; both are collected. A *goneError says that an old one was removed meanwhile: nothing has changed then.
func (in *Ingest) replace(ctx context.Context, o *owner, r replacement, p *pace.Pace) (*catalog.Segment, error) {
	s, err := in.rewrite(ctx, o, r, p)
	if err != nil {
		return nil, err
	}
	in.step("rewritten")
	err = o.commit(ctx, r.reason, nil, func(cm *catalog.Commit) {
		if s != nil {
			cm.Added = []catalog.Segment{*s}
		}
		for _, old := range r.old {
			if r.sampled > 0 {
				cm.Sampled = append(cm.Sampled, old.ID)
			} else {
				cm.Removed = append(cm.Removed, old.ID)
			}
		}
		cm.Deleted = r.deleted
	})
	switch {
	case s == nil:
	case errors.As(err, new(*goneError)):
		in.discard(ctx, s.ID)
	default:
		// After a failure the commit may be there all the same. If it is not, Collect finds the objects.
		in.pending.remove(s.ID)
	}
	if err != nil {
		return nil, err
	}
	if r.sampled > 0 {
		in.step("sampled")
		return s, nil
	}
	in.step("replaced")
	in.removed(r.old)
	return s, nil
}

// rewrite writes the new segment's objects; its id is pending afterwards.
func (in *Ingest) rewrite(ctx context.Context, o *owner, r replacement, p *pace.Pace) (*catalog.Segment, error) {
	if len(r.parts) == 0 {
		return nil, nil
	}
	first := r.old[0]
	id := segment.NewID(o.shard, first.Signal, clock.Now().UTC())
	in.pending.add(id)
	replaces := make([]string, len(r.old))
	for i, old := range r.old {
		replaces[i] = old.ID
	}
	opt := segment.Options{Replaces: replaces}
	if r.sampled > 0 {
		opt = segment.Options{Samples: replaces, Resolution: r.sampled}
	} else if first.Resolution > 0 {
		opt.Resolution = first.Resolution
	}
	stats, err := segment.Write(ctx, p.Store(in.store), id, r.parts, opt)
	if err != nil {
		in.discard(ctx, id)
		return nil, fmt.Errorf("rewrite segments of %s of %s: %w", first.Signal, first.Tenant, err)
	}
	s := &catalog.Segment{
		ID: id, Shard: o.shard, Signal: first.Signal, Tenant: first.Tenant, Rows: stats.Rows, Records: stats.Records,
		MinTime: stats.MinTime, MaxTime: stats.MaxTime, Bytes: stats.Bytes, Level: r.level, Created: first.Created,
		Resolution: first.Resolution, Sampled: first.Sampled,
	}
	if r.sampled > 0 {
		s.Resolution, s.Sampled = r.sampled, false
	}
	for _, old := range r.old {
		if old.Created.After(s.Created) {
			s.Created = old.Created // as old as its records: what is rewritten is not kept longer for it
		}
	}
	return s, nil
}

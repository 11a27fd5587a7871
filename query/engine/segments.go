package engine

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"sync"
	"time"

	"clew/index"
	"clew/index/catalog"
	"clew/index/segment"
	"clew/index/store"
	"clew/internal/telemetry"
)

// Heads gives what is not in segments yet. ingest implements it for the shards of its own process.
type Heads interface {
	// Heads returns the views of all shards that hold records of the tenant and signal. With an error, the views are those that could
	// be had.
	Heads(ctx context.Context, tenant string, signal telemetry.Signal) ([]index.HeadView, error)
}

// Segments is the Source over the catalog's segments and the heads. A segment is opened once, when a query first needs it, and shared.
type Segments struct {
	catalog *catalog.Catalog
	store   store.Store
	cache   *segment.Cache
	heads   Heads // nil: none
	log     *slog.Logger

	mu    sync.Mutex
	open  map[string]*opening
	swept uint64 // the catalog's sequence when open was last compared with it
}

// opening is a segment, or the attempt to open one.
type opening struct {
	done  chan struct{} // closed when segment or err is set
	seg   *segment.Segment
	err   error
	retry time.Time // after err: when to try again
	since time.Time // after err: when it was first met
	// tries is how often a segment that queries found damaged has been looked at again; 0: it could not be opened in the first place.
	tries    int
	checking bool // it is being looked at again
}

// NewSegments returns the source. cache may be nil, heads too.
func NewSegments(c *catalog.Catalog, st store.Store, cache *segment.Cache, heads Heads, log *slog.Logger) *Segments {
	return &Segments{catalog: c, store: st, cache: cache, heads: heads, log: log, open: map[string]*opening{}}
}

// View implements Source. The heads' views come first and the catalog's version after them, so that what a head gives up in between is
// in the version's segments; generations that the version holds already are dropped.
func (s *Segments) View(ctx context.Context, tenant string, signal telemetry.Signal, from, to int64) (*View, error) {
	v := &View{}
	var heads []index.HeadView
	if s.heads != nil {
		var err error
		if heads, err = s.heads.Heads(ctx, tenant, signal); err != nil {
			if ctx.Err() != nil {
				return nil, ctx.Err()
			}
			v.Partial = append(v.Partial, "unsealed records: "+err.Error())
		}
	}
	version, err := s.version(ctx, heads, tenant, signal)
	if err != nil {
		return nil, err
	}
	v.Version = version.Sequence()
	v.Release = version.Release
	for _, h := range heads {
		position := version.Position(catalog.Key{Shard: h.Shard, Signal: signal, Tenant: tenant})
		if position < h.Committed {
			v.Partial = append(v.Partial, fmt.Sprintf("shard %d: its head has given up records to position %d, the catalog knows only %d",
				h.Shard, h.Committed, position))
		}
		for _, g := range h.Generations {
			if g.To > position {
				v.Parts = append(v.Parts, g.Part)
			}
		}
	}
	segments := version.Segments(tenant, signal, from, to)
	parts := make([]index.Part, len(segments))
	reasons := make([]error, len(segments))
	var wg sync.WaitGroup
	limit := make(chan struct{}, opensAtOnce)
	for i, seg := range segments {
		if p := s.ready(seg.ID); p != nil {
			parts[i] = p
			continue
		}
		wg.Go(func() {
			limit <- struct{}{}
			defer func() { <-limit }()
			if p, err := s.get(ctx, seg.ID); err != nil {
				reasons[i] = err
			} else {
				parts[i] = p
			}
		})
	}
	wg.Wait()
	if ctx.Err() != nil {
		version.Release()
		return nil, ctx.Err()
	}
	for i := range segments {
		if reasons[i] != nil {
			v.Partial = append(v.Partial, reasons[i].Error())
		} else {
			v.Parts = append(v.Parts, parts[i])
		}
	}
	s.sweep(version)
	return v, nil
}

// version acquires a version of the catalog that has all that the heads have given up; if it does not come in time, the current one.
func (s *Segments) version(ctx context.Context, heads []index.HeadView, tenant string, signal telemetry.Signal) (*catalog.Version, error) {
	v := s.catalog.Acquire()
	for _, h := range heads {
		key := catalog.Key{Shard: h.Shard, Signal: signal, Tenant: tenant}
		if v.Position(key) >= h.Committed {
			continue
		}
		v.Release()
		wait, cancel := context.WithTimeout(ctx, positionWait)
		err := s.catalog.WaitPosition(wait, key, h.Committed)
		cancel()
		if err != nil && ctx.Err() != nil {
			return nil, ctx.Err()
		}
		v = s.catalog.Acquire()
	}
	return v, nil
}

// ready returns a segment that is open already.
func (s *Segments) ready(id string) index.Part {
	s.mu.Lock()
	defer s.mu.Unlock()
	if o := s.open[id]; o != nil && o.seg != nil {
		return o.seg
	}
	return nil
}

// get opens a segment, or waits for who is opening it. A failure is remembered for a while.
func (s *Segments) get(ctx context.Context, id string) (index.Part, error) {
	s.mu.Lock()
	o := s.open[id]
	switch due := o != nil && o.err != nil && time.Now().After(o.retry); {
	case due && o.tries > 0:
		s.recheckLocked(id, o)
	case o == nil || due:
		since := time.Time{}
		if due {
			since = o.since
		}
		o = &opening{since: since, done: make(chan struct{})}
		s.open[id] = o
		s.mu.Unlock()
		s.openNow(ctx, id, o)
		s.mu.Lock()
	}
	s.mu.Unlock()
	select {
	case <-o.done:
	case <-ctx.Done():
		return nil, ctx.Err()
	}
	s.mu.Lock()
	err := o.err
	s.mu.Unlock()
	switch {
	case err == nil:
		return o.seg, nil
	case errors.Is(err, context.Canceled) || errors.Is(err, context.DeadlineExceeded):
		if ctx.Err() == nil { // it was another query's that ended while it was opening
			return s.get(ctx, id)
		}
	}
	return nil, err
}

func (s *Segments) openNow(ctx context.Context, id string, o *opening) {
	seg, err := segment.Open(ctx, s.store, id, s.cache)
	s.mu.Lock()
	defer s.mu.Unlock()
	o.seg, o.err, o.retry = seg, err, time.Now().Add(openRetryAfter)
	first := o.since.IsZero()
	if first {
		o.since = time.Now()
	}
	switch {
	case err == nil || !first:
	case ctx.Err() != nil: // says nothing about the segment
		delete(s.open, id)
	default:
		s.log.Warn("segment cannot be opened, answers are partial", "segment", id, "error", err)
	}
	close(o.done)
}

// sweep forgets segments that the catalog has no more. Queries of older versions keep what they hold.
func (s *Segments) sweep(v *catalog.Version) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if v.Sequence() == s.swept || len(s.open) <= v.Len() {
		return
	}
	s.swept = v.Sequence()
	live := make(map[string]bool, v.Len())
	for seg := range v.All() {
		live[seg.ID] = true
	}
	for id, o := range s.open {
		if !live[id] && (o.seg != nil || o.err != nil) {
			delete(s.open, id)
			if s.cache != nil {
				s.cache.Forget(id)
			}
		}
	}
}

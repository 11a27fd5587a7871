package parts

import (
	"container/list"
	"context"
	"fmt"
	"log/slog"
	"sync"
	"time"

	"clew/index"
	"clew/index/catalog"
	"clew/index/segment"
	"clew/index/store"
	"clew/index/traceindex"
	"clew/internal/telemetry"
)

// Heads gives what is not in segments yet. ingest implements it for the shards of its own process.
type Heads interface {
	// Heads returns the views of all shards that hold records of the tenant and signal. With an error, the views are those that could
	// be had.
	Heads(ctx context.Context, tenant string, signal telemetry.Signal) ([]index.HeadView, error)
}

// Elsewhere gives the views of the heads of other processes.
type Elsewhere interface {
	// HeadsElsewhere is Heads for the shards that other processes own. What it gives may be read until release is called, once.
	HeadsElsewhere(ctx context.Context, tenant string, signal telemetry.Signal) (views []index.HeadView, release func(), err error)
}

// Segments is the Source over the catalog's segments and the heads. A segment is opened when a query first needs it, shared by all that do, and stays open
// while there is room (opened.go).
type Segments struct {
	catalog *catalog.Catalog
	store   store.Store
	cache   *segment.Cache
	heads   Heads             // nil: none
	others  Elsewhere         // nil: all heads are this process's
	traces  *traceindex.Index // nil: none
	log     *slog.Logger

	mu      sync.Mutex
	now     func() time.Time
	open    map[string]*opening
	bytes   int64      // of metadata of the open segments
	most    int64      // bytes from which on those that nobody uses are given up
	unused  *list.List // of *opening that are open and in no view, the most recently used first
	evicted uint64
	swept   uint64 // the catalog's sequence when open was last compared with it
}

// NewSegments returns the source. cache may be nil, heads too.
func NewSegments(c *catalog.Catalog, st store.Store, cache *segment.Cache, heads Heads, log *slog.Logger) *Segments {
	return &Segments{catalog: c, store: st, cache: cache, heads: heads, log: log, now: time.Now, open: map[string]*opening{}, unused: list.New(), most: openBytesMax}
}

// UseTraces makes views of records with certain trace ids leave out the segments that ix knows to hold none. It is called before the first query.
func (s *Segments) UseTraces(ix *traceindex.Index) { s.traces = ix }

// UseElsewhere makes whole views have the heads of other processes too. It is called before the first query.
func (s *Segments) UseElsewhere(e Elsewhere) { s.others = e }

// UseClock makes now the time by which it is decided when a segment that could not be read is looked at again.
func (s *Segments) UseClock(now func() time.Time) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.now = now
}

// View implements Source. The heads' views come first and the catalog's version after them, so that what a head gives up in between is
// in the version's segments; generations that the version holds already are dropped.
func (s *Segments) View(ctx context.Context, scope Scope) (*View, error) {
	if scope.Share != nil {
		return s.shareView(ctx, scope)
	}
	v := &View{}
	tenant, signal := scope.Tenant, scope.Signal
	heads, done, err := s.headViews(ctx, tenant, signal, v)
	if err != nil {
		return nil, err
	}
	version, err := s.version(ctx, heads, tenant)
	if err != nil {
		done()
		return nil, err
	}
	v.Version = version.Sequence()
	v.Partial = append(v.Partial, LostIn(version, scope)...)
	for _, h := range heads {
		if s.others != nil && h.Epoch < version.Shard(h.Shard).Epoch {
			v.Partial = append(v.Partial, "unsealed records: "+(&OwnerError{Shard: h.Shard, Epoch: h.Epoch}).Error())
			continue
		}
		position := version.Position(catalog.Key{Shard: h.Shard, Signal: h.Signal, Tenant: tenant})
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
	var segments []*catalog.Segment
	segments, v.Skipped = s.pick(version, scope)
	if scope.Resolutions {
		v.Cut = func(resolution time.Duration) int64 { return version.Cut(tenant, resolution) }
		v.Stages = make([]Stage, len(v.Parts), len(v.Parts)+len(segments)) // heads
	}
	held := s.fill(ctx, v, scope, segments)
	v.Release = func() {
		version.Release()
		s.release(held)
		done()
	}
	if ctx.Err() != nil {
		v.Release()
		return nil, ctx.Err()
	}
	s.sweep(version)
	return v, nil
}

// headViews are the views of all heads, until done is called. What they lack is said in v.
func (s *Segments) headViews(ctx context.Context, tenant string, signal telemetry.Signal, v *View) (heads []index.HeadView, done func(), err error) {
	done = func() {}
	lacks := func(err error) {
		if err != nil {
			v.Partial = append(v.Partial, "unsealed records: "+err.Error())
		}
	}
	if s.heads != nil {
		heads, err = s.heads.Heads(ctx, tenant, signal)
		lacks(err)
	}
	if s.others != nil {
		own := len(heads)
		views, release, err := s.others.HeadsElsewhere(ctx, tenant, signal)
		lacks(err)
		heads, done = append(heads[:own:own], views...), release
	}
	if ctx.Err() != nil {
		done()
		return nil, nil, ctx.Err()
	}
	return heads, done, nil
}

// fill adds segments to a view, but those that are left to others. It returns what the view holds.
func (s *Segments) fill(ctx context.Context, v *View, scope Scope, segments []*catalog.Segment) (held []*opening) {
	left := make([]bool, len(segments))
	if scope.Leave != nil {
		left = scope.Leave(segments)
	}
	read := make([]*catalog.Segment, 0, len(segments))
	for i, segment := range segments {
		if !left[i] {
			read = append(read, segment)
		}
	}
	held, reasons := s.hold(ctx, read)
	if ctx.Err() != nil {
		return held
	}
	next := 0
	for i, segment := range segments {
		if left[i] {
			v.Left = append(v.Left, Left{segment, len(v.Parts)})
			continue
		}
		if reasons[next] == nil && scope.Resolutions {
			v.Stages = append(v.Stages, Stage{segment.Resolution, segment.Sampled})
		}
		v.add(held[next], reasons[next])
		next++
	}
	return held
}

// add adds a segment that is open, or says why it is not.
func (v *View) add(held *opening, reason error) {
	if reason != nil {
		v.Partial = append(v.Partial, reason.Error())
	} else {
		v.Parts = append(v.Parts, held.seg)
	}
}

// version acquires a version of the catalog that has all that the heads have given up; if it does not come in time, the current one.
func (s *Segments) version(ctx context.Context, heads []index.HeadView, tenant string) (*catalog.Version, error) {
	v := s.catalog.Acquire()
	for _, h := range heads {
		key := catalog.Key{Shard: h.Shard, Signal: h.Signal, Tenant: tenant}
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

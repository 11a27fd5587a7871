package parts

import (
	"container/list"
	"context"
	"errors"
	"sync"
	"sync/atomic"
	"time"

	"clew/index/catalog"
	"clew/index/segment"
)

// Open segments are metadata in memory. Views hold those that they are of; what no view holds stays open until there is too much of it, and goes in the
// order in which it was used.

// opening is a segment, or the attempt to open one. Segments.mu guards it once done is closed.
type opening struct {
	id    string
	done  chan struct{} // closed when seg or err is set
	seg   *segment.Segment
	err   error
	retry time.Time // after err: when to try again
	since time.Time // after err: when it was first met
	// tries is how often a segment that queries found damaged has been looked at again; 0: it could not be opened in the first place.
	tries    int
	checking bool // it is being looked at again

	bytes  int64
	views  int           // that hold it
	unused *list.Element // in Segments.unused; nil: it is not there
}

// hold opens what is not open of segments and holds it for a view: for each there is an opening, or the reason why not.
func (s *Segments) hold(ctx context.Context, segments []*catalog.Segment) (held []*opening, reasons []error) {
	held, reasons = make([]*opening, len(segments)), make([]error, len(segments))
	var missing []int
	s.mu.Lock()
	for i, seg := range segments {
		if o := s.open[seg.ID]; o != nil && o.seg != nil {
			s.holdLocked(o)
			held[i] = o
		} else {
			missing = append(missing, i)
		}
	}
	s.mu.Unlock()
	var next atomic.Int64
	var wg sync.WaitGroup
	for range min(opensAtOnce, len(missing)) {
		wg.Go(func() {
			for n := int(next.Add(1)) - 1; n < len(missing) && ctx.Err() == nil; n = int(next.Add(1)) - 1 {
				i := missing[n]
				held[i], reasons[i] = s.get(ctx, segments[i].ID)
			}
		})
	}
	wg.Wait()
	return held, reasons
}

func (s *Segments) holdLocked(o *opening) {
	o.views++
	if o.unused != nil {
		s.unused.Remove(o.unused)
		o.unused = nil
	}
}

// release ends a view's hold.
func (s *Segments) release(held []*opening) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, o := range held {
		if o != nil {
			s.releaseLocked(o)
		}
	}
	s.evictLocked()
}

func (s *Segments) releaseLocked(o *opening) {
	if o.views--; o.views == 0 && s.open[o.id] == o {
		o.unused = s.unused.PushFront(o)
	}
}

// keepLocked makes a segment that has just been opened known, and holds it.
func (s *Segments) keepLocked(o *opening, seg *segment.Segment) {
	o.seg, o.bytes, o.views = seg, seg.MetadataBytes(), 1
	s.open[o.id] = o
	s.bytes += o.bytes
	s.evictLocked()
}

// evictLocked gives up the segments that have been in no view for longest, until there are few enough bytes.
func (s *Segments) evictLocked() {
	for s.bytes > s.most && s.unused.Len() > 0 {
		s.forgetLocked(s.unused.Back().Value.(*opening)) // nothing else is put there
		s.evicted++
	}
}

// forgetLocked takes a segment out of the open ones. Views that hold it keep it.
func (s *Segments) forgetLocked(o *opening) {
	if o.unused != nil {
		s.unused.Remove(o.unused)
		o.unused = nil
	}
	if s.open[o.id] == o {
		s.bytes -= o.bytes
		delete(s.open, o.id)
	}
}

// get opens a segment, or waits for who is opening it, and holds it. A failure is remembered for a while.
func (s *Segments) get(ctx context.Context, id string) (*opening, error) {
	s.mu.Lock()
	o := s.open[id]
	switch due := o != nil && o.err != nil && s.now().After(o.retry); {
	case due && o.tries > 0:
		s.recheckLocked(o)
	case o == nil || due:
		since := time.Time{}
		if due {
			since = o.since
		}
		o = &opening{id: id, since: since, done: make(chan struct{})}
		s.open[id] = o
		s.mu.Unlock()
		if s.openNow(ctx, o) {
			return o, nil
		}
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
	if err == nil {
		s.holdLocked(o)
	}
	s.mu.Unlock()
	switch {
	case err == nil:
		return o, nil
	case errors.Is(err, context.Canceled) || errors.Is(err, context.DeadlineExceeded):
		if ctx.Err() == nil { // it was another query's that ended while it was opening
			return s.get(ctx, id)
		}
	}
	return nil, err
}

// openNow opens a segment, and holds it if that goes well.
func (s *Segments) openNow(ctx context.Context, o *opening) bool {
	seg, err := segment.Open(ctx, s.store, o.id, s.cache)
	s.mu.Lock()
	defer s.mu.Unlock()
	defer close(o.done)
	if err == nil {
		s.keepLocked(o, seg)
		return true
	}
	o.err, o.retry = err, s.now().Add(openRetryAfter)
	first := o.since.IsZero()
	if first {
		o.since = s.now()
	}
	switch {
	case !first:
	case ctx.Err() != nil: // says nothing about the segment
		delete(s.open, o.id)
	default:
		s.log.Warn("segment cannot be opened, answers are partial", "segment", o.id, "error", err)
	}
	return false
}

// opened returns a segment that is open already; nil: it is not.
func (s *Segments) opened(id string) *segment.Segment {
	s.mu.Lock()
	defer s.mu.Unlock()
	if o := s.open[id]; o != nil {
		return o.seg
	}
	return nil
}

// Forget gives up what is in memory of segments that the catalog has no more. Queries of older versions keep what they hold.
func (s *Segments) Forget(ids []string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, id := range ids {
		if o := s.open[id]; o != nil && (o.seg != nil || o.err != nil) {
			s.forgetLocked(o)
		}
		if s.cache != nil {
			s.cache.Forget(id)
		}
	}
}

// sweep forgets segments that the catalog has no more, where nobody has said so (Forget).
func (s *Segments) sweep(v *catalog.Version) {
	s.mu.Lock()
	if v.Sequence() == s.swept || len(s.open) <= v.Len() {
		s.mu.Unlock()
		return
	}
	s.swept = v.Sequence()
	live := make(map[string]bool, v.Len())
	for seg := range v.All() {
		live[seg.ID] = true
	}
	var gone []string
	for id := range s.open {
		if !live[id] {
			gone = append(gone, id)
		}
	}
	s.mu.Unlock()
	s.Forget(gone)
}

// OpenStats are the figures of the open segments.
type OpenStats struct {
	Segments int
	Bytes    int64 // of their metadata
	Evicted  uint64
}

// OpenStats returns the figures.
func (s *Segments) OpenStats() OpenStats {
	s.mu.Lock()
	defer s.mu.Unlock()
	n := 0
	for _, o := range s.open {
		if o.seg != nil {
			n++
		}
	}
	return OpenStats{Segments: n, Bytes: s.bytes, Evicted: s.evicted}
}

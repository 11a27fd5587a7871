package parts

import (
	"cmp"
	"context"
	"path"
	"slices"
	"strings"
	"time"

	"clew/index"
	"clew/index/segment"
)

// A segment in which a query meets damage is set aside: views leave it out and say so, at the cost of one look at a map. After a while it is
// read whole, beside the queries, since its objects may have been put back; if every checksum is right it is in views again.

// Aside is a segment that answers leave out.
type Aside struct {
	Segment string    `json:"segment"`
	Reason  string    `json:"reason"` // file, place and cause
	Since   time.Time `json:"since"`
	Retry   time.Time `json:"retry"` // when it is looked at again, at the earliest
}

// SetAside are the segments that are left out at present, by id.
func (s *Segments) SetAside() []Aside {
	s.mu.Lock()
	defer s.mu.Unlock()
	out := []Aside{}
	for id, o := range s.open {
		if o.err != nil {
			out = append(out, Aside{Segment: id, Reason: o.err.Error(), Since: o.since, Retry: o.retry})
		}
	}
	slices.SortFunc(out, func(a, b Aside) int { return cmp.Compare(a.Segment, b.Segment) })
	return out
}

// PutAside leaves the segment that damage was met in out of views, if it is one of ours, and has it looked at again later. It is called
// by who reads views.
func (s *Segments) PutAside(damage *index.DamageError) {
	base := path.Base(damage.File)
	id := strings.TrimSuffix(base, path.Ext(base))
	s.mu.Lock()
	defer s.mu.Unlock()
	if o := s.open[id]; o == nil || o.seg == nil {
		return // not ours, or out already
	}
	now := s.now()
	done := make(chan struct{})
	close(done)
	s.forgetLocked(s.open[id])
	s.open[id] = &opening{id: id, done: done, err: damage, since: now, retry: now.Add(openRetryAfter), tries: 1}
	if s.cache != nil {
		s.cache.Forget(id)
	}
	s.log.Warn("segment is damaged and set aside, answers are partial", "segment", id, "error", damage)
}

// recheckLocked looks at a segment again that is aside, beside the queries.
func (s *Segments) recheckLocked(o *opening) {
	if o.checking {
		return
	}
	o.checking = true
	go func() {
		ctx, cancel := context.WithTimeout(context.Background(), recheckTimeout)
		defer cancel()
		seg, err := segment.Open(ctx, s.store, o.id, s.cache)
		if err == nil {
			err = seg.Verify(ctx)
		}
		s.mu.Lock()
		defer s.mu.Unlock()
		if s.open[o.id] != o {
			return // swept in between
		}
		if err != nil {
			s.open[o.id] = &opening{
				id: o.id, done: o.done, err: err, since: o.since, tries: o.tries + 1, retry: s.now().Add(openRetryAfter << min(o.tries, recheckDoublings)),
			}
			return
		}
		s.log.Info("segment is whole again", "segment", o.id)
		whole := &opening{id: o.id, done: o.done}
		s.keepLocked(whole, seg)
		s.releaseLocked(whole)
	}()
}

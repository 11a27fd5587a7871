package traceindex

import (
	"context"
	"errors"
	"fmt"
	"math/bits"
	"slices"
)

// Traces are the traces of a segment.
type Traces struct {
	Segment string
	Hashes  []uint32 // hashOf each trace's id, ascending, each once
}

// add makes the index cover segments, which must not be covered yet: at most runSegmentsMax, of runEntriesMax traces. Where there is no room for all, the
// first ones are taken; that is no error.
func (x *Index) add(batch []Traces) error {
	room := x.limits.Entries - x.Stats().Entries
	entries := int64(0)
	var segments []runSegment
	for _, t := range batch {
		n := int64(len(t.Hashes))
		if entries+n > room {
			break
		}
		entries += n
		segments = append(segments, runSegment{id: t.Segment, entries: uint32(n)})
	}
	x.count(len(batch)-len(segments), 0)
	if batch = batch[:len(segments)]; len(batch) == 0 {
		return nil
	}
	pairs := make([]uint64, 0, entries)
	for i, t := range batch {
		for _, h := range t.Hashes {
			pairs = append(pairs, uint64(h)<<16|uint64(i))
		}
	}
	slices.Sort(pairs)
	w, err := newRunWriter(x.dir, entries, segments)
	if err != nil {
		return fmt.Errorf("trace index: %w", err)
	}
	for _, p := range pairs {
		w.add(uint32(p>>16), int(uint16(p)))
	}
	r, err := w.finish()
	if err != nil {
		return fmt.Errorf("trace index: %w", err)
	}
	x.mu.Lock()
	defer x.mu.Unlock()
	x.install(r)
	return nil
}

// retain drops what is about segments that there are no more, as far as that is worth it: a run that is all of such, and a run that is so by half is
// written anew.
func (x *Index) retain(ctx context.Context, live func(id string) bool) error {
	for _, r := range x.current() {
		gone, entries := 0, int64(0)
		for _, s := range r.segments {
			if live(s.id) {
				entries += int64(s.entries)
			} else {
				gone++
			}
		}
		switch {
		case gone == len(r.segments):
			x.mu.Lock()
			if slices.Contains(x.runs, r) {
				x.removeLocked(r)
			}
			x.mu.Unlock()
		case 2*entries < r.entries || 2*gone > len(r.segments):
			if err := x.merge(ctx, []*run{r}, live); err != nil {
				return err
			}
		}
	}
	return nil
}

func (x *Index) current() []*run {
	x.mu.RLock()
	defer x.mu.RUnlock()
	return slices.Clone(x.runs)
}

// tidy merges runs of about a size until there are few of each.
func (x *Index) tidy(ctx context.Context, live func(id string) bool) error {
	for {
		like := x.crowd()
		if like == nil {
			return nil
		}
		if err := x.merge(ctx, like, live); err != nil {
			return err
		}
	}
}

// crowd returns runs that had better be one; nil: there are none.
func (x *Index) crowd() []*run {
	runs := x.current()
	slices.SortFunc(runs, func(a, b *run) int { return int(a.entries - b.entries) })
	for len(runs) > 0 {
		tier := tierOf(runs[0].entries)
		var like []*run
		segments, entries := 0, int64(0)
		n := 0
		for ; n < len(runs) && tierOf(runs[n].entries) == tier; n++ {
			r := runs[n]
			if segments+len(r.segments) <= runSegmentsMax && entries+r.entries <= runEntriesMax {
				like = append(like, r)
				segments += len(r.segments)
				entries += r.entries
			}
		}
		if len(like) >= mergeRuns {
			return like
		}
		runs = runs[n:]
	}
	return nil
}

// tierOf is the order of size of a run.
func tierOf(entries int64) int { return bits.Len64(uint64(entries/tierEntries)) / 2 }

// merge makes one run of several, without what is about segments that are gone. Lookups go on meanwhile. A run that turns out to be damaged is dropped, and
// the others stay as they are.
func (x *Index) merge(ctx context.Context, from []*run, live func(id string) bool) error {
	merged, err := x.merged(ctx, from, live)
	var bad *badRun
	switch {
	case errors.As(err, &bad):
		x.drop(bad.run, bad.why)
		return nil
	case err != nil:
		return fmt.Errorf("trace index: merge: %w", err)
	}
	x.mu.Lock()
	defer x.mu.Unlock()
	for _, r := range from {
		if !slices.Contains(x.runs, r) { // a lookup found it damaged in between
			return merged.remove()
		}
	}
	for _, r := range from {
		x.removeLocked(r)
	}
	x.install(merged)
	return nil
}

// badRun says which run could not be read.
type badRun struct {
	run *run
	why error
}

func (e *badRun) Error() string { return e.why.Error() }

// merged writes the run that others become.
func (x *Index) merged(ctx context.Context, from []*run, live func(id string) bool) (*run, error) {
	var segments []runSegment
	entries := int64(0)
	readers := make([]*runReader, len(from))
	for i, r := range from {
		readers[i] = &runReader{run: r, bucket: -1, numbers: make([]int, len(r.segments))}
		for j, s := range r.segments {
			if readers[i].numbers[j] = -1; live(s.id) {
				readers[i].numbers[j] = len(segments)
				segments = append(segments, s)
				entries += int64(s.entries)
			}
		}
	}
	w, err := newRunWriter(x.dir, entries, segments)
	if err != nil {
		return nil, err
	}
	for _, r := range readers {
		if err := r.next(); err != nil {
			return nil, w.abandon(&badRun{r.run, err})
		}
	}
	for n := 0; ; n++ {
		if n&0xffff == 0 && ctx.Err() != nil {
			return nil, w.abandon(ctx.Err())
		}
		var first *runReader
		for _, r := range readers {
			if !r.ended && (first == nil || r.hash < first.hash) {
				first = r
			}
		}
		if first == nil {
			return w.finish()
		}
		w.add(first.hash, first.number)
		if err := first.next(); err != nil {
			return nil, w.abandon(&badRun{first.run, err})
		}
	}
}

// runReader reads the entries of a run in order.
type runReader struct {
	run     *run
	numbers []int // of the segments in the run that is written; -1: gone
	bucket  int
	buf     []byte
	entries []byte // that are left of the bucket

	hash   uint32
	number int
	ended  bool
}

// next goes on to the next entry of a segment that is not gone.
func (r *runReader) next() error {
	for {
		for len(r.entries) == 0 {
			if r.bucket++; r.bucket == 1<<r.run.bits {
				r.ended = true
				return nil
			}
			var err error
			if r.entries, err = r.run.bucket(r.bucket, r.buf[:cap(r.buf)]); err != nil {
				return err
			}
			r.buf = r.entries
		}
		rest, number := r.run.entry(r.entries)
		r.entries = r.entries[r.run.entryBytes():]
		if number >= len(r.numbers) {
			return &damageError{fmt.Sprintf("segment %d of %d", number, len(r.numbers))}
		}
		if r.number = r.numbers[number]; r.number >= 0 {
			r.hash = uint32(uint64(r.bucket)<<(hashBits-r.run.bits)) | rest
			return nil
		}
	}
}

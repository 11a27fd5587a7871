package nearby

import (
	"context"
	"sync"

	"clew/index/store"
)

// ReadRange implements store.RangeReader.
func (s *Store) ReadRange(ctx context.Context, name string, p []byte, off int64) (n int, size int64, err error) {
	if err := store.CheckName(name); err != nil {
		return 0, 0, err
	}
	for {
		if err := ctx.Err(); err != nil {
			return 0, 0, err
		}
		n, size, err := s.read(ctx, name, p, off)
		if err != nil && isCancelled(err) && ctx.Err() == nil {
			continue // it was another reader's flight, who has left
		}
		return n, size, err
	}
}

// want is a block that a read needs.
type want struct {
	block  int64
	cached bool
	mine   bool // this read fetches it
	*flight
}

// read reads once: from the disk what is there, the rest from the far store.
func (s *Store) read(ctx context.Context, name string, p []byte, off int64) (n int, size int64, err error) {
	wants, size, ahead := s.plan(name, off, int64(max(len(p), 1)))
	s.fetch(ctx, name, wants)
	for _, w := range wants {
		if !w.cached {
			continue
		}
		data, diskErr := s.disk.read(blockID{name, w.block}, size)
		if diskErr == nil {
			n += copyBlock(p, off, w.block, data)
			continue
		}
		s.damaged(blockID{name, w.block})
		lost := []want{{block: w.block, mine: true, flight: &flight{done: make(chan struct{})}}}
		s.fetch(ctx, name, lost)
		if err := lost[0].err; err != nil {
			return 0, 0, err
		}
		n += copyBlock(p, off, w.block, lost[0].data)
	}
	for _, w := range wants {
		if w.cached {
			continue
		}
		select {
		case <-w.done:
		case <-ctx.Done():
			return 0, 0, ctx.Err()
		}
		if w.err != nil {
			return 0, 0, w.err
		}
		size = w.size
		n += copyBlock(p, off, w.block, w.data)
	}
	if ahead > 0 && ahead < size {
		s.Prefetch(name, store.Range{Off: ahead, N: aheadBytes})
	}
	return n, size, nil
}

// copyBlock copies what p (the object's bytes from off) and a block have in common, and says how much.
func copyBlock(p []byte, off, number int64, data []byte) int {
	start := number * blockBytes
	if start >= off {
		if start-off >= int64(len(p)) {
			return 0
		}
		return copy(p[start-off:], data)
	}
	if off-start >= int64(len(data)) {
		return 0
	}
	return copy(p, data[off-start:])
}

// plan says which blocks hold the n bytes from off, and takes those upon it that are neither here nor on their way. size is 0 while it is not known. ahead
// is from where to read ahead; 0: not.
func (s *Store) plan(name string, off, n int64) (wants []want, size, ahead int64) {
	s.mu.Lock()
	defer s.mu.Unlock()
	first, last := off/blockBytes, (off+n-1)/blockBytes
	o := s.objects[name]
	if o != nil {
		size = o.size
		// Beyond the end there is nothing to fetch; the last block is asked for all the same, for it tells the size.
		end := max(0, (size-1)/blockBytes)
		first, last = min(first, end), min(last, end)
		if first == o.last+1 || first == o.last && last > first {
			ahead = (last + 1) * blockBytes
		}
		o.last = last
	}
	for b := first; b <= last; b++ {
		id := blockID{name, b}
		if o != nil {
			if e := o.blocks[b]; e != nil {
				s.recent.MoveToFront(e)
				s.counts.Hits++
				wants = append(wants, want{block: b, cached: true})
				continue
			}
		}
		s.counts.Misses++
		f := s.flights[id]
		mine := f == nil
		if mine {
			f = &flight{done: make(chan struct{})}
			s.flights[id] = f
		}
		wants = append(wants, want{block: b, mine: mine, flight: f})
	}
	return wants, size, ahead
}

// fetch fetches this read's own blocks, several runs at once, and lands their flights.
func (s *Store) fetch(ctx context.Context, name string, wants []want) {
	runs := runsOf(wants)
	var wg sync.WaitGroup
	for i, run := range runs {
		if i == len(runs)-1 {
			s.fetchRun(ctx, name, run) // one of them here: mostly there is one
			break
		}
		wg.Go(func() { s.fetchRun(ctx, name, run) })
	}
	wg.Wait()
}

// runsOf groups the blocks to be fetched into requests.
func runsOf(wants []want) [][]want {
	var runs [][]want
	var run []want
	for _, w := range wants {
		if !w.mine {
			continue
		}
		if len(run) > 0 && (w.block-run[len(run)-1].block > gapBlocks+1 || (w.block-run[0].block+1)*blockBytes > fetchBytesMax) {
			runs = append(runs, run)
			run = nil
		}
		run = append(run, w)
	}
	if len(run) > 0 {
		runs = append(runs, run)
	}
	return runs
}

func (s *Store) fetchRun(ctx context.Context, name string, run []want) {
	start := run[0].block * blockBytes
	buffer := make([]byte, (run[len(run)-1].block+1)*blockBytes-start)
	n, size, err := s.far.ReadRange(ctx, name, buffer, start)
	buffer = buffer[:n]
	for _, w := range run {
		id := blockID{name, w.block}
		var bytes int64
		if err == nil {
			w.size = size
			if from := w.block*blockBytes - start; from < int64(n) {
				w.data = buffer[from:min(from+blockBytes, int64(n))]
			}
			var failed error
			if bytes, failed = s.disk.write(id, size, w.data); failed != nil {
				bytes = 0
			}
		}
		w.err = err
		s.mu.Lock()
		if err == nil && bytes > 0 {
			s.addLocked(id, size, bytes)
		} else if err == nil {
			s.counts.WriteErrors++
		}
		if s.flights[id] == w.flight {
			delete(s.flights, id)
		}
		s.mu.Unlock()
		close(w.done)
	}
	s.mu.Lock()
	s.counts.Fetches++
	s.mu.Unlock()
}

// damaged drops a block that can't be used.
func (s *Store) damaged(id blockID) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if o := s.objects[id.name]; o != nil {
		if e := o.blocks[id.block]; e != nil {
			s.counts.Damaged++
			s.removeLocked(e)
		}
	}
}

// Prefetch implements store.Prefetcher.
func (s *Store) Prefetch(name string, ranges ...store.Range) {
	if store.CheckName(name) != nil || s.base.Err() != nil {
		return
	}
	select {
	case s.ahead <- struct{}{}:
	default:
		s.mu.Lock()
		s.counts.PrefetchDropped++
		s.mu.Unlock()
		return
	}
	wants := s.planAhead(name, ranges)
	if len(wants) == 0 {
		<-s.ahead
		return
	}
	s.work.Go(func() {
		defer func() { <-s.ahead }()
		s.fetch(s.base, name, wants)
	})
}

// planAhead is plan for a guess: it counts apart, wakes nothing and wants only what is missing.
func (s *Store) planAhead(name string, ranges []store.Range) (wants []want) {
	s.mu.Lock()
	defer s.mu.Unlock()
	o := s.objects[name]
	if o == nil {
		return nil // nobody has read it yet
	}
	room := int64(prefetchBytesMax / blockBytes)
	for _, r := range ranges {
		first, last := r.Off/blockBytes, (r.Off+r.N-1)/blockBytes
		for b := first; b <= min(last, (o.size-1)/blockBytes) && room > 0; b++ {
			id := blockID{name, b}
			if o.blocks[b] == nil && s.flights[id] == nil {
				f := &flight{done: make(chan struct{})}
				s.flights[id] = f
				wants = append(wants, want{block: b, mine: true, flight: f})
				room--
			}
		}
	}
	if len(wants) > 0 {
		s.counts.Prefetches++
	}
	return wants
}

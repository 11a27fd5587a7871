// Package nearby keeps blocks of far objects on the local disk. Objects never change, so a block that is here is right for as long as it is here.
//
// A block is a file: a header with a checksum, then up to 256 KiB of the object. It is written beside its name and renamed, without fsync: what a crash leaves
// is found out by the checksum and is a miss. Blocks that were not read for longest go first; the order survives a restart as the files' times. What is
// put through a Store is kept on its way, so that what has just been sealed is here.
//
// A read fetches what it lacks with as few requests as make sense: neighbouring blocks in one, small gaps included, large runs in several at once; two reads
// that lack the same block fetch it once. Who reads on from block to block is read ahead of.
package nearby

import (
	"container/list"
	"context"
	"errors"
	"fmt"
	"io"
	"sync"

	"clew/index/store"
)

// Store is a store whose blocks are kept near. All methods are safe for concurrent use.
type Store struct {
	far   store.RangeReader
	disk  *disk
	base  context.Context // of prefetches; ends with Close
	stop  context.CancelFunc
	ahead chan struct{}
	work  sync.WaitGroup

	mu      sync.Mutex
	objects map[string]*object
	recent  *list.List // of *block, most recently read first
	bytes   int64
	flights map[blockID]*flight
	counts  Stats
}

// object is what is known of a far object.
type object struct {
	size   int64
	blocks map[int64]*list.Element
	last   int64 // block that was read last
}

type blockID struct {
	name  string
	block int64
}

// block is a block on disk.
type block struct {
	blockID
	bytes int64 // of its file
}

// flight is a block on its way here. data, size and err are set when done is closed; data is nil if the object ends before the block.
type flight struct {
	done chan struct{}
	data []byte
	size int64
	err  error
}

var (
	_ store.RangeReader = (*Store)(nil)
	_ store.Prefetcher  = (*Store)(nil)
)

// Stats are a Store's figures since it was opened.
type Stats struct {
	Bytes, BytesMax int64 // on disk
	Blocks          int
	Hits, Misses    uint64 // blocks
	Evictions       uint64
	Damaged         uint64 // blocks that were not what had been written
	WriteErrors     uint64 // blocks that could not be kept
	Fetches         uint64 // requests to the far store for blocks
	Prefetches      uint64 // fetches ahead
	PrefetchDropped uint64 // that were not made because too many were under way
}

// Open opens the directory, with what an earlier process kept in it.
func Open(far store.RangeReader, dir string, bytesMax int64) (*Store, error) {
	s := &Store{
		far: far, disk: &disk{root: dir}, ahead: make(chan struct{}, prefetchesMax),
		objects: map[string]*object{}, recent: list.New(), flights: map[blockID]*flight{}, counts: Stats{BytesMax: bytesMax},
	}
	s.base, s.stop = context.WithCancel(context.Background())
	found, err := s.disk.load()
	if err != nil {
		return nil, fmt.Errorf("open cache %s: %w", dir, err)
	}
	for _, f := range found { // oldest first
		s.addLocked(f.blockID, f.size, f.bytes)
	}
	return s, nil
}

// Close ends prefetches. What is kept stays.
func (s *Store) Close() {
	s.stop()
	s.work.Wait()
}

// Stats returns the figures.
func (s *Store) Stats() Stats {
	s.mu.Lock()
	defer s.mu.Unlock()
	st := s.counts
	st.Bytes, st.Blocks = s.bytes, s.recent.Len()
	return st
}

// addLocked enters a block that is on disk, and makes room for it.
func (s *Store) addLocked(id blockID, size, bytes int64) {
	o := s.objects[id.name]
	if o == nil {
		o = &object{size: size, blocks: map[int64]*list.Element{}, last: -2}
		s.objects[id.name] = o
	}
	if _, is := o.blocks[id.block]; is {
		return
	}
	o.blocks[id.block] = s.recent.PushFront(&block{id, bytes})
	s.bytes += bytes
	for s.bytes > s.counts.BytesMax {
		s.counts.Evictions++
		s.removeLocked(s.recent.Back())
	}
}

func (s *Store) removeLocked(e *list.Element) {
	b := s.recent.Remove(e).(*block)
	s.bytes -= b.bytes
	o := s.objects[b.name]
	delete(o.blocks, b.block)
	s.disk.remove(b.blockID, o.size)
	if len(o.blocks) == 0 {
		delete(s.objects, b.name)
	}
}

// forget drops all of an object.
func (s *Store) forget(name string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if o := s.objects[name]; o != nil {
		for _, e := range o.blocks {
			s.removeLocked(e)
		}
	}
	s.disk.removeObject(name)
}

// Put implements store.Store.
func (s *Store) Put(ctx context.Context, name string, write func(w io.Writer) error) (int64, error) {
	if err := store.CheckName(name); err != nil {
		return 0, err
	}
	s.forget(name)
	kept := s.disk.newPut(name)
	defer kept.discard()
	size, err := s.far.Put(ctx, name, func(w io.Writer) error {
		return write(io.MultiWriter(w, kept))
	})
	if err != nil {
		return size, err
	}
	blocks, err := kept.finish(size)
	s.mu.Lock()
	defer s.mu.Unlock()
	if err != nil {
		s.counts.WriteErrors++
	}
	for _, b := range blocks {
		s.addLocked(b.blockID, size, b.bytes)
	}
	return size, nil
}

// ReadAt implements store.Store.
func (s *Store) ReadAt(ctx context.Context, name string, p []byte, off int64) error {
	n, _, err := s.ReadRange(ctx, name, p, off)
	if err == nil && n < len(p) {
		return fmt.Errorf("read %s at %d: %d of %d bytes: %w", name, off, n, len(p), io.ErrUnexpectedEOF)
	}
	return err
}

// Size implements store.Store. An object's length comes with its first block, which is what will be read next.
func (s *Store) Size(ctx context.Context, name string) (int64, error) {
	if err := store.CheckName(name); err != nil {
		return 0, err
	}
	if err := ctx.Err(); err != nil {
		return 0, err
	}
	s.mu.Lock()
	if o := s.objects[name]; o != nil {
		defer s.mu.Unlock()
		return o.size, nil
	}
	s.mu.Unlock()
	_, size, err := s.ReadRange(ctx, name, make([]byte, 1), 0)
	return size, err
}

// Delete implements store.Store.
func (s *Store) Delete(ctx context.Context, name string) error {
	if err := s.far.Delete(ctx, name); err != nil {
		return err
	}
	s.forget(name)
	return nil
}

// List implements store.Store.
func (s *Store) List(ctx context.Context, prefix string) ([]store.Object, error) {
	return s.far.List(ctx, prefix)
}

// isCancelled says whether a flight failed because of who made it, not because of the store.
func isCancelled(err error) bool {
	return errors.Is(err, context.Canceled) || errors.Is(err, context.DeadlineExceeded)
}

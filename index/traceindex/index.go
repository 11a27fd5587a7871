// Package traceindex says which segments may hold a trace, without opening any: a trace id without times is looked for in the few segments that have it, and
// not in all of its tenant.
//
// The index is sets of pairs (32 bits of the trace id's hash, segment), in runs: files sorted by hash, cut into buckets by the hash's upper bits, each with a
// checksum. A lookup reads one bucket of each run, some 500 bytes. A pair is found wrongly if two traces share the 32 bits: among n pairs
// that happens n/2^32 times a lookup, 0.02 times with 100 million. Small runs are merged into larger ones, and pairs of segments that are gone
// are left out then.
//
// It is a cache of the query role: what it does not cover is searched as if there were no index, and a damaged run is dropped and made anew from its
// segments. It never leaves out a segment that it does not know in full.
package traceindex

import (
	"errors"
	"fmt"
	"log/slog"
	"math"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"

	"clew/index/catalog"
	"clew/internal/telemetry"
)

// Index is the index. Pick, Covers and Stats may be called by anyone at any time; Add and Retain by one goroutine.
type Index struct {
	dir    string
	limits Limits
	log    *slog.Logger

	mu      sync.RWMutex // held for reading while buckets are read: who holds it for writing may close runs
	runs    []*run
	covered map[string]bool // segments whose pairs are in runs
	epoch   uint64          // changes whenever covered does
	stats   Stats           // the counters of it

	listsMu sync.Mutex
	lists   map[listKey]*list
}

type listKey struct {
	tenant string
	signal telemetry.Signal
}

// list is which segments of a tenant and signal are not covered, in a version of the catalog.
type list struct {
	sequence, epoch uint64
	uncovered       map[*catalog.Segment]bool
}

// Open opens the index in dir, or makes one. Files that are damaged or of another version are removed: the feeder makes their content anew.
func Open(dir string, limits Limits, log *slog.Logger) (*Index, error) {
	if err := os.MkdirAll(dir, 0o750); err != nil {
		return nil, fmt.Errorf("open trace index: %w", err)
	}
	files, err := os.ReadDir(dir)
	if err != nil {
		return nil, fmt.Errorf("open trace index: %w", err)
	}
	x := &Index{dir: dir, limits: limits, log: log, covered: map[string]bool{}, lists: map[listKey]*list{}}
	for _, f := range files {
		name := filepath.Join(dir, f.Name())
		if strings.HasSuffix(name, tempSuffix) {
			_ = os.Remove(name) // of a crash; if it can't be removed it is in nobody's way
			continue
		}
		if !strings.HasSuffix(name, runSuffix) {
			continue
		}
		r, err := openRun(name)
		if err == nil && x.repeats(r) { // a crash between the merged run and the removal of the old ones
			err = errors.Join(errRepeated, r.file.Close())
		}
		if err != nil {
			log.Info("a file of the trace index is not used and made anew", "file", name, "error", err)
			if err := os.Remove(name); err != nil {
				return nil, fmt.Errorf("open trace index: %w", err)
			}
			continue
		}
		x.install(r)
	}
	return x, nil
}

var errRepeated = errors.New("its segments are in another file too")

func (x *Index) repeats(r *run) bool {
	return slices.ContainsFunc(r.segments, func(s runSegment) bool { return x.covered[s.id] })
}

// Close closes the files. Nobody may use the index then.
func (x *Index) Close() error {
	x.mu.Lock()
	defer x.mu.Unlock()
	var err error
	for _, r := range x.runs {
		err = errors.Join(err, r.file.Close())
	}
	x.runs, x.covered = nil, map[string]bool{}
	return err
}

func (x *Index) install(r *run) {
	x.runs = append(x.runs, r)
	for _, s := range r.segments {
		x.covered[s.id] = true
	}
	x.epoch++
}

// Covers says whether the segment is in the index.
func (x *Index) Covers(id string) bool {
	x.mu.RLock()
	defer x.mu.RUnlock()
	return x.covered[id]
}

// Pick leaves of a version's segments those that may hold one of the traces, given by vocabulary.Hash of their ids. segments must be of v, and of the
// tenant and signal. Where there are so few segments that looking would cost more than it spares, all are left.
func (x *Index) Pick(v *catalog.Version, tenant string, signal telemetry.Signal, segments []*catalog.Segment, traces []uint64) []*catalog.Segment {
	for {
		picked, bad, err := x.pick(v, listKey{tenant, signal}, segments, traces)
		if bad == nil {
			return picked
		}
		x.drop(bad, err)
	}
}

func (x *Index) pick(v *catalog.Version, k listKey, segments []*catalog.Segment, traces []uint64) (picked []*catalog.Segment, bad *run, err error) {
	x.mu.RLock()
	defer x.mu.RUnlock()
	if len(traces)*len(x.runs) > lookupsPerSegment*len(segments) {
		return segments, nil, nil
	}
	found := map[string]bool{}
	for _, r := range x.runs {
		for _, t := range traces {
			if err := r.lookup(t, func(id string) { found[id] = true }); err != nil {
				return nil, r, err
			}
		}
	}
	uncovered := x.uncovered(v, k)
	for _, s := range segments {
		if found[s.ID] || uncovered[s] {
			picked = append(picked, s)
		}
	}
	return picked, nil, nil
}

// uncovered are the segments of a tenant and signal that the index does not know. x.mu is held for reading.
func (x *Index) uncovered(v *catalog.Version, k listKey) map[*catalog.Segment]bool {
	x.listsMu.Lock()
	l := x.lists[k]
	x.listsMu.Unlock()
	if l != nil && l.sequence == v.Sequence() && l.epoch == x.epoch {
		return l.uncovered
	}
	l = &list{sequence: v.Sequence(), epoch: x.epoch, uncovered: map[*catalog.Segment]bool{}}
	for _, s := range v.Segments(k.tenant, k.signal, math.MinInt64, math.MaxInt64) {
		if !x.covered[s.ID] {
			l.uncovered[s] = true
		}
	}
	x.listsMu.Lock()
	defer x.listsMu.Unlock()
	if len(x.lists) >= listsMax {
		clear(x.lists)
	}
	x.lists[k] = l
	return l.uncovered
}

// drop takes a run out that is damaged. Its segments are not covered any more.
func (x *Index) drop(r *run, why error) {
	x.mu.Lock()
	defer x.mu.Unlock()
	if !slices.Contains(x.runs, r) {
		return // somebody else was first
	}
	x.stats.Damaged++
	x.log.Warn("a file of the trace index is damaged; it is made anew from its segments, and answers are right meanwhile", "file", r.file.Name(), "error", why)
	x.removeLocked(r)
}

// removeLocked takes a run out and deletes its file.
func (x *Index) removeLocked(r *run) {
	for _, s := range r.segments {
		delete(x.covered, s.id)
	}
	x.runs = slices.DeleteFunc(x.runs, func(o *run) bool { return o == r })
	x.epoch++
	if err := r.remove(); err != nil {
		x.log.Warn("a file of the trace index can't be removed", "file", r.file.Name(), "error", err)
	}
}

// Stats are an index's figures.
type Stats struct {
	Runs     int
	Segments int   // covered
	Entries  int64 // pairs of trace and segment
	Bytes    int64 // on disk
	Memory   int64 // about, of directories and names

	// Since the start: runs that were dropped, and segments that were not taken because the index was full or they could not be read. (They may have been
	// met more than once.)
	Damaged, Full, Unreadable uint64
}

// Stats returns the figures.
func (x *Index) Stats() Stats {
	x.mu.RLock()
	defer x.mu.RUnlock()
	s := x.stats
	s.Runs, s.Segments = len(x.runs), len(x.covered)
	for _, r := range x.runs {
		s.Entries += r.entries
		s.Bytes += r.bytes
		s.Memory += r.memory()
	}
	return s
}

// full says whether nothing more is taken.
func (x *Index) full() bool { return x.Stats().Entries >= x.limits.Entries }

// count counts what was not taken.
func (x *Index) count(full, unreadable int) {
	x.mu.Lock()
	defer x.mu.Unlock()
	x.stats.Full += uint64(full)
	x.stats.Unreadable += uint64(unreadable)
}

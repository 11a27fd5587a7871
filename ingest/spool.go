package ingest

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"
	"time"

	"clew/index"
	"clew/index/catalog"
	"clew/index/segment"
	"clew/index/store"
	"clew/internal/telemetry"
)

// Spool is where segments wait on the local disk for their upload to a store that is not here. Sealing is local then: it goes on while the store is away,
// frees the heads' memory, and what waits stays searchable. A local segment is uncommitted, and the log keeps its records: the spool may be lost at any
// time, and what a crash leaves in it is removed at the next start.
type Spool struct {
	Dir *store.Dir
	// BytesMax bounds what waits. Past it heads stay in memory, up to Config.FrozenBytes, and then the log is not read on.
	BytesMax int64
	// Uploads is how many segments are uploaded at a time.
	Uploads int
	// Cache serves the reading of local segments; nil: none.
	Cache *segment.Cache
}

// spool counts what is in the Spool.
type spool struct {
	Spool

	mu       sync.Mutex
	bytes    int64
	segments int
	full     bool  // a segment was turned away
	failing  error // why the last upload failed; nil: it did not
	since    time.Time
}

// errSpoolFull says that a head has to wait for uploads.
var errSpoolFull = errors.New("the spool is full: segments wait for the object store")

// localSegment is a generation's segments in the spool. It is the generation's content in place of the rows that were in memory.
type localSegment struct {
	rows     *localFile // nil: no record was kept
	counted  *localFile // nil: nothing was counted
	failures int
}

// localFile is one of them.
type localFile struct {
	*segment.Segment
	entry    catalog.Segment
	objects  store.Store // holds the two objects open: they can be read even when they are deleted
	uploaded bool
}

// files are those that there are.
func (l *localSegment) files() []*localFile {
	return slices.DeleteFunc([]*localFile{l.rows, l.counted}, func(f *localFile) bool { return f == nil })
}

// entries are what the catalog is to know of them.
func (l *localSegment) entries() (segments []*catalog.Segment) {
	for _, f := range l.files() {
		segments = append(segments, &f.entry)
	}
	return segments
}

var errSealed = errors.New("nothing can be appended to a sealed generation")

func (l *localSegment) append(*telemetry.Batch, []bool, time.Time) error { return errSealed }

func (l *localSegment) count(context.Context, *telemetry.Batch, []bool) error { return errSealed }

func (l *localSegment) part(context.Context) (index.Part, error) {
	if l.rows == nil {
		return nil, nil // nobody asks for the rows of a generation that has none
	}
	return l.rows.Segment, nil
}

func (l *localSegment) counts(context.Context, index.Part) (index.Part, error) {
	if l.counted == nil {
		return nil, nil
	}
	return l.counted.Segment, nil
}

func (l *localSegment) records() int {
	if l.rows == nil {
		return 0
	}
	return l.rows.entry.Records
}

func (l *localSegment) bytes() int64 { return 0 } // of memory

// clear removes what an earlier process left, and says how many segments that were.
func (s *spool) clear(ctx context.Context) (segments int, err error) {
	objects, err := s.Dir.List(ctx, "")
	for _, o := range objects {
		err = errors.Join(err, s.Dir.Delete(ctx, o.Name))
		if id, ok := segment.IDOf(o.Name); ok {
			if _, indexName := segment.Names(id); o.Name == indexName {
				segments++
			}
		}
	}
	if err != nil {
		return segments, fmt.Errorf("clear the spool: %w", err)
	}
	return segments, nil
}

// admit says whether there is room for another segment.
func (s *spool) admit() error {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.full = s.bytes >= s.BytesMax || s.segments >= spoolSegmentsMax
	if s.full {
		return errSpoolFull
	}
	return nil
}

// roomAgain says whether a segment was turned away and would not be now.
func (s *spool) roomAgain() bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	if !s.full || s.bytes >= s.BytesMax || s.segments >= spoolSegmentsMax {
		return false
	}
	s.full = false
	return true
}

// open opens a generation's segments, which have just been written. signal is the records'.
func (s *spool) open(ctx context.Context, signal telemetry.Signal, segments []*catalog.Segment) (*localSegment, error) {
	l := &localSegment{}
	for _, entry := range segments {
		f, err := s.openFile(ctx, *entry)
		if err != nil {
			return nil, err
		}
		if entry.Signal == signal {
			l.rows = f
		} else {
			l.counted = f
		}
	}
	return l, nil
}

func (s *spool) openFile(ctx context.Context, entry catalog.Segment) (*localFile, error) {
	parquet, indexName := segment.Names(entry.ID)
	objects, err := s.Dir.Hold(parquet, indexName)
	if err != nil {
		return nil, err
	}
	opened, err := segment.Open(ctx, objects, entry.ID, s.Cache)
	if err != nil {
		return nil, err
	}
	return &localFile{Segment: opened, entry: entry, objects: objects}, nil
}

func (s *spool) added(l *localSegment) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, f := range l.files() {
		s.bytes += f.entry.Bytes
		s.segments++
	}
}

// remove deletes a segment that has been committed, or whose owner is gone. Queries that are reading it go on: they hold its files.
func (s *spool) remove(f *localFile) error {
	s.mu.Lock()
	s.bytes -= f.entry.Bytes
	s.segments--
	s.mu.Unlock()
	return segment.Delete(context.Background(), s.Dir, f.entry.ID)
}

// uploadFailed notes a failure and says whether it is the first of a row.
func (s *spool) uploadFailed(err error, now time.Time) (first bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if first = s.failing == nil; first {
		s.since = now
	}
	s.failing = err
	return first
}

// uploadSucceeded notes a success, and says since when uploads had failed; zero: they had not.
func (s *spool) uploadSucceeded() (failedSince time.Time) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.failing != nil {
		failedSince = s.since
	}
	s.failing = nil
	return failedSince
}

// isFailing says whether the last upload failed.
func (s *spool) isFailing() bool {
	if s == nil {
		return false
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.failing != nil
}

// SpoolStatus is what waits on the local disk for the object store.
type SpoolStatus struct {
	Segments int   `json:"segments"`
	Bytes    int64 `json:"bytes"`
	BytesMax int64 `json:"bytes_max"`
	// Error is why uploads fail, since Failing.
	Error   string    `json:"error,omitempty"`
	Failing time.Time `json:"failing_since,omitzero"`
}

func (s *spool) status() *SpoolStatus {
	if s == nil {
		return nil
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	st := &SpoolStatus{Segments: s.segments, Bytes: s.bytes, BytesMax: s.BytesMax}
	if s.failing != nil {
		st.Error, st.Failing = s.failing.Error(), s.since.UTC()
	}
	return st
}

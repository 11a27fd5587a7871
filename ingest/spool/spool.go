package spool

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

// Config says where segments wait, and how many.
type Config struct {
	Dir *store.Dir // of nothing else
	// BytesMax bounds what waits. Past it heads stay in memory, up to the ingest's FrozenBytes, and then the log is not read on.
	BytesMax int64
	// Uploads is how many segments are uploaded at a time.
	Uploads int
	// Cache serves the reading of local segments; nil: none.
	Cache *segment.Cache
}

// Spool is where segments wait for their upload, and counts them. It is safe for concurrent use.
type Spool struct {
	Config

	mu       sync.Mutex
	bytes    int64
	segments int
	full     bool  // a segment was turned away
	failing  error // why the last upload failed; nil: it did not
	since    time.Time
}

// ErrFull says that a head has to wait for uploads.
var errSpoolFull = errors.New("the spool is full: segments wait for the object store")

// Local is a generation's segments in the spool. It is the generation's content in place of the rows that were in memory: nothing can be appended to it.
type Local struct {
	rows     *File // nil: no record was kept
	counted  *File // nil: nothing was counted
	Failures int   // of uploads, in a row
}

// File is one of them.
type File struct {
	*segment.Segment
	Entry    catalog.Segment // what the catalog is to know of it
	Objects  store.Store     // holds the two objects open: they can be read even when they are deleted
	Uploaded bool            // to the store, whole
}

// Files are those that there are.
func (l *Local) Files() []*File {
	return slices.DeleteFunc([]*File{l.rows, l.counted}, func(f *File) bool { return f == nil })
}

// Entries are what the catalog is to know of them.
func (l *Local) Entries() (segments []*catalog.Segment) {
	for _, f := range l.Files() {
		segments = append(segments, &f.Entry)
	}
	return segments
}

// Sound reads a local segment whole and compares it with its checksums. Until it is committed the log has its records too, and afterwards nothing has: it may
// have waited for hours, so it is looked at before.
func (f *File) Sound(ctx context.Context) error {
	s, err := segment.Open(ctx, f.Objects, f.Entry.ID, nil)
	if err != nil {
		return err
	}
	return s.Verify(ctx)
}

var errSealed = errors.New("nothing can be appended to a sealed generation")

func (l *Local) Append(*telemetry.Batch, []bool, time.Time) error { return errSealed }

func (l *Local) Count(context.Context, *telemetry.Batch, []bool) error { return errSealed }

func (l *Local) Part(context.Context) (index.Part, error) {
	if l.rows == nil {
		return nil, nil // nobody asks for the rows of a generation that has none
	}
	return l.rows.Segment, nil
}

func (l *Local) Counts(context.Context, index.Part) (index.Part, error) {
	if l.counted == nil {
		return nil, nil
	}
	return l.counted.Segment, nil
}

func (l *Local) Overflow() int { return 0 } // it was told of when it was sealed

func (l *Local) Records() int {
	if l.rows == nil {
		return 0
	}
	return l.rows.Entry.Records
}

func (l *Local) Bytes() int64 { return 0 } // of memory

// New returns the spool of a directory. What an earlier process left in it stays there until Clear.
func New(c Config) *Spool { return &Spool{Config: c} }

// Clear removes what an earlier process left, and says how many segments that were.
func (s *Spool) Clear(ctx context.Context) (segments int, err error) {
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

// Admit says whether there is room for another segment.
func (s *Spool) Admit() error {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.full = s.bytes >= s.BytesMax || s.segments >= spoolSegmentsMax
	if s.full {
		return errSpoolFull
	}
	return nil
}

// RoomAgain says whether a segment was turned away and would not be now.
func (s *Spool) RoomAgain() bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	if !s.full || s.bytes >= s.BytesMax || s.segments >= spoolSegmentsMax {
		return false
	}
	s.full = false
	return true
}

// Open opens a generation's segments, which have just been written. signal is the records'.
func (s *Spool) Open(ctx context.Context, signal telemetry.Signal, segments []*catalog.Segment) (*Local, error) {
	l := &Local{}
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

func (s *Spool) openFile(ctx context.Context, entry catalog.Segment) (*File, error) {
	parquet, indexName := segment.Names(entry.ID)
	objects, err := s.Dir.Hold(parquet, indexName)
	if err != nil {
		return nil, err
	}
	opened, err := segment.Open(ctx, objects, entry.ID, s.Cache)
	if err != nil {
		return nil, err
	}
	return &File{Segment: opened, Entry: entry, Objects: objects}, nil
}

// Added counts segments that a head has taken in.
func (s *Spool) Added(l *Local) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, f := range l.Files() {
		s.bytes += f.Entry.Bytes
		s.segments++
	}
}

// Remove deletes a segment that has been committed, or whose owner is gone. Queries that are reading it go on: they hold its files.
func (s *Spool) Remove(f *File) error {
	s.mu.Lock()
	s.bytes -= f.Entry.Bytes
	s.segments--
	s.mu.Unlock()
	return segment.Delete(context.Background(), s.Dir, f.Entry.ID)
}

// UploadFailed notes a failure and says whether it is the first of a row.
func (s *Spool) UploadFailed(err error, now time.Time) (first bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if first = s.failing == nil; first {
		s.since = now
	}
	s.failing = err
	return first
}

// UploadSucceeded notes a success, and says since when uploads had failed; zero: they had not.
func (s *Spool) UploadSucceeded() (failedSince time.Time) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.failing != nil {
		failedSince = s.since
	}
	s.failing = nil
	return failedSince
}

// IsFailing says whether the last upload failed.
func (s *Spool) IsFailing() bool {
	if s == nil {
		return false
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.failing != nil
}

// Status is what waits on the local disk for the object store.
type Status struct {
	Segments int   `json:"segments"`
	Bytes    int64 `json:"bytes"`
	BytesMax int64 `json:"bytes_max"`
	// Error is why uploads fail, since Failing.
	Error   string    `json:"error,omitempty"`
	Failing time.Time `json:"failing_since,omitzero"`
}

// Status is nil for no spool.
func (s *Spool) Status() *Status {
	if s == nil {
		return nil
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	st := &Status{Segments: s.segments, Bytes: s.bytes, BytesMax: s.BytesMax}
	if s.failing != nil {
		st.Error, st.Failing = s.failing.Error(), s.since.UTC()
	}
	return st
}

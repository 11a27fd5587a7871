package segment

import (
	"context"
	"errors"
	"fmt"
	"io"
	"slices"
	"sync"
	"sync/atomic"
	"weak"

	"clew/index"
	"clew/index/store"
)

// Segment is a sealed part. It holds its metadata in memory and reads everything else when asked, through a Cache. It has nothing to
// close: when the last reference goes, so does its memory.
type Segment struct {
	st          store.Store
	cache       *Cache
	parquetName string
	indexName   string

	version      uint32 // of the format
	info         index.Info
	meta         *meta
	groups       []index.RowGroupInfo
	firstPage    []int   // per row group: pages before it
	leaves       [][]int // per column: its leaves' numbers
	overflowLeaf int     // -1 if there is none
	traceColumn  int     // the trace id's; -1 if there is none
	sections     map[sectionKey]*section

	overflowOnce sync.Once
	overflowKeys map[string]int

	holesChecked sync.Map // [2]int{column, row group}: every row has its variables

	near weak.Pointer[[]byte] // the beginning of the .index, as far as Open has read it

	bytesRead atomic.Int64
	lastRead  []atomic.Int32 // per leaf: the row group that was read last, plus one
}

var _ index.Part = (*Segment)(nil)

// Open reads a segment's metadata. cache may be nil. A segment that is not what was written is a *index.DamageError (also for
// objects that are missing; errors.Is(err, fs.ErrNotExist) holds too then), one of a later format version a *VersionError.
func Open(ctx context.Context, st store.Store, id string, cache *Cache) (*Segment, error) {
	s := &Segment{st: st, cache: cache}
	s.parquetName, s.indexName = Names(id)
	if err := s.open(ctx, id); err != nil {
		return nil, fmt.Errorf("open segment %s: %w", id, err)
	}
	return s, nil
}

func (s *Segment) open(ctx context.Context, id string) error {
	indexBytes, err := s.st.Size(ctx, s.indexName)
	if err != nil {
		return s.storeError(s.indexName, 0, err)
	}
	first := make([]byte, min(indexBytes, openReadBytes))
	if err := s.readStore(ctx, s.indexName, first, 0); err != nil {
		return err
	}
	h, err := parseHeader(s.indexName, first, indexBytes)
	if err != nil {
		return err
	}
	s.version = h.version
	stored := first[headerBytes:min(len(first), headerBytes+int(h.metaStored))]
	if missing := int(h.metaStored) - len(stored); missing > 0 {
		whole := make([]byte, h.metaStored)
		n := copy(whole, stored)
		if err := s.readStore(ctx, s.indexName, whole[n:], int64(headerBytes+n)); err != nil {
			return err
		}
		stored = whole
	}
	if checksum(stored) != h.metaCRC {
		return s.damage(s.indexName, headerBytes, "checksum of the metadata")
	}
	raw, err := decompress(stored, int(h.metaRaw))
	if err != nil {
		return s.damage(s.indexName, headerBytes, "metadata: "+err.Error())
	}
	m, ok := parseMeta(raw, h.version, headerBytes+int64(h.metaStored))
	if !ok {
		return s.damage(s.indexName, headerBytes, "metadata does not follow its format")
	}
	if m.info.ID != id {
		return s.damage(s.indexName, headerBytes, fmt.Sprintf("is the index of segment %.80q", m.info.ID))
	}
	parquetBytes, err := s.st.Size(ctx, s.parquetName)
	if err != nil {
		return s.storeError(s.parquetName, 0, err)
	}
	if parquetBytes != m.parquetBytes {
		return s.damage(s.parquetName, min(parquetBytes, m.parquetBytes), fmt.Sprintf("%d bytes long, want %d", parquetBytes, m.parquetBytes))
	}
	s.use(m, parquetBytes+indexBytes)
	s.near = weak.Make(&first)
	return nil
}

// use sets up what the metadata says.
func (s *Segment) use(m *meta, bytes int64) {
	s.meta = m
	s.info = m.info
	s.info.Bytes = bytes
	s.leaves = make([][]int, len(m.columns))
	s.overflowLeaf, s.traceColumn = -1, slices.IndexFunc(m.columns, func(c index.ColumnInfo) bool { return isTraceID(c.Column) })
	for i, l := range m.leaves {
		if l.column < 0 {
			s.overflowLeaf = i
			continue
		}
		s.leaves[l.column] = append(s.leaves[l.column], i)
	}
	s.lastRead = make([]atomic.Int32, len(m.leaves))
	s.groups = make([]index.RowGroupInfo, len(m.groups))
	for i := range m.groups {
		s.groups[i] = m.groups[i].RowGroupInfo
	}
	s.firstPage = make([]int, len(m.groups)+1)
	for rg := range m.groups {
		s.firstPage[rg+1] = s.firstPage[rg] + s.pagesIn(rg)
	}
	s.sections = make(map[sectionKey]*section, len(m.sections))
	for i := range m.sections {
		sec := &m.sections[i]
		s.sections[sectionKey{sec.kind, sec.column, sec.group}] = sec
	}
}

// Info implements index.Part.
func (s *Segment) Info() index.Info { return s.info }

// Columns implements index.Part.
func (s *Segment) Columns() []index.ColumnInfo { return s.meta.columns }

// RowGroups implements index.Part.
func (s *Segment) RowGroups() []index.RowGroupInfo { return s.groups }

// BytesRead implements index.Part.
func (s *Segment) BytesRead() int64 { return s.bytesRead.Load() }

// Records is the number of records in the segment: rows, but for metrics data points.
func (s *Segment) Records() int { return int(s.meta.records) }

func (s *Segment) damage(file string, offset int64, what string) error {
	return &index.DamageError{File: file, Offset: offset, What: what}
}

// storeError makes damage of what the store says about an object that should be there and long enough.
func (s *Segment) storeError(name string, offset int64, err error) error {
	switch {
	case store.IsNotExist(err):
		return fmt.Errorf("%w: %w", s.damage(name, offset, "object is missing"), err)
	case errors.Is(err, io.ErrUnexpectedEOF):
		return fmt.Errorf("%w: %w", s.damage(name, offset, "object is too short"), err)
	}
	return err
}

func (s *Segment) readStore(ctx context.Context, name string, p []byte, offset int64) error {
	if err := s.st.ReadAt(ctx, name, p, offset); err != nil {
		return s.storeError(name, offset, err)
	}
	s.bytesRead.Add(int64(len(p)))
	return nil
}

// readChecked reads size bytes, from the cache of stored bytes if they are there, and checks them.
func (s *Segment) readChecked(ctx context.Context, name string, offset int64, size int, check func(b []byte) bool, what string) ([]byte, error) {
	b := make([]byte, size)
	if size == 0 {
		return b, nil
	}
	key := storedKey(name, offset, size)
	if s.cache.getStored(key, b) && check(b) {
		return b, nil
	}
	if err := s.readStore(ctx, name, b, offset); err != nil {
		return nil, err
	}
	if !check(b) {
		return nil, s.damage(name, offset, "checksum of "+what)
	}
	s.cache.putStored(key, b)
	return b, nil
}

// nearSection is a section that Open has read beside the metadata; nil: it has not, or the garbage collector has taken it. The first query of a segment asks for
// a hundred sections of a few bytes, and then the cache has what they say, so nothing is kept for longer than it costs nothing.
func (s *Segment) nearSection(sec *section) []byte {
	first := s.near.Value()
	end := sec.offset + int64(sec.stored)
	if first == nil || sec.stored == 0 || end > int64(len(*first)) {
		return nil
	}
	if b := (*first)[sec.offset:end]; checksum(b) == sec.crc {
		return slices.Clone(b)
	}
	return nil // readChecked says what is wrong
}

// readSection reads and checks a section of the .index; ok is false if there is none.
func (s *Segment) readSection(ctx context.Context, kind sectionKind, col, group int) (data []byte, sec *section, err error) {
	sec = s.sections[sectionKey{kind, col, group}]
	if sec == nil {
		return nil, nil, nil
	}
	if data = s.nearSection(sec); data == nil {
		data, err = s.readChecked(ctx, s.indexName, sec.offset, int(sec.stored), func(b []byte) bool { return checksum(b) == sec.crc }, "a section")
		if err != nil {
			return nil, nil, err
		}
	}
	if sec.raw > 0 {
		if data, err = decompress(data, int(sec.raw)); err != nil {
			return nil, nil, s.damage(s.indexName, sec.offset, err.Error())
		}
	}
	return data, sec, nil
}

// column checks a column number and that the column is one of the kinds.
func (s *Segment) column(col int, kinds ...index.Kind) (*index.ColumnInfo, error) {
	if col < 0 || col >= len(s.meta.columns) {
		return nil, fmt.Errorf("segment %s: column %d of %d", s.info.ID, col, len(s.meta.columns))
	}
	c := &s.meta.columns[col]
	for _, kind := range kinds {
		if c.Kind == kind {
			return c, nil
		}
	}
	return nil, fmt.Errorf("segment %s: column %s is of kind %s, asked for %s", s.info.ID, c.Column, c.Kind, kinds[0])
}

func (s *Segment) group(rg int) (*rowGroup, error) {
	if rg < 0 || rg >= len(s.meta.groups) {
		return nil, fmt.Errorf("segment %s: row group %d of %d", s.info.ID, rg, len(s.meta.groups))
	}
	return &s.meta.groups[rg], nil
}

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
	"clew/index/segment/format"
	"clew/index/store"
)

// Version is the format version that Write writes.
const Version = format.Version

// VersionError says that a segment has a format version that this program does not know.
type VersionError = format.VersionError

// Segment is a sealed part. It holds its metadata in memory and reads everything else when asked, through a Cache. It has nothing to
// close: when the last reference goes, so does its memory.
type Segment struct {
	st          store.Store
	cache       *Cache
	parquetName string
	indexName   string

	version      uint32 // of the format
	info         index.Info
	meta         *format.Meta
	groups       []index.RowGroupInfo
	firstPage    []int   // per row group: pages before it
	leaves       [][]int // per column: its leaves' numbers
	overflowLeaf int     // -1 if there is none
	traceColumn  int     // the trace id's; -1 if there is none
	sections     map[format.SectionKey]*format.Section

	overflowOnce sync.Once
	overflowKeys map[string]int

	holesChecked sync.Map // [3]int{column, row group, page or allPages}: every row has its variables
	broughtNear  sync.Map // PageRef: the store has been told

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
	h, err := format.ParseHeader(s.indexName, first, indexBytes)
	if err != nil {
		return err
	}
	s.version = h.Version
	stored := first[format.HeaderBytes:min(len(first), format.HeaderBytes+int(h.MetaStored))]
	if missing := int(h.MetaStored) - len(stored); missing > 0 {
		whole := make([]byte, h.MetaStored)
		n := copy(whole, stored)
		if err := s.readStore(ctx, s.indexName, whole[n:], int64(format.HeaderBytes+n)); err != nil {
			return err
		}
		stored = whole
	}
	if format.Checksum(stored) != h.MetaCRC {
		return s.damage(s.indexName, format.HeaderBytes, "checksum of the metadata")
	}
	raw, err := format.Decompress(stored, int(h.MetaRaw))
	if err != nil {
		return s.damage(s.indexName, format.HeaderBytes, "metadata: "+err.Error())
	}
	m, ok := format.ParseMeta(raw, h.Version, format.HeaderBytes+int64(h.MetaStored))
	if !ok {
		return s.damage(s.indexName, format.HeaderBytes, "metadata does not follow its format")
	}
	if m.Info.ID != id {
		return s.damage(s.indexName, format.HeaderBytes, fmt.Sprintf("is the index of segment %.80q", m.Info.ID))
	}
	parquetBytes, err := s.st.Size(ctx, s.parquetName)
	if err != nil {
		return s.storeError(s.parquetName, 0, err)
	}
	if parquetBytes != m.ParquetBytes {
		return s.damage(s.parquetName, min(parquetBytes, m.ParquetBytes), fmt.Sprintf("%d bytes long, want %d", parquetBytes, m.ParquetBytes))
	}
	s.use(m, parquetBytes+indexBytes)
	s.near = weak.Make(&first)
	return nil
}

// use sets up what the metadata says.
func (s *Segment) use(m *format.Meta, bytes int64) {
	s.meta = m
	s.info = m.Info
	s.info.Bytes = bytes
	s.leaves = make([][]int, len(m.Columns))
	s.overflowLeaf, s.traceColumn = -1, slices.IndexFunc(m.Columns, func(c index.ColumnInfo) bool { return format.IsTraceID(c.Column) })
	for i, l := range m.Leaves {
		if l.Column < 0 {
			s.overflowLeaf = i
			continue
		}
		s.leaves[l.Column] = append(s.leaves[l.Column], i)
	}
	s.lastRead = make([]atomic.Int32, len(m.Leaves))
	s.groups = make([]index.RowGroupInfo, len(m.Groups))
	for i := range m.Groups {
		s.groups[i] = m.Groups[i].RowGroupInfo
	}
	s.firstPage = make([]int, len(m.Groups)+1)
	for rg := range m.Groups {
		s.firstPage[rg+1] = s.firstPage[rg] + s.pagesIn(rg)
	}
	s.sections = make(map[format.SectionKey]*format.Section, len(m.Sections))
	for i := range m.Sections {
		sec := &m.Sections[i]
		s.sections[format.SectionKey{Kind: sec.Kind, Column: sec.Column, Group: sec.Group}] = sec
	}
}

// Info implements index.Part.
func (s *Segment) Info() index.Info { return s.info }

// Columns implements index.Part.
func (s *Segment) Columns() []index.ColumnInfo { return s.meta.Columns }

// RowGroups implements index.Part.
func (s *Segment) RowGroups() []index.RowGroupInfo { return s.groups }

// BytesRead implements index.Part.
func (s *Segment) BytesRead() int64 { return s.bytesRead.Load() }

// Records is the number of records in the segment: rows, but for metrics data points.
func (s *Segment) Records() int { return int(s.meta.Records) }

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
func (s *Segment) nearSection(sec *format.Section) []byte {
	first := s.near.Value()
	end := sec.Offset + int64(sec.Stored)
	if first == nil || sec.Stored == 0 || end > int64(len(*first)) {
		return nil
	}
	if b := (*first)[sec.Offset:end]; format.Checksum(b) == sec.CRC {
		return slices.Clone(b)
	}
	return nil // readChecked says what is wrong
}

// readSection reads and checks a section of the .index; ok is false if there is none.
func (s *Segment) readSection(ctx context.Context, kind format.SectionKind, col, group int) (data []byte, sec *format.Section, err error) {
	sec = s.sections[format.SectionKey{Kind: kind, Column: col, Group: group}]
	if sec == nil {
		return nil, nil, nil
	}
	if data = s.nearSection(sec); data == nil {
		data, err = s.readChecked(ctx, s.indexName, sec.Offset, int(sec.Stored), func(b []byte) bool { return format.Checksum(b) == sec.CRC }, "a section")
		if err != nil {
			return nil, nil, err
		}
	}
	if sec.Raw > 0 {
		if data, err = format.Decompress(data, int(sec.Raw)); err != nil {
			return nil, nil, s.damage(s.indexName, sec.Offset, err.Error())
		}
	}
	return data, sec, nil
}

// column checks a column number and that the column is one of the kinds.
func (s *Segment) column(col int, kinds ...index.Kind) (*index.ColumnInfo, error) {
	if col < 0 || col >= len(s.meta.Columns) {
		return nil, fmt.Errorf("segment %s: column %d of %d", s.info.ID, col, len(s.meta.Columns))
	}
	c := &s.meta.Columns[col]
	for _, kind := range kinds {
		if c.Kind == kind {
			return c, nil
		}
	}
	return nil, fmt.Errorf("segment %s: column %s is of kind %s, asked for %s", s.info.ID, c.Column, c.Kind, kinds[0])
}

func (s *Segment) group(rg int) (*format.RowGroup, error) {
	if rg < 0 || rg >= len(s.meta.Groups) {
		return nil, fmt.Errorf("segment %s: row group %d of %d", s.info.ID, rg, len(s.meta.Groups))
	}
	return &s.meta.Groups[rg], nil
}

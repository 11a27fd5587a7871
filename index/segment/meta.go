package segment

import (
	"encoding/binary"
	"fmt"
	"hash/crc32"
	"math"

	"clew/index"
	"clew/internal/telemetry"
)

// Version is the format version that Write writes. A version is never edited, only followed by another; Open reads all of them.
const Version = 2

// The .index object, see docs/format/segment.md:
//
//	header (40 bytes) | metadata (zstd) | sections, one after the other
const (
	headerBytes = 40
	magic       = "clewidx\n"
)

var castagnoli = crc32.MakeTable(crc32.Castagnoli)

func checksum(b []byte) uint32 { return crc32.Checksum(b, castagnoli) }

func updateChecksum(crc uint32, b []byte) uint32 { return crc32.Update(crc, castagnoli, b) }

// VersionError says that a segment has a format version that this program does not know.
type VersionError struct {
	File    string
	Version uint32
}

func (e *VersionError) Error() string {
	return fmt.Sprintf("%s: format version %d is not known (have up to %d): written by a newer clew", e.File, e.Version, Version)
}

// header is the first headerBytes of the .index object. It has the same form in every version.
type header struct {
	version    uint32
	metaStored uint32
	metaRaw    uint32
	metaCRC    uint32
	fileBytes  uint64
}

func (h header) append(dst []byte) []byte {
	start := len(dst)
	dst = append(dst, magic...)
	dst = binary.LittleEndian.AppendUint32(dst, h.version)
	dst = binary.LittleEndian.AppendUint32(dst, h.metaStored)
	dst = binary.LittleEndian.AppendUint32(dst, h.metaRaw)
	dst = binary.LittleEndian.AppendUint32(dst, h.metaCRC)
	dst = binary.LittleEndian.AppendUint64(dst, h.fileBytes)
	dst = binary.LittleEndian.AppendUint32(dst, 0)
	return binary.LittleEndian.AppendUint32(dst, checksum(dst[start:]))
}

// parseHeader checks the header's own checksum first: then an unknown version is one, and not a flipped bit.
func parseHeader(file string, b []byte, fileBytes int64) (header, error) {
	damaged := func(what string) (header, error) {
		return header{}, &index.DamageError{File: file, Offset: 0, What: what}
	}
	if len(b) < headerBytes {
		return damaged(fmt.Sprintf("%d bytes, want at least %d", len(b), headerBytes))
	}
	if string(b[:len(magic)]) != magic {
		return damaged("not a segment index")
	}
	if checksum(b[:headerBytes-4]) != binary.LittleEndian.Uint32(b[headerBytes-4:]) {
		return damaged("checksum of the header")
	}
	h := header{
		version:    binary.LittleEndian.Uint32(b[8:]),
		metaStored: binary.LittleEndian.Uint32(b[12:]),
		metaRaw:    binary.LittleEndian.Uint32(b[16:]),
		metaCRC:    binary.LittleEndian.Uint32(b[20:]),
		fileBytes:  binary.LittleEndian.Uint64(b[24:]),
	}
	if h.version < 1 || h.version > Version {
		return header{}, &VersionError{File: file, Version: h.version}
	}
	if h.fileBytes != uint64(fileBytes) {
		return damaged(fmt.Sprintf("%d bytes long, want %d", fileBytes, h.fileBytes))
	}
	if uint64(h.metaStored)+headerBytes > h.fileBytes || h.metaRaw > metaBytesMax {
		return damaged("metadata does not fit")
	}
	return h, nil
}

// sectionKind says what a section of the .index holds. The numbers are written to disk.
type sectionKind uint8

const (
	sectionVocabulary sectionKind = 1 // of a column
	sectionHistograms sectionKind = 2 // of a column, for all row groups
	sectionFilter     sectionKind = 3 // of a column in a row group, or in the whole segment
	sectionPages      sectionKind = 4 // of a row group: where the data pages of its chunks are
	sectionStarts     sectionKind = 5 // of the trace id, in the whole segment: the first of each page
)

// section is a run of bytes of the .index that is read and checked by itself. raw 0: stored as it is, else zstd of that many bytes.
type section struct {
	kind   sectionKind
	column int
	group  int // row group, or index.Whole; 0 where it means nothing
	offset int64
	stored uint32
	raw    uint32
	crc    uint32
}

type sectionKey struct {
	kind          sectionKind
	column, group int
}

// rowGroup is a row group with its chunks, one per leaf.
type rowGroup struct {
	index.RowGroupInfo
	chunks []chunk
}

// meta is what Open reads: everything but vocabularies, histograms, filters and rows.
type meta struct {
	info         index.Info // Bytes is not in it: it follows from the objects' sizes
	records      uint64
	parquetBytes int64
	footerOffset int64
	footerCRC    uint32
	pageRows     int // rows of a data page; 0: a chunk is one page
	columns      []index.ColumnInfo
	leaves       []leaf
	groups       []rowGroup
	sections     []section
}

func (m *meta) append(dst []byte) []byte {
	dst = appendString(dst, m.info.ID)
	dst = append(dst, byte(m.info.Signal))
	dst = appendString(dst, m.info.Tenant)
	dst = binary.AppendUvarint(dst, uint64(m.info.Shard))
	dst = binary.AppendVarint(dst, int64(m.info.SortedBy))
	dst = binary.AppendVarint(dst, m.info.MinTime)
	dst = binary.AppendVarint(dst, m.info.MaxTime)
	dst = binary.AppendUvarint(dst, m.records)
	dst = binary.AppendUvarint(dst, uint64(m.parquetBytes))
	dst = binary.AppendUvarint(dst, uint64(m.footerOffset))
	dst = binary.LittleEndian.AppendUint32(dst, m.footerCRC)
	dst = binary.AppendUvarint(dst, uint64(m.pageRows))

	dst = binary.AppendUvarint(dst, uint64(len(m.columns)))
	for _, c := range m.columns {
		overflow := byte(0)
		if c.Overflow {
			overflow = 1
		}
		dst = append(dst, byte(c.Level), byte(c.Type), byte(c.Kind), overflow)
		dst = appendString(dst, c.Key)
		dst = binary.AppendUvarint(dst, c.NonNull)
		dst = binary.AppendUvarint(dst, uint64(c.Distinct))
	}
	dst = binary.AppendUvarint(dst, uint64(len(m.leaves)))
	for _, l := range m.leaves {
		dst = binary.AppendVarint(dst, int64(l.column))
		dst = append(dst, byte(l.role), l.hole, byte(l.physical), l.width, l.exponent)
		dst = appendString(dst, l.name)
	}
	dst = binary.AppendUvarint(dst, uint64(len(m.groups)))
	for _, g := range m.groups {
		dst = binary.AppendUvarint(dst, uint64(g.Rows))
		dst = binary.AppendVarint(dst, g.MinTime)
		dst = binary.AppendVarint(dst, g.MaxTime)
		for i := range g.chunks {
			dst = g.chunks[i].append(dst)
		}
	}
	dst = binary.AppendUvarint(dst, uint64(len(m.sections)))
	for _, s := range m.sections {
		dst = append(dst, byte(s.kind))
		dst = binary.AppendUvarint(dst, uint64(s.column))
		dst = binary.AppendVarint(dst, int64(s.group))
		dst = binary.AppendUvarint(dst, uint64(s.stored))
		dst = binary.AppendUvarint(dst, uint64(s.raw))
		dst = binary.LittleEndian.AppendUint32(dst, s.crc)
	}
	return dst
}

func (c *chunk) append(dst []byte) []byte {
	dst = append(dst, c.encoding, c.codec)
	dst = binary.AppendUvarint(dst, uint64(c.nulls))
	dst = binary.AppendUvarint(dst, uint64(c.dictionaryStored))
	if c.dictionaryStored > 0 {
		dst = binary.AppendUvarint(dst, uint64(c.dictionaryHeader))
		dst = binary.AppendUvarint(dst, uint64(c.dictionaryRaw))
		dst = binary.AppendUvarint(dst, uint64(c.dictionaryCount))
		dst = binary.LittleEndian.AppendUint32(dst, c.dictionaryCRC)
	}
	dst = binary.AppendUvarint(dst, uint64(c.dataStored))
	dst = binary.AppendUvarint(dst, uint64(c.dataHeader))
	dst = binary.AppendUvarint(dst, uint64(c.dataRaw))
	return binary.LittleEndian.AppendUint32(dst, c.dataCRC)
}

func (d *decoder) chunk() (c chunk) {
	c.encoding, c.codec = d.byte(), d.byte()
	c.nulls = uint32(d.upTo(rowGroupRowsMax))
	c.dictionaryStored = uint32(d.upTo(chunkBytesMax))
	if c.dictionaryStored > 0 {
		c.dictionaryHeader = uint32(d.upTo(uint64(c.dictionaryStored)))
		c.dictionaryRaw = uint32(d.upTo(chunkBytesMax))
		c.dictionaryCount = uint32(d.upTo(rowGroupRowsMax))
		c.dictionaryCRC = d.uint32()
	}
	c.dataStored = uint32(d.upTo(chunkBytesMax))
	c.dataHeader = uint32(d.upTo(uint64(c.dataStored)))
	c.dataRaw = uint32(d.upTo(chunkBytesMax))
	c.dataCRC = d.uint32()
	return c
}

// parseMeta reads metadata of a version; sections begin at sectionsAt. ok is false where something does not fit.
func parseMeta(b []byte, version uint32, sectionsAt int64) (m *meta, ok bool) {
	d := &decoder{b: b}
	m = &meta{}
	m.info.ID = d.string()
	m.info.Signal = telemetry.Signal(d.byte())
	m.info.Tenant = d.string()
	m.info.Shard = d.upTo(math.MaxInt32)
	m.info.SortedBy = int(d.varint())
	m.info.MinTime = d.varint()
	m.info.MaxTime = d.varint()
	m.records = d.uvarint()
	m.parquetBytes = int64(d.upTo(math.MaxInt64))
	m.footerOffset = int64(d.upTo(uint64(m.parquetBytes)))
	m.footerCRC = d.uint32()
	if version >= 2 {
		m.pageRows = d.upTo(rowGroupRowsMax)
		if m.pageRows%64 != 0 {
			d.fail()
		}
	}
	d.columns(m)
	d.leaves(m)
	d.groups(m)
	d.sections(m, sectionsAt)
	if d.failed || len(d.b) > 0 || m.info.SortedBy < -1 || m.info.SortedBy >= len(m.columns) || !m.leavesFit() {
		return nil, false
	}
	return m, true
}

// leavesFit says whether every column has the leaves of its kind, the first of a text column being its templates, and the overflow column is for those that
// have none.
func (m *meta) leavesFit() bool {
	seen := make([]int, len(m.columns))
	overflow := false
	for _, l := range m.leaves {
		if l.column < 0 {
			if overflow || l.role != roleOverflow {
				return false
			}
			overflow = true
			continue
		}
		c := &m.columns[l.column]
		first := seen[l.column] == 0
		seen[l.column]++
		switch {
		case c.Overflow, l.role > roleString:
			return false
		case c.Kind == index.KindText:
			if first != (l.role == roleTemplate) || l.role == roleWhole {
				return false
			}
		case l.role != roleWhole || !first:
			return false
		}
	}
	for i, n := range seen {
		if c := &m.columns[i]; n == 0 && !(c.Overflow && overflow) {
			return false
		}
	}
	return true
}

func (d *decoder) columns(m *meta) {
	m.columns = make([]index.ColumnInfo, d.count(7))
	for i := range m.columns {
		c := &m.columns[i]
		c.Level, c.Type, c.Kind = telemetry.Level(d.byte()), telemetry.Type(d.byte()), index.Kind(d.byte())
		c.Overflow = d.byte() == 1
		c.Key = d.string()
		c.NonNull = d.uvarint()
		c.Distinct = uint32(d.upTo(math.MaxUint32))
		if c.Kind < index.KindValue || c.Kind > index.KindDouble || c.Level > telemetry.LevelResource || c.Type > telemetry.TypeTime {
			d.fail()
		}
	}
}

func (d *decoder) leaves(m *meta) {
	m.leaves = make([]leaf, d.count(7))
	for i := range m.leaves {
		l := &m.leaves[i]
		l.column = int(d.varint())
		l.role, l.hole, l.physical, l.width, l.exponent = role(d.byte()), d.byte(), physical(d.byte()), d.byte(), d.byte()
		l.name = d.string()
		if l.column < -1 || l.column >= len(m.columns) || l.exponent > exponentMax {
			d.fail()
		}
	}
}

func (d *decoder) groups(m *meta) {
	const magicBytes = 4 // a Parquet file begins with "PAR1"
	offset := int64(magicBytes)
	m.groups = make([]rowGroup, d.count(3))
	for i := range m.groups {
		g := &m.groups[i]
		g.Rows = d.upTo(rowGroupRowsMax)
		g.MinTime, g.MaxTime = d.varint(), d.varint()
		if len(d.b) < len(m.leaves)*8 {
			d.fail()
			return
		}
		g.chunks = make([]chunk, len(m.leaves))
		for j := range g.chunks {
			g.chunks[j] = d.chunk()
			g.chunks[j].offset = offset
			offset += g.chunks[j].stored()
		}
		m.info.Rows += g.Rows
	}
	if offset != m.footerOffset {
		d.fail()
	}
}

func (d *decoder) sections(m *meta, offset int64) {
	m.sections = make([]section, d.count(9))
	for i := range m.sections {
		s := &m.sections[i]
		s.kind = sectionKind(d.byte())
		s.column = d.upTo(uint64(len(m.columns)))
		s.group = int(d.varint())
		s.stored = uint32(d.upTo(chunkBytesMax))
		s.raw = uint32(d.upTo(chunkBytesMax))
		s.crc = d.uint32()
		s.offset = offset
		offset += int64(s.stored)
	}
}

package format

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
	HeaderBytes = 40
	Magic       = "clewidx\n"
)

var castagnoli = crc32.MakeTable(crc32.Castagnoli)

// Checksum is the CRC32C of b.
func Checksum(b []byte) uint32 { return crc32.Checksum(b, castagnoli) }

// UpdateChecksum goes on with the CRC32C of what came before b.
func UpdateChecksum(crc uint32, b []byte) uint32 { return crc32.Update(crc, castagnoli, b) }

// VersionError says that a segment has a format version that this program does not know.
type VersionError struct {
	File    string
	Version uint32
}

func (e *VersionError) Error() string {
	return fmt.Sprintf("%s: format version %d is not known (have up to %d): written by a newer clew", e.File, e.Version, Version)
}

// Header is the first HeaderBytes of the .index object. It has the same form in every version.
type Header struct {
	Version    uint32
	MetaStored uint32
	MetaRaw    uint32
	MetaCRC    uint32
	FileBytes  uint64
}

// Append appends the header as it is on disk.
func (h Header) Append(dst []byte) []byte {
	start := len(dst)
	dst = append(dst, Magic...)
	dst = binary.LittleEndian.AppendUint32(dst, h.Version)
	dst = binary.LittleEndian.AppendUint32(dst, h.MetaStored)
	dst = binary.LittleEndian.AppendUint32(dst, h.MetaRaw)
	dst = binary.LittleEndian.AppendUint32(dst, h.MetaCRC)
	dst = binary.LittleEndian.AppendUint64(dst, h.FileBytes)
	dst = binary.LittleEndian.AppendUint32(dst, 0)
	return binary.LittleEndian.AppendUint32(dst, Checksum(dst[start:]))
}

// ParseHeader checks the header's own checksum first: then an unknown version is one, and not a flipped bit.
func ParseHeader(file string, b []byte, fileBytes int64) (Header, error) {
	damaged := func(what string) (Header, error) {
		return Header{}, &index.DamageError{File: file, Offset: 0, What: what}
	}
	if len(b) < HeaderBytes {
		return damaged(fmt.Sprintf("%d bytes, want at least %d", len(b), HeaderBytes))
	}
	if string(b[:len(Magic)]) != Magic {
		return damaged("not a segment index")
	}
	if Checksum(b[:HeaderBytes-4]) != binary.LittleEndian.Uint32(b[HeaderBytes-4:]) {
		return damaged("checksum of the header")
	}
	h := Header{
		Version:    binary.LittleEndian.Uint32(b[8:]),
		MetaStored: binary.LittleEndian.Uint32(b[12:]),
		MetaRaw:    binary.LittleEndian.Uint32(b[16:]),
		MetaCRC:    binary.LittleEndian.Uint32(b[20:]),
		FileBytes:  binary.LittleEndian.Uint64(b[24:]),
	}
	if h.Version < 1 || h.Version > Version {
		return Header{}, &VersionError{File: file, Version: h.Version}
	}
	if h.FileBytes != uint64(fileBytes) {
		return damaged(fmt.Sprintf("%d bytes long, want %d", fileBytes, h.FileBytes))
	}
	if uint64(h.MetaStored)+HeaderBytes > h.FileBytes || h.MetaRaw > MetaBytesMax {
		return damaged("metadata does not fit")
	}
	return h, nil
}

// SectionKind says what a section of the .index holds. The numbers are written to disk.
type SectionKind uint8

const (
	SectionVocabulary SectionKind = 1 // of a column
	SectionHistograms SectionKind = 2 // of a column, for all row groups
	SectionFilter     SectionKind = 3 // of a column in a row group, or in the whole segment
	SectionPages      SectionKind = 4 // of a row group: where the data pages of its chunks are
	SectionStarts     SectionKind = 5 // of the trace id, in the whole segment: the first of each page
)

// Section is a run of bytes of the .index that is read and checked by itself. raw 0: stored as it is, else zstd of that many bytes.
type Section struct {
	Kind   SectionKind
	Column int
	Group  int // row group, or index.Whole; 0 where it means nothing
	Offset int64
	Stored uint32
	Raw    uint32
	CRC    uint32
}

// SectionKey names a section. Column and Group are 0 where the kind has none.
type SectionKey struct {
	Kind          SectionKind
	Column, Group int
}

// RowGroup is a row group with its chunks, one per leaf.
type RowGroup struct {
	index.RowGroupInfo
	Chunks []Chunk
}

// Meta is what Open reads: everything but vocabularies, histograms, filters and rows.
type Meta struct {
	Info         index.Info // Bytes is not in it: it follows from the objects' sizes
	Records      uint64
	ParquetBytes int64
	FooterOffset int64
	FooterCRC    uint32
	PageRows     int // rows of a data page; 0: a chunk is one page
	Columns      []index.ColumnInfo
	Leaves       []Leaf
	Groups       []RowGroup
	Sections     []Section
}

// Append appends the metadata as it is before compression.
func (m *Meta) Append(dst []byte) []byte {
	dst = appendString(dst, m.Info.ID)
	dst = append(dst, byte(m.Info.Signal))
	dst = appendString(dst, m.Info.Tenant)
	dst = binary.AppendUvarint(dst, uint64(m.Info.Shard))
	dst = binary.AppendVarint(dst, int64(m.Info.SortedBy))
	dst = binary.AppendVarint(dst, m.Info.MinTime)
	dst = binary.AppendVarint(dst, m.Info.MaxTime)
	dst = binary.AppendUvarint(dst, m.Records)
	dst = binary.AppendUvarint(dst, uint64(m.ParquetBytes))
	dst = binary.AppendUvarint(dst, uint64(m.FooterOffset))
	dst = binary.LittleEndian.AppendUint32(dst, m.FooterCRC)
	dst = binary.AppendUvarint(dst, uint64(m.PageRows))

	dst = binary.AppendUvarint(dst, uint64(len(m.Columns)))
	for _, c := range m.Columns {
		overflow := byte(0)
		if c.Overflow {
			overflow = 1
		}
		dst = append(dst, byte(c.Level), byte(c.Type), byte(c.Kind), overflow)
		dst = appendString(dst, c.Key)
		dst = binary.AppendUvarint(dst, c.NonNull)
		dst = binary.AppendUvarint(dst, uint64(c.Distinct))
	}
	dst = binary.AppendUvarint(dst, uint64(len(m.Leaves)))
	for _, l := range m.Leaves {
		dst = binary.AppendVarint(dst, int64(l.Column))
		dst = append(dst, byte(l.Role), l.Hole, byte(l.Physical), l.Width, l.Exponent)
		dst = appendString(dst, l.Name)
	}
	dst = binary.AppendUvarint(dst, uint64(len(m.Groups)))
	for _, g := range m.Groups {
		dst = binary.AppendUvarint(dst, uint64(g.Rows))
		dst = binary.AppendVarint(dst, g.MinTime)
		dst = binary.AppendVarint(dst, g.MaxTime)
		for i := range g.Chunks {
			dst = g.Chunks[i].append(dst)
		}
	}
	dst = binary.AppendUvarint(dst, uint64(len(m.Sections)))
	for _, s := range m.Sections {
		dst = append(dst, byte(s.Kind))
		dst = binary.AppendUvarint(dst, uint64(s.Column))
		dst = binary.AppendVarint(dst, int64(s.Group))
		dst = binary.AppendUvarint(dst, uint64(s.Stored))
		dst = binary.AppendUvarint(dst, uint64(s.Raw))
		dst = binary.LittleEndian.AppendUint32(dst, s.CRC)
	}
	return dst
}

func (c *Chunk) append(dst []byte) []byte {
	dst = append(dst, c.Encoding, c.Codec)
	dst = binary.AppendUvarint(dst, uint64(c.Nulls))
	dst = binary.AppendUvarint(dst, uint64(c.DictionaryStored))
	if c.DictionaryStored > 0 {
		dst = binary.AppendUvarint(dst, uint64(c.DictionaryHeader))
		dst = binary.AppendUvarint(dst, uint64(c.DictionaryRaw))
		dst = binary.AppendUvarint(dst, uint64(c.DictionaryCount))
		dst = binary.LittleEndian.AppendUint32(dst, c.DictionaryCRC)
	}
	dst = binary.AppendUvarint(dst, uint64(c.DataStored))
	dst = binary.AppendUvarint(dst, uint64(c.DataHeader))
	dst = binary.AppendUvarint(dst, uint64(c.DataRaw))
	return binary.LittleEndian.AppendUint32(dst, c.DataCRC)
}

func (d *Decoder) chunk() (c Chunk) {
	c.Encoding, c.Codec = d.byte(), d.byte()
	c.Nulls = uint32(d.UpTo(RowGroupRowsMax))
	c.DictionaryStored = uint32(d.UpTo(ChunkBytesMax))
	if c.DictionaryStored > 0 {
		c.DictionaryHeader = uint32(d.UpTo(uint64(c.DictionaryStored)))
		c.DictionaryRaw = uint32(d.UpTo(ChunkBytesMax))
		c.DictionaryCount = uint32(d.UpTo(RowGroupRowsMax))
		c.DictionaryCRC = d.uint32()
	}
	c.DataStored = uint32(d.UpTo(ChunkBytesMax))
	c.DataHeader = uint32(d.UpTo(uint64(c.DataStored)))
	c.DataRaw = uint32(d.UpTo(ChunkBytesMax))
	c.DataCRC = d.uint32()
	return c
}

// ParseMeta reads metadata of a version; sections begin at sectionsAt. ok is false where something does not fit.
func ParseMeta(b []byte, version uint32, sectionsAt int64) (m *Meta, ok bool) {
	d := &Decoder{Rest: b}
	m = &Meta{}
	m.Info.ID = d.string()
	m.Info.Signal = telemetry.Signal(d.byte())
	m.Info.Tenant = d.string()
	m.Info.Shard = d.UpTo(math.MaxInt32)
	m.Info.SortedBy = int(d.varint())
	m.Info.MinTime = d.varint()
	m.Info.MaxTime = d.varint()
	m.Records = d.Uvarint()
	m.ParquetBytes = int64(d.UpTo(math.MaxInt64))
	m.FooterOffset = int64(d.UpTo(uint64(m.ParquetBytes)))
	m.FooterCRC = d.uint32()
	if version >= 2 {
		m.PageRows = d.UpTo(RowGroupRowsMax)
		if m.PageRows%64 != 0 {
			d.fail()
		}
	}
	d.columns(m)
	d.leaves(m)
	d.groups(m)
	d.sections(m, sectionsAt)
	if d.Failed || len(d.Rest) > 0 || m.Info.SortedBy < -1 || m.Info.SortedBy >= len(m.Columns) || !m.leavesFit() {
		return nil, false
	}
	return m, true
}

// leavesFit says whether every column has the leaves of its kind, the first of a text column being its templates, and the overflow column is for those that
// have none.
func (m *Meta) leavesFit() bool {
	seen := make([]int, len(m.Columns))
	overflow := false
	for _, l := range m.Leaves {
		if l.Column < 0 {
			if overflow || l.Role != RoleOverflow {
				return false
			}
			overflow = true
			continue
		}
		c := &m.Columns[l.Column]
		first := seen[l.Column] == 0
		seen[l.Column]++
		switch {
		case c.Overflow, l.Role > RoleString:
			return false
		case c.Kind == index.KindText:
			if first != (l.Role == RoleTemplate) || l.Role == RoleWhole {
				return false
			}
		case l.Role != RoleWhole || !first:
			return false
		}
	}
	for i, n := range seen {
		if c := &m.Columns[i]; n == 0 && !(c.Overflow && overflow) {
			return false
		}
	}
	return true
}

func (d *Decoder) columns(m *Meta) {
	m.Columns = make([]index.ColumnInfo, d.Count(7))
	for i := range m.Columns {
		c := &m.Columns[i]
		c.Level, c.Type, c.Kind = telemetry.Level(d.byte()), telemetry.Type(d.byte()), index.Kind(d.byte())
		c.Overflow = d.byte() == 1
		c.Key = d.string()
		c.NonNull = d.Uvarint()
		c.Distinct = uint32(d.UpTo(math.MaxUint32))
		if c.Kind < index.KindValue || c.Kind > index.KindDouble || c.Level > telemetry.LevelResource || c.Type > telemetry.TypeTime {
			d.fail()
		}
	}
}

func (d *Decoder) leaves(m *Meta) {
	m.Leaves = make([]Leaf, d.Count(7))
	for i := range m.Leaves {
		l := &m.Leaves[i]
		l.Column = int(d.varint())
		l.Role, l.Hole, l.Physical, l.Width, l.Exponent = Role(d.byte()), d.byte(), Physical(d.byte()), d.byte(), d.byte()
		l.Name = d.string()
		if l.Column < -1 || l.Column >= len(m.Columns) || l.Exponent > ExponentMax {
			d.fail()
		}
	}
}

func (d *Decoder) groups(m *Meta) {
	const magicBytes = 4 // a Parquet file begins with "PAR1"
	offset := int64(magicBytes)
	m.Groups = make([]RowGroup, d.Count(3))
	for i := range m.Groups {
		g := &m.Groups[i]
		g.Rows = d.UpTo(RowGroupRowsMax)
		g.MinTime, g.MaxTime = d.varint(), d.varint()
		if len(d.Rest) < len(m.Leaves)*8 {
			d.fail()
			return
		}
		g.Chunks = make([]Chunk, len(m.Leaves))
		for j := range g.Chunks {
			g.Chunks[j] = d.chunk()
			g.Chunks[j].Offset = offset
			offset += g.Chunks[j].Stored()
		}
		m.Info.Rows += g.Rows
	}
	if offset != m.FooterOffset {
		d.fail()
	}
}

func (d *Decoder) sections(m *Meta, offset int64) {
	m.Sections = make([]Section, d.Count(9))
	for i := range m.Sections {
		s := &m.Sections[i]
		s.Kind = SectionKind(d.byte())
		s.Column = d.UpTo(uint64(len(m.Columns)))
		s.Group = int(d.varint())
		s.Stored = uint32(d.UpTo(ChunkBytesMax))
		s.Raw = uint32(d.UpTo(ChunkBytesMax))
		s.CRC = d.uint32()
		s.Offset = offset
		offset += int64(s.Stored)
	}
}

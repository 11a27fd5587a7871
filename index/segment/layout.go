package segment

import (
	"fmt"

	"clew/index/segment/format"
	"clew/index/segment/pagecode"
)

// Layout is where a segment's bytes are, for people: what clew dump prints.
type Layout struct {
	Leaves   []LeafLayout    `json:"leaves"`   // the Parquet columns, in order
	Sections []SectionLayout `json:"sections"` // of the .index, in order
	// Bytes that are neither a leaf's nor a section's: magic and file metadata of the .parquet, header and metadata of the .index.
	FooterBytes   int64 `json:"footerBytes"`
	MetadataBytes int64 `json:"metadataBytes"`
}

// LeafLayout is one Parquet column.
type LeafLayout struct {
	Name   string        `json:"name"`
	Column int           `json:"column"` // index into Columns; -1: the overflow column
	Chunks []ChunkLayout `json:"chunks"` // one for each row group
}

// ChunkLayout is a leaf in a row group.
type ChunkLayout struct {
	Encoding   string `json:"encoding"`
	Codec      string `json:"codec"`
	Offset     int64  `json:"offset"` // in the .parquet
	Stored     int64  `json:"stored"` // bytes there, page headers included
	Raw        int64  `json:"raw"`    // bytes when decompressed, without headers
	Dictionary int    `json:"dictionary,omitempty"`
	Nulls      int    `json:"nulls,omitempty"`
}

// SectionLayout is a section of the .index.
type SectionLayout struct {
	Kind   string `json:"kind"`
	Column int    `json:"column"`
	Group  int    `json:"group"` // row group, or -1
	Offset int64  `json:"offset"`
	Stored int64  `json:"stored"`
	Raw    int64  `json:"raw"`
}

var encodingNames = map[uint8]string{
	pagecode.Plain: "PLAIN", pagecode.RLE: "RLE", pagecode.Delta: "DELTA_BINARY_PACKED", pagecode.DeltaLength: "DELTA_LENGTH_BYTE_ARRAY",
	pagecode.Dictionary: "RLE_DICTIONARY",
}

var codecNames = map[uint8]string{pagecode.CodecNone: "none", pagecode.CodecZstd: "zstd"}

var sectionNames = map[format.SectionKind]string{
	format.SectionVocabulary: "vocabulary", format.SectionHistograms: "histograms", format.SectionFilter: "filter", format.SectionPages: "pages",
	format.SectionStarts: "starts",
}

// nameOf is a number's name, or the number where there is none.
func nameOf[K comparable](names map[K]string, k K) string {
	if name, ok := names[k]; ok {
		return name
	}
	return fmt.Sprint(k)
}

// Layout describes where the segment's bytes are. It reads nothing.
func (s *Segment) Layout() Layout {
	l := Layout{FooterBytes: s.meta.ParquetBytes - s.meta.FooterOffset + int64(len(format.ParquetMagic)), Leaves: make([]LeafLayout, len(s.meta.Leaves))}
	for i, leaf := range s.meta.Leaves {
		l.Leaves[i] = LeafLayout{Name: leaf.Name, Column: leaf.Column, Chunks: make([]ChunkLayout, len(s.meta.Groups))}
		for g := range s.meta.Groups {
			c := &s.meta.Groups[g].Chunks[i]
			l.Leaves[i].Chunks[g] = ChunkLayout{
				Encoding: nameOf(encodingNames, c.Encoding), Codec: nameOf(codecNames, c.Codec), Offset: c.Offset, Stored: c.Stored(),
				Raw: int64(c.DictionaryRaw) + int64(c.DataRaw), Dictionary: int(c.DictionaryCount), Nulls: int(c.Nulls),
			}
		}
	}
	l.MetadataBytes = s.info.Bytes - s.meta.ParquetBytes
	for i := range s.meta.Sections {
		sec := &s.meta.Sections[i]
		raw := int64(sec.Raw)
		if raw == 0 {
			raw = int64(sec.Stored)
		}
		l.Sections = append(l.Sections, SectionLayout{
			Kind: nameOf(sectionNames, sec.Kind), Column: sec.Column, Group: sec.Group, Offset: sec.Offset, Stored: int64(sec.Stored), Raw: raw,
		})
		l.MetadataBytes -= int64(sec.Stored)
	}
	return l
}

// FormatVersion is the version of the format that the segment is written in.
func (s *Segment) FormatVersion() int { return int(s.version) }

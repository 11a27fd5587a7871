package segment

import (
	"unsafe"

	"clew/index"
	"clew/index/segment/format"
)

// ColumnBytes is what each column takes on disk, in Columns' order: its chunks of all row groups, and its sections of the .index (vocabulary, histograms,
// filters). Columns that are kept in the overflow have 0: what they take is the overflow columns'.
func (s *Segment) ColumnBytes() []int64 {
	bytes := make([]int64, len(s.meta.Columns))
	for _, g := range s.meta.Groups {
		for i := range g.Chunks {
			if col := s.meta.Leaves[i].Column; col >= 0 {
				bytes[col] += g.Chunks[i].Stored()
			}
		}
	}
	for i := range s.meta.Sections {
		if sec := &s.meta.Sections[i]; sec.Column >= 0 && sec.Column < len(bytes) {
			bytes[sec.Column] += int64(sec.Stored)
		}
	}
	return bytes
}

// MetadataBytes is about how much memory the segment takes while it is open and nothing is read from it.
func (s *Segment) MetadataBytes() int64 {
	const fixed, perSection = 2048, 2*int64(unsafe.Sizeof(format.SectionKey{})) + 16 // the map is half full
	m := s.meta
	bytes := fixed + int64(len(m.Sections))*(int64(unsafe.Sizeof(format.Section{}))+perSection)
	for _, c := range m.Columns {
		bytes += int64(unsafe.Sizeof(index.ColumnInfo{})) + int64(len(c.Key)) + 32 // its list of leaves
	}
	for _, l := range m.Leaves {
		bytes += int64(unsafe.Sizeof(format.Leaf{})) + int64(len(l.Name)) + 4
	}
	return bytes + int64(len(m.Groups))*(int64(unsafe.Sizeof(format.RowGroup{}))+int64(unsafe.Sizeof(index.RowGroupInfo{}))+
		int64(len(m.Leaves))*int64(unsafe.Sizeof(format.Chunk{})))
}

package segment

import (
	"unsafe"

	"clew/index"
)

// ColumnBytes is what each column takes on disk, in Columns' order: its chunks of all row groups, and its sections of the .index (vocabulary, histograms,
// filters). Columns that are kept in the overflow have 0: what they take is the overflow columns'.
func (s *Segment) ColumnBytes() []int64 {
	bytes := make([]int64, len(s.meta.columns))
	for _, g := range s.meta.groups {
		for i := range g.chunks {
			if col := s.meta.leaves[i].column; col >= 0 {
				bytes[col] += g.chunks[i].stored()
			}
		}
	}
	for i := range s.meta.sections {
		if sec := &s.meta.sections[i]; sec.column >= 0 && sec.column < len(bytes) {
			bytes[sec.column] += int64(sec.stored)
		}
	}
	return bytes
}

// MetadataBytes is about how much memory the segment takes while it is open and nothing is read from it.
func (s *Segment) MetadataBytes() int64 {
	const fixed, perSection = 2048, 2*int64(unsafe.Sizeof(sectionKey{})) + 16 // the map is half full
	m := s.meta
	bytes := fixed + int64(len(m.sections))*(int64(unsafe.Sizeof(section{}))+perSection)
	for _, c := range m.columns {
		bytes += int64(unsafe.Sizeof(index.ColumnInfo{})) + int64(len(c.Key)) + 32 // its list of leaves
	}
	for _, l := range m.leaves {
		bytes += int64(unsafe.Sizeof(leaf{})) + int64(len(l.name)) + 4
	}
	return bytes + int64(len(m.groups))*(int64(unsafe.Sizeof(rowGroup{}))+int64(unsafe.Sizeof(index.RowGroupInfo{}))+
		int64(len(m.leaves))*int64(unsafe.Sizeof(chunk{})))
}

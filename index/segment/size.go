package segment

import "clew/index"

// DecodedBytes is about how much memory a column of a row group takes when it is decoded whole. Nothing is read to know it.
func (s *Segment) DecodedBytes(col, rg int) (bytes int64) {
	if col < 0 || col >= len(s.meta.columns) || rg < 0 || rg >= len(s.groups) {
		return 0
	}
	c := &s.meta.columns[col]
	leaves := s.leaves[col]
	if c.Overflow && s.overflowLeaf >= 0 {
		leaves = []int{s.overflowLeaf}
	}
	for _, leaf := range leaves {
		chunk := &s.meta.groups[rg].chunks[leaf]
		rows := int64(s.groups[rg].Rows)
		values := rows - int64(chunk.nulls)
		switch l := &s.meta.leaves[leaf]; {
		case l.role == roleTemplate || c.Kind == index.KindValue:
			bytes += 4 * rows
		case values == 0:
		case l.physical == physicalInt64 || l.physical == physicalDouble:
			bytes += 8 * rows
		case chunk.dictionaryCount > 0:
			bytes += 4*rows + values*int64(chunk.dictionaryRaw)/int64(chunk.dictionaryCount)
		default:
			bytes += 4*rows + int64(chunk.dataRaw)
		}
	}
	return bytes
}

// DecodedBytes is Segment's, for the rows of the page.
func (p *pagePart) DecodedBytes(col, _ int) int64 {
	rows := max(1, p.s.groups[p.group].Rows)
	return p.s.DecodedBytes(col, p.group) * int64(p.rows[0].Rows) / int64(rows)
}

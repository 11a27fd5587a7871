package segment

import (
	"clew/index"
	"clew/index/segment/format"
)

// DecodedBytes is about how much memory a column of a row group takes when it is decoded whole. Nothing is read to know it.
func (s *Segment) DecodedBytes(col, rg int) (bytes int64) {
	if col < 0 || col >= len(s.meta.Columns) || rg < 0 || rg >= len(s.groups) {
		return 0
	}
	c := &s.meta.Columns[col]
	leaves := s.leaves[col]
	if c.Overflow && s.overflowLeaf >= 0 {
		leaves = []int{s.overflowLeaf}
	}
	for _, leaf := range leaves {
		chunk := &s.meta.Groups[rg].Chunks[leaf]
		rows := int64(s.groups[rg].Rows)
		values := rows - int64(chunk.Nulls)
		switch l := &s.meta.Leaves[leaf]; {
		case l.Role == format.RoleTemplate || c.Kind == index.KindValue:
			bytes += 4 * rows
		case values == 0:
		case l.Physical == format.PhysicalInt64 || l.Physical == format.PhysicalDouble:
			bytes += 8 * rows
		case chunk.DictionaryCount > 0:
			bytes += 4*rows + values*int64(chunk.DictionaryRaw)/int64(chunk.DictionaryCount)
		default:
			bytes += 4*rows + int64(chunk.DataRaw)
		}
	}
	return bytes
}

// DecodedBytes is Segment's, for the rows of the page.
func (p *pagePart) DecodedBytes(col, _ int) int64 {
	rows := max(1, p.s.groups[p.group].Rows)
	return p.s.DecodedBytes(col, p.group) * int64(p.rows[0].Rows) / int64(rows)
}

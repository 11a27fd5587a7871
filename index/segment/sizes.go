package segment

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

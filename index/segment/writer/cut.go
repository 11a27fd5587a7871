package writer

// sized is a part that knows how much memory a column of a row group takes when decoded. Segments do; heads do not, and are sealed before a row group of theirs
// is large.
type sized interface {
	DecodedBytes(col, rg int) int64
}

// rowBytes is the mean size of a row in an input's row group, by the column that takes most of it there; 0 where nobody knows.
func (in *input) rowBytes(rg int) float64 {
	p, ok := in.part.(sized)
	if !ok || in.groups[rg].Rows == 0 {
		return 0
	}
	largest := int64(0)
	for col := range in.columns {
		largest = max(largest, p.DecodedBytes(col, rg))
	}
	return float64(largest) / float64(in.groups[rg].Rows)
}

// cutGroups says where the row groups end in order: after so many rows, or so many bytes, as the options allow. A row counts as the mean of those it comes from.
func (w *Writer) cutGroups(order []uint32) (ends []int) {
	g := w.gatherer
	means := make([]float64, len(g.places))
	for i, p := range g.places {
		means[i] = w.inputs[p.input].rowBytes(p.group)
	}
	near, start, bytes := 0, 0, 0.0
	for i, row := range order {
		near = g.locate(row, near)
		if i-start == w.opt.RowGroupRows || i > start && bytes+means[near] > float64(w.opt.RowGroupBytes) {
			ends = append(ends, i)
			start, bytes = i, 0
		}
		bytes += means[near]
	}
	return append(ends, len(order))
}

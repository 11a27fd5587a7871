package match

import (
	"slices"

	"clew/index"
)

// sized is a part that knows how much memory a column of a row group takes when decoded.
type sized interface {
	DecodedBytes(col, rg int) int64
}

// ScanBytes is about what looking for matching rows in a row group takes: the columns that the plan asks, and the ordering time.
func (b *Bound) ScanBytes(rg int) int64 {
	bytes := int64(8+b.nodes) * int64(b.Groups[rg].Rows)
	p, ok := b.Part.(sized)
	if !ok {
		// A head's columns are in memory already, but its texts are rebuilt.
		if n := len(b.leaves); n > 0 && b.leaves[n-1].leaf.info.Kind == index.KindText {
			bytes += b.Info.Bytes * int64(b.Groups[rg].Rows) / int64(max(1, b.Info.Rows))
		}
		return bytes
	}
	overflow := false
	for i, n := range b.leaves {
		if n.leaf.info.Overflow { // all of them are in one place
			if !overflow {
				bytes += p.DecodedBytes(n.leaf.col, rg)
			}
			overflow = true
			continue
		}
		if !slices.ContainsFunc(b.leaves[:i], func(before *node) bool { return before.leaf.col == n.leaf.col }) {
			bytes += p.DecodedBytes(n.leaf.col, rg)
		}
	}
	return bytes
}

// RecordBytes is about what the columns take that are read to make records of rows of a row group.
func (b *Bound) RecordBytes(rg int, rows []int) (bytes int64) {
	_ = b.byPage(rg, rows, func(b *Bound, rg int, _ []int, _ int) error {
		p, ok := b.Part.(sized)
		if !ok {
			return nil
		}
		overflow := false
		for col, c := range b.Columns {
			if !c.Overflow || !overflow {
				bytes += p.DecodedBytes(col, rg)
			}
			overflow = overflow || c.Overflow
		}
		return nil
	})
	return bytes
}

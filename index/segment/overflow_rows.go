package segment

import (
	"context"
	"encoding/base64"

	"clew/index"
	"clew/index/segment/format"
	"clew/index/segment/pagecode"
	"clew/internal/telemetry"
)

// EachOverflow calls f with the values that some rows of a row group have in overflow columns: row rows[i] has value in column col. Asking each of
// the columns for its values would look at every row's object once for each. value is only lent.
func (s *Segment) EachOverflow(ctx context.Context, rg int, rows []int, f func(i, col int, value []byte) error) error {
	return s.eachOverflow(ctx, rg, allPages, rows, f)
}

// EachOverflow is Segment's.
func (p *pagePart) EachOverflow(ctx context.Context, rg int, rows []int, f func(i, col int, value []byte) error) error {
	if err := p.check(rg); err != nil {
		return err
	}
	return p.s.eachOverflow(ctx, p.group, p.page, rows, f)
}

func (s *Segment) eachOverflow(ctx context.Context, rg, page int, rows []int, f func(i, col int, value []byte) error) error {
	if s.overflowLeaf < 0 {
		return nil
	}
	if _, err := s.group(rg); err != nil {
		return err
	}
	all, err := s.objectsOf(ctx, rg, page)
	if err != nil {
		return err
	}
	columns := s.overflowColumns()
	var key, value []byte
	for i, row := range rows {
		if !index.IsValid(all.Valid, row) {
			continue
		}
		for object := all.At(row); len(object) > 1; { // of the last member the brace is left
			var ok bool
			if key, value, object, ok = format.ReadMember(key[:0], value[:0], object); !ok {
				return s.chunkDamage(s.overflowLeaf, rg, pagecode.Err)
			}
			col, known := columns[string(key)]
			if !known {
				return s.chunkDamage(s.overflowLeaf, rg, pagecode.Err)
			}
			if s.meta.Columns[col].Type == telemetry.TypeBytes {
				n, err := base64.StdEncoding.Decode(value, value)
				if err != nil {
					return s.chunkDamage(s.overflowLeaf, rg, pagecode.Err)
				}
				value = value[:n]
			}
			if err := f(i, col, value); err != nil {
				return err
			}
		}
	}
	return nil
}

// overflowColumns are the overflow columns by the keys of their members.
func (s *Segment) overflowColumns() map[string]int {
	s.overflowOnce.Do(func() {
		s.overflowKeys = map[string]int{}
		for i, c := range s.meta.Columns {
			if c.Overflow {
				s.overflowKeys[c.Column.String()] = i
			}
		}
	})
	return s.overflowKeys
}

// Lacks gives a function that says, at no cost, that none of some rows of a row group has a value in a column. It may say no where none has.
func (s *Segment) Lacks(rg int, _ []int) func(col int) bool {
	chunks := s.meta.Groups[rg].Chunks
	return func(col int) bool {
		leaves := s.leaves[col]
		return len(leaves) > 0 && int(chunks[leaves[0]].Nulls) == s.groups[rg].Rows
	}
}

// Lacks is Segment's.
func (p *pagePart) Lacks(_ int, rows []int) func(col int) bool { return p.s.Lacks(p.group, rows) }

// objectsOf reads the objects of rows, once for all columns (cached under column -1).
func (s *Segment) objectsOf(ctx context.Context, rg, page int) (index.Bytes, error) {
	return cached(s.cache, s.pageKey(cacheBytes, -1, rg, page), func() (index.Bytes, int64, error) {
		b, err := s.raw(ctx, s.overflowLeaf, rg, page)
		return b, bytesSize(b), err
	})
}

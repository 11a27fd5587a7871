package segment

import (
	"context"
	"fmt"

	"clew/index/segment/format"
)

// A chunk's rows are cut into data pages of meta.pageRows, each with its own checksum, so that few rows can be read without the others. A chunk
// of one page, and one without any value, needs no more than the metadata says of it; where the pages of the others are, a section for
// each row group says, which is read when first needed.

// pagesOf is how many data pages a leaf's chunk has.
func (s *Segment) pagesOf(leaf, rg int) int {
	g := &s.meta.Groups[rg]
	if int(g.Chunks[leaf].Nulls) == g.Rows {
		return 1
	}
	return s.pagesIn(rg)
}

// pagesIn is how many pages the rows of a row group are cut into.
func (s *Segment) pagesIn(rg int) int {
	if s.meta.PageRows == 0 {
		return 1
	}
	return max(1, (s.meta.Groups[rg].Rows+s.meta.PageRows-1)/s.meta.PageRows)
}

// pageRange is the rows of a page of a row group.
func (s *Segment) pageRange(rg, page int) (from, to int) {
	rows := s.groups[rg].Rows
	if s.meta.PageRows == 0 {
		return 0, rows
	}
	from = page * s.meta.PageRows
	return from, min(rows, from+s.meta.PageRows)
}

// pageKey is a cacheKey of rows: of a row group, or of one page.
func (s *Segment) pageKey(what cacheKind, a, rg, page int) cacheKey {
	if page == allPages {
		return cacheKey{s.info.ID, what, int32(a), int32(rg)}
	}
	return cacheKey{s.info.ID, what + cachePaged, int32(a), int32(s.firstPage[rg] + page)}
}

// decodedWhole is a column of a row group, if a page of it is asked for and all of it is in the cache.
func decodedWhole[T any](s *Segment, what cacheKind, a, rg, page int) (value T, ok bool) {
	if page == allPages {
		return value, false
	}
	return peek[T](s.cache, s.pageKey(what, a, rg, allPages))
}

// pageValid is the validity of some rows; from is a multiple of 64.
func pageValid(valid []uint64, from, to int) []uint64 {
	if valid == nil {
		return nil
	}
	return valid[from/64 : (to+63)/64]
}

// pages reads where the pages of a row group are: for each leaf whose chunk has several.
func (s *Segment) pages(ctx context.Context, rg int) ([][]format.PageInfo, error) {
	return cached(s.cache, cacheKey{s.info.ID, cachePages, int32(rg), 0}, func() ([][]format.PageInfo, int64, error) {
		data, sec, err := s.readSection(ctx, format.SectionPages, 0, rg)
		if err != nil {
			return nil, 0, err
		}
		if sec == nil {
			return nil, 0, s.damage(s.indexName, 0, fmt.Sprintf("no pages of row group %d", rg))
		}
		all := make([][]format.PageInfo, len(s.meta.Leaves))
		d := &format.Decoder{Rest: data}
		bytes := int64(0)
		for leaf := range all {
			n := s.pagesOf(leaf, rg)
			if n == 1 {
				continue
			}
			c := &s.meta.Groups[rg].Chunks[leaf]
			all[leaf] = d.Pages(n, c.Offset+int64(c.DictionaryStored))
			if last := &all[leaf][n-1]; d.Failed || last.Offset+int64(last.Stored) != c.Offset+c.Stored() {
				return nil, 0, s.damage(s.indexName, sec.Offset, "pages do not follow their format")
			}
			bytes += int64(n) * 24
		}
		if len(d.Rest) > 0 {
			return nil, 0, s.damage(s.indexName, sec.Offset, "pages do not follow their format")
		}
		return all, bytes, nil
	})
}

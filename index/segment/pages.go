package segment

import (
	"context"
	"encoding/binary"
	"fmt"
)

// A chunk's rows are cut into data pages of meta.pageRows, each with its own checksum, so that few rows can be read without the others. A chunk
// of one page, and one without any value, needs no more than the metadata says of it; where the pages of the others are, a section for
// each row group says, which is read when first needed.

// pageInfo is a data page of a chunk that has several.
type pageInfo struct {
	offset int64 // in the .parquet; only where it is read
	stored uint32
	header uint32
	raw    uint32
	crc    uint32
}

// addPages adds what a row group's chunks say about their pages.
func (w *indexWriter) addPages(group int, chunks []chunk) {
	var data []byte
	for i := range chunks {
		for _, p := range chunks[i].pages {
			data = binary.AppendUvarint(data, uint64(p.stored))
			data = binary.AppendUvarint(data, uint64(p.header))
			data = binary.AppendUvarint(data, uint64(p.raw))
			data = binary.LittleEndian.AppendUint32(data, p.crc)
		}
		chunks[i].pages = nil
	}
	if len(data) > 0 {
		w.add(sectionPages, 0, group, data)
	}
}

// pagesOf is how many data pages a leaf's chunk has.
func (s *Segment) pagesOf(leaf, rg int) int {
	g := &s.meta.groups[rg]
	if int(g.chunks[leaf].nulls) == g.Rows {
		return 1
	}
	return s.pagesIn(rg)
}

// pagesIn is how many pages the rows of a row group are cut into.
func (s *Segment) pagesIn(rg int) int {
	if s.meta.pageRows == 0 {
		return 1
	}
	return max(1, (s.meta.groups[rg].Rows+s.meta.pageRows-1)/s.meta.pageRows)
}

// pageRange is the rows of a page of a row group.
func (s *Segment) pageRange(rg, page int) (from, to int) {
	rows := s.groups[rg].Rows
	if s.meta.pageRows == 0 {
		return 0, rows
	}
	from = page * s.meta.pageRows
	return from, min(rows, from+s.meta.pageRows)
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
func (s *Segment) pages(ctx context.Context, rg int) ([][]pageInfo, error) {
	return cached(s.cache, cacheKey{s.info.ID, cachePages, int32(rg), 0}, func() ([][]pageInfo, int64, error) {
		data, sec, err := s.readSection(ctx, sectionPages, 0, rg)
		if err != nil {
			return nil, 0, err
		}
		if sec == nil {
			return nil, 0, s.damage(s.indexName, 0, fmt.Sprintf("no pages of row group %d", rg))
		}
		all := make([][]pageInfo, len(s.meta.leaves))
		d := &decoder{b: data}
		bytes := int64(0)
		for leaf := range all {
			n := s.pagesOf(leaf, rg)
			if n == 1 {
				continue
			}
			c := &s.meta.groups[rg].chunks[leaf]
			all[leaf] = d.pages(n, c.offset+int64(c.dictionaryStored))
			if last := &all[leaf][n-1]; d.failed || last.offset+int64(last.stored) != c.offset+c.stored() {
				return nil, 0, s.damage(s.indexName, sec.offset, "pages do not follow their format")
			}
			bytes += int64(n) * 24
		}
		if len(d.b) > 0 {
			return nil, 0, s.damage(s.indexName, sec.offset, "pages do not follow their format")
		}
		return all, bytes, nil
	})
}

// pages reads n pages that begin at an offset.
func (d *decoder) pages(n int, offset int64) []pageInfo {
	pages := make([]pageInfo, n)
	for i := range pages {
		p := &pages[i]
		p.offset = offset
		p.stored = uint32(d.upTo(chunkBytesMax))
		p.header = uint32(d.upTo(uint64(p.stored)))
		p.raw = uint32(d.upTo(chunkBytesMax))
		p.crc = d.uint32()
		offset += int64(p.stored)
	}
	return pages
}

package segment

import (
	"context"
	"slices"

	"clew/index/segment/format"
	"clew/index/store"
)

// BringNear tells a store that wants to know it that the rows of these pages will be read, all columns of them: once for each page, as long as the segment is
// open. Rows of a trace lie in one page of each column, with other pages between them, so that the store could not guess it. An error is that of reading
// where the pages are.
func (s *Segment) BringNear(ctx context.Context, refs []PageRef) error {
	p, wants := s.st.(store.Prefetcher)
	if !wants {
		return nil
	}
	for _, ref := range refs[:min(len(refs), nearPagesMax)] {
		if _, done := s.broughtNear.LoadOrStore(ref, struct{}{}); done {
			continue
		}
		ranges, err := s.rangesOf(ctx, ref)
		if err != nil {
			return err
		}
		p.Prefetch(s.parquetName, ranges...)
		if _, done := s.broughtNear.LoadOrStore(vocabularies, struct{}{}); !done {
			p.Prefetch(s.indexName, s.vocabularyRanges()...)
		}
	}
	return nil
}

// vocabularies stands for those of the columns among the pages.
var vocabularies = PageRef{Group: -1, Page: -1}

// rangesOf is where a page's columns are in the .parquet, ascending.
func (s *Segment) rangesOf(ctx context.Context, ref PageRef) ([]store.Range, error) {
	var ranges []store.Range
	var pages [][]format.PageInfo // read when a chunk has several
	g := &s.meta.Groups[ref.Group]
	for leaf := range s.meta.Leaves {
		c := &g.Chunks[leaf]
		if int(c.Nulls) == g.Rows {
			continue
		}
		if s.pagesOf(leaf, ref.Group) == 1 {
			ranges = appendRange(ranges, c.Offset, c.Stored())
			continue
		}
		if pages == nil {
			var err error
			if pages, err = s.pages(ctx, ref.Group); err != nil {
				return nil, err
			}
		}
		if s.meta.Leaves[leaf].Role == format.RoleString {
			ranges = appendRange(ranges, c.Offset, int64(c.DictionaryStored))
		}
		page := &pages[leaf][ref.Page]
		ranges = appendRange(ranges, page.Offset, int64(page.Stored))
	}
	return ranges, nil
}

// vocabularyRanges is where the columns' vocabularies are in the .index, ascending, as far as they are small: a large one is read for what is in it, not for a few
// rows.
func (s *Segment) vocabularyRanges() (ranges []store.Range) {
	var found []*format.Section
	for key, sec := range s.sections {
		if key.Kind == format.SectionVocabulary && sec.Stored <= nearVocabularyBytes {
			found = append(found, sec)
		}
	}
	slices.SortFunc(found, func(a, b *format.Section) int { return int(a.Offset - b.Offset) })
	for _, sec := range found {
		ranges = appendRange(ranges, sec.Offset, int64(sec.Stored))
	}
	return ranges
}

// appendRange joins a range to the last one if there is little between them.
func appendRange(ranges []store.Range, off, n int64) []store.Range {
	if len(ranges) > 0 && n > 0 {
		if last := &ranges[len(ranges)-1]; off <= last.Off+last.N+nearGapBytes {
			last.N = max(last.N, off+n-last.Off)
			return ranges
		}
	}
	if n == 0 {
		return ranges
	}
	return append(ranges, store.Range{Off: off, N: n})
}

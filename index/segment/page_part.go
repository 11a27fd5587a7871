package segment

import (
	"bytes"
	"context"
	"fmt"
	"sort"

	"clew/index"
	"clew/index/segment/format"
	"clew/index/vocabulary"
	"clew/internal/telemetry"
)

// pagePart is the rows of one page as a part: all columns, and one row group. What it says about the whole (Info, Columns) is the
// segment's, so that a query which was rewritten for the segment holds for it. It keeps no histograms.
type pagePart struct {
	s           *Segment
	group, page int
	rows        []index.RowGroupInfo
}

var _ index.Part = (*pagePart)(nil)

// PageRows is how many rows of a row group are read together at the least: row i is of page i / PageRows. 0: there are no pages, a row
// group is read whole.
func (s *Segment) PageRows() int { return s.meta.PageRows }

// Page is the part that holds the rows of a page of a row group.
func (s *Segment) Page(rg, page int) (index.Part, error) {
	g, err := s.group(rg)
	if err != nil {
		return nil, err
	}
	if page < 0 || page >= s.pagesIn(rg) {
		return nil, fmt.Errorf("segment %s: page %d of %d", s.info.ID, page, s.pagesIn(rg))
	}
	from, to := s.pageRange(rg, page)
	return &pagePart{s: s, group: rg, page: page, rows: []index.RowGroupInfo{{Rows: to - from, MinTime: g.MinTime, MaxTime: g.MaxTime}}}, nil
}

// PageRef names a page of a row group.
type PageRef struct{ Group, Page int }

// PagesOf are the pages in which rows of a trace id are, if there are any: spans are sorted by it. ok is false where the segment cannot
// tell.
func (s *Segment) PagesOf(ctx context.Context, id telemetry.TraceID) (refs []PageRef, ok bool, err error) {
	if s.traceColumn < 0 || s.sections[format.SectionKey{Kind: format.SectionStarts, Column: s.traceColumn, Group: index.Whole}] == nil {
		return nil, false, nil
	}
	starts, err := cached(s.cache, cacheKey{s.info.ID, cacheStarts, 0, 0}, func() ([]byte, int64, error) {
		data, sec, err := s.readSection(ctx, format.SectionStarts, s.traceColumn, index.Whole)
		if err == nil && len(data) != len(id)*s.firstPage[len(s.groups)] {
			err = s.damage(s.indexName, sec.Offset, "starts of pages do not follow their format")
		}
		return data, int64(len(data)), err
	})
	if err != nil {
		return nil, false, err
	}
	n := len(starts) / len(id)
	at := func(i int) []byte { return starts[i*len(id):][:len(id)] }
	// The last page that begins before the id may hold it, and all that begin with it do.
	first := max(0, sort.Search(n, func(i int) bool { return bytes.Compare(at(i), id[:]) >= 0 })-1)
	rg := 0
	for page := first; page < n && bytes.Compare(at(page), id[:]) <= 0; page++ {
		for page >= s.firstPage[rg+1] {
			rg++
		}
		refs = append(refs, PageRef{rg, page - s.firstPage[rg]})
	}
	return refs, true, nil
}

func (p *pagePart) check(rg int) error {
	if rg != 0 {
		return fmt.Errorf("segment %s: row group %d of a page", p.s.info.ID, rg)
	}
	return nil
}

// Info implements index.Part.
func (p *pagePart) Info() index.Info { return p.s.info }

// Columns implements index.Part.
func (p *pagePart) Columns() []index.ColumnInfo { return p.s.meta.Columns }

// Vocabulary implements index.Part.
func (p *pagePart) Vocabulary(ctx context.Context, col int) (*vocabulary.Arena, error) {
	return p.s.Vocabulary(ctx, col)
}

// BytesRead implements index.Part: of all of the segment.
func (p *pagePart) BytesRead() int64 { return p.s.BytesRead() }

// RowGroups implements index.Part.
func (p *pagePart) RowGroups() []index.RowGroupInfo { return p.rows }

// Histogram implements index.Part: there is none of a page.
func (p *pagePart) Histogram(context.Context, int, int) (index.Histogram, bool, error) {
	return index.Histogram{}, false, nil
}

// MayContain implements index.Part: what the row group has, the page may have.
func (p *pagePart) MayContain(ctx context.Context, col, rg int, hash uint64) (bool, error) {
	if rg != index.Whole {
		if err := p.check(rg); err != nil {
			return false, err
		}
	}
	return p.s.MayContain(ctx, col, p.group, hash)
}

// Codes implements index.Part.
func (p *pagePart) Codes(ctx context.Context, col, rg int) ([]uint32, error) {
	if err := p.check(rg); err != nil {
		return nil, err
	}
	return p.s.codes(ctx, col, p.group, p.page)
}

// Ints implements index.Part.
func (p *pagePart) Ints(ctx context.Context, col, rg int) (index.Ints, error) {
	if err := p.check(rg); err != nil {
		return index.Ints{}, err
	}
	return p.s.ints(ctx, col, p.group, p.page)
}

// Doubles implements index.Part.
func (p *pagePart) Doubles(ctx context.Context, col, rg int) (index.Doubles, error) {
	if err := p.check(rg); err != nil {
		return index.Doubles{}, err
	}
	return p.s.doubles(ctx, col, p.group, p.page)
}

// Bytes implements index.Part.
func (p *pagePart) Bytes(ctx context.Context, col, rg int) (index.Bytes, error) {
	if err := p.check(rg); err != nil {
		return index.Bytes{}, err
	}
	return p.s.bytes(ctx, col, p.group, p.page)
}

// Text implements index.Part.
func (p *pagePart) Text(ctx context.Context, col, rg int) (index.TextRows, error) {
	return p.TextOf(ctx, col, rg, nil)
}

// TextOf is Segment.TextOf.
func (p *pagePart) TextOf(ctx context.Context, col, rg int, templates []uint32) (index.TextRows, error) {
	if err := p.check(rg); err != nil {
		return nil, err
	}
	return p.s.textOf(ctx, col, p.group, p.page, templates)
}

// TextRuns is Segment.TextRuns.
func (p *pagePart) TextRuns(ctx context.Context, col, rg int) (index.TextRuns, error) {
	if err := p.check(rg); err != nil {
		return nil, err
	}
	return p.s.textRuns(ctx, col, p.group, p.page)
}

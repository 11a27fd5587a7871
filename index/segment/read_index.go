package segment

import (
	"context"
	"fmt"

	"clew/index"
	"clew/index/filter"
	"clew/index/segment/format"
	"clew/index/vocabulary"
)

// Vocabulary implements index.Part.
func (s *Segment) Vocabulary(ctx context.Context, col int) (*vocabulary.Arena, error) {
	if _, err := s.column(col, index.KindValue, index.KindText); err != nil {
		return nil, err
	}
	return cached(s.cache, cacheKey{s.info.ID, cacheVocabulary, int32(col), 0}, func() (*vocabulary.Arena, int64, error) {
		data, sec, err := s.readSection(ctx, format.SectionVocabulary, col, 0)
		if err != nil {
			return nil, 0, err
		}
		if sec == nil {
			return nil, 0, s.damage(s.indexName, 0, fmt.Sprintf("no vocabulary of column %d", col))
		}
		arena, ok := format.ParseArena(data)
		if !ok || arena.Len() != int(s.meta.Columns[col].Distinct) {
			return nil, 0, s.damage(s.indexName, sec.Offset, "vocabulary does not follow its format")
		}
		return arena, int64(len(arena.Data) + 4*len(arena.Offsets)), nil
	})
}

// Histogram implements index.Part.
func (s *Segment) Histogram(ctx context.Context, col, rg int) (index.Histogram, bool, error) {
	if _, err := s.column(col, index.KindValue, index.KindText); err != nil {
		return index.Histogram{}, false, err
	}
	if _, err := s.group(rg); err != nil {
		return index.Histogram{}, false, err
	}
	all, err := cached(s.cache, cacheKey{s.info.ID, cacheHistograms, int32(col), 0}, func() ([]index.Histogram, int64, error) {
		data, sec, err := s.readSection(ctx, format.SectionHistograms, col, 0)
		if err != nil {
			return nil, 0, err
		}
		if sec == nil {
			return nil, 0, s.damage(s.indexName, 0, fmt.Sprintf("no histograms of column %d", col))
		}
		all, ok := parseHistograms(data, s.groups, s.meta.Columns[col].Distinct)
		if !ok {
			return nil, 0, s.damage(s.indexName, sec.Offset, "histograms do not follow their format")
		}
		bytes := int64(0)
		for _, h := range all {
			bytes += int64(8*len(h.Codes)) + 64
		}
		return all, bytes, nil
	})
	if err != nil {
		return index.Histogram{}, false, err
	}
	return all[rg], true, nil
}

// parseHistograms reads a histogram for each row group. What it returns fits: codes ascend below distinct, counts add up to the rows.
func parseHistograms(data []byte, groups []index.RowGroupInfo, distinct uint32) ([]index.Histogram, bool) {
	d := &format.Decoder{Rest: data}
	all := make([]index.Histogram, len(groups))
	for i, g := range groups {
		h := &all[i]
		h.Nulls = d.UpTo(uint64(g.Rows))
		n := d.Count(2)
		h.Codes, h.Counts = make([]uint32, n), make([]uint32, n)
		code, rows := uint64(0), h.Nulls
		for j := range n {
			step := d.Uvarint()
			count := d.UpTo(uint64(g.Rows))
			code += step
			if j > 0 && step == 0 || step > uint64(distinct) || code >= uint64(distinct) || count == 0 {
				return nil, false
			}
			h.Codes[j], h.Counts[j] = uint32(code), uint32(count)
			rows += count
		}
		if d.Failed || rows != g.Rows {
			return nil, false
		}
	}
	return all, len(d.Rest) == 0
}

// MayContain implements index.Part.
func (s *Segment) MayContain(ctx context.Context, col, rg int, hash uint64) (bool, error) {
	if col < 0 || col >= len(s.meta.Columns) {
		return false, fmt.Errorf("segment %s: column %d of %d", s.info.ID, col, len(s.meta.Columns))
	}
	if rg != index.Whole {
		if _, err := s.group(rg); err != nil {
			return false, err
		}
		return s.filterSays(ctx, col, rg, hash)
	}
	if s.sections[format.SectionKey{Kind: format.SectionFilter, Column: col, Group: index.Whole}] != nil {
		return s.filterSays(ctx, col, index.Whole, hash)
	}
	for rg := range s.groups {
		if may, err := s.filterSays(ctx, col, rg, hash); err != nil || may {
			return may, err
		}
	}
	return false, nil
}

// filterSays asks one filter; where there is none, anything may be.
func (s *Segment) filterSays(ctx context.Context, col, rg int, hash uint64) (bool, error) {
	if s.sections[format.SectionKey{Kind: format.SectionFilter, Column: col, Group: rg}] == nil {
		return true, nil
	}
	f, err := cached(s.cache, cacheKey{s.info.ID, cacheFilter, int32(col), int32(rg)}, func() (*filter.Filter, int64, error) {
		data, sec, err := s.readSection(ctx, format.SectionFilter, col, rg)
		if err != nil {
			return nil, 0, err
		}
		f, err := filter.Open(data)
		if err != nil {
			return nil, 0, s.damage(s.indexName, sec.Offset, err.Error())
		}
		return f, int64(len(data)), nil
	})
	if err != nil {
		return false, err
	}
	return f.Contains(hash), nil
}

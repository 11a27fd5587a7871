package segment

import (
	"context"
	"fmt"
	"slices"

	"clew/index"
	"clew/index/segment/format"
	"clew/index/segment/pagecode"
	"clew/internal/telemetry"
)

// guard turns a panic of a decoder into damage. The decoders check what they read; this is for what they overlook.
func (s *Segment) guard(leaf, rg int, err *error) {
	if r := recover(); r != nil {
		*err = s.chunkDamage(leaf, rg, fmt.Errorf("decoder panicked: %v", r))
	}
}

// Codes implements index.Part.
func (s *Segment) Codes(ctx context.Context, col, rg int) ([]uint32, error) {
	return s.codes(ctx, col, rg, allPages)
}

// codes, and what is like it below, reads the rows of one page, or of allPages.
func (s *Segment) codes(ctx context.Context, col, rg, page int) ([]uint32, error) {
	c, err := s.column(col, index.KindValue, index.KindText)
	if err != nil {
		return nil, err
	}
	if _, err := s.group(rg); err != nil {
		return nil, err
	}
	if whole, ok := decodedWhole[[]uint32](s, cacheCodes, col, rg, page); ok {
		from, to := s.pageRange(rg, page)
		return whole[from:to], nil
	}
	return cached(s.cache, s.pageKey(cacheCodes, col, rg, page), func() ([]uint32, int64, error) {
		h, _, err := s.Histogram(ctx, col, rg)
		if err != nil {
			return nil, 0, err
		}
		if col == s.info.SortedBy || len(h.Codes) == 0 || len(h.Codes) == 1 && h.Nulls == 0 {
			// The histogram says it all.
			codes := codesFromRuns(h, s.groups[rg].Rows)
			if page != allPages {
				from, to := s.pageRange(rg, page)
				codes = slices.Clone(codes[from:to])
			}
			return codes, int64(4 * len(codes)), nil
		}
		codes, err := s.decodeCodes(ctx, c, s.leaves[col][0], rg, page, h)
		return codes, int64(4 * len(codes)), err
	})
}

// codesFromRuns lays out the codes of rows that are sorted by them, those without a value last.
func codesFromRuns(h index.Histogram, rows int) []uint32 {
	codes := make([]uint32, rows)
	rest := codes
	for i, code := range h.Codes {
		run := rest[:h.Counts[i]]
		for j := range run {
			run[j] = code
		}
		rest = rest[len(run):]
	}
	for i := range rest {
		rest[i] = index.NullCode
	}
	return codes
}

func (s *Segment) decodeCodes(ctx context.Context, c *index.ColumnInfo, leaf, rg, page int, h index.Histogram) (codes []uint32, err error) {
	defer s.guard(leaf, rg, &err)
	p, err := s.readChunk(ctx, leaf, rg, page, false)
	if err != nil {
		return nil, err
	}
	var indices []uint32
	if c.Type == telemetry.TypeBool {
		indices, err = p.boolIndices(len(h.Codes))
	} else {
		indices, err = p.indices()
	}
	if err == nil && (page == allPages && p.nulls != h.Nulls || p.encoding == pagecode.Dictionary && p.count != len(h.Codes)) {
		err = pagecode.Err
	}
	if err != nil {
		return nil, s.chunkDamage(leaf, rg, err)
	}
	if p.valid == nil {
		for i, at := range indices {
			indices[i] = h.Codes[at]
		}
		return indices, nil
	}
	codes = make([]uint32, p.rows)
	next := 0
	for i := range codes {
		codes[i] = index.NullCode
		if index.IsValid(p.valid, i) {
			codes[i] = h.Codes[indices[next]]
			next++
		}
	}
	return codes, nil
}

// boolIndices reads bits as indices into a histogram of "false" and "true". Where it has one code, every index is 0.
func (p *content) boolIndices(distinct int) ([]uint32, error) {
	if distinct > 2 {
		return nil, pagecode.Err
	}
	out := make([]uint32, p.values())
	rest := out
	for _, b := range p.bodies {
		if p.encoding != pagecode.Plain || len(b.encoded) != (b.values+7)/8 {
			return nil, pagecode.Err
		}
		if distinct == 2 {
			for i := range b.values {
				rest[i] = uint32(b.encoded[i>>3] >> (i & 7) & 1)
			}
		}
		rest = rest[b.values:]
	}
	return out, nil
}

// numbers reads an int or double column in a row group.
func (s *Segment) numbers(ctx context.Context, col, rg, page int) (bits, valid []uint64, err error) {
	leaf := s.leaves[col][0]
	defer s.guard(leaf, rg, &err)
	p, err := s.readChunk(ctx, leaf, rg, page, true)
	if err != nil {
		return nil, nil, err
	}
	dense, err := p.numbers()
	if err != nil {
		return nil, nil, s.chunkDamage(leaf, rg, err)
	}
	if exponent := s.meta.Leaves[leaf].Exponent; exponent > 0 {
		format.ScaleUp(format.BitsInt64(dense), format.UnitOf(exponent))
	}
	return p.expandNumbers(dense), p.valid, nil
}

// Ints implements index.Part.
func (s *Segment) Ints(ctx context.Context, col, rg int) (index.Ints, error) {
	return s.ints(ctx, col, rg, allPages)
}

func (s *Segment) ints(ctx context.Context, col, rg, page int) (index.Ints, error) {
	if _, err := s.column(col, index.KindInt); err != nil {
		return index.Ints{}, err
	}
	if _, err := s.group(rg); err != nil {
		return index.Ints{}, err
	}
	if whole, ok := decodedWhole[index.Ints](s, cacheInts, col, rg, page); ok {
		from, to := s.pageRange(rg, page)
		return index.Ints{Values: whole.Values[from:to], Valid: pageValid(whole.Valid, from, to)}, nil
	}
	return cached(s.cache, s.pageKey(cacheInts, col, rg, page), func() (index.Ints, int64, error) {
		bits, valid, err := s.numbers(ctx, col, rg, page)
		return index.Ints{Values: format.BitsInt64(bits), Valid: valid}, int64(8*len(bits) + 8*len(valid)), err
	})
}

// Doubles implements index.Part.
func (s *Segment) Doubles(ctx context.Context, col, rg int) (index.Doubles, error) {
	return s.doubles(ctx, col, rg, allPages)
}

func (s *Segment) doubles(ctx context.Context, col, rg, page int) (index.Doubles, error) {
	if _, err := s.column(col, index.KindDouble); err != nil {
		return index.Doubles{}, err
	}
	if _, err := s.group(rg); err != nil {
		return index.Doubles{}, err
	}
	if whole, ok := decodedWhole[index.Doubles](s, cacheDoubles, col, rg, page); ok {
		from, to := s.pageRange(rg, page)
		return index.Doubles{Values: whole.Values[from:to], Valid: pageValid(whole.Valid, from, to)}, nil
	}
	return cached(s.cache, s.pageKey(cacheDoubles, col, rg, page), func() (index.Doubles, int64, error) {
		bits, valid, err := s.numbers(ctx, col, rg, page)
		return index.Doubles{Values: format.BitsFloat64(bits), Valid: valid}, int64(8*len(bits) + 8*len(valid)), err
	})
}

// Bytes implements index.Part.
func (s *Segment) Bytes(ctx context.Context, col, rg int) (index.Bytes, error) {
	return s.bytes(ctx, col, rg, allPages)
}

func (s *Segment) bytes(ctx context.Context, col, rg, page int) (index.Bytes, error) {
	c, err := s.column(col, index.KindRaw)
	if err != nil {
		return index.Bytes{}, err
	}
	if _, err := s.group(rg); err != nil {
		return index.Bytes{}, err
	}
	if whole, ok := decodedWhole[index.Bytes](s, cacheBytes, col, rg, page); ok {
		from, to := s.pageRange(rg, page)
		return index.Bytes{Data: whole.Data, Offsets: whole.Offsets[from : to+1], Valid: pageValid(whole.Valid, from, to)}, nil
	}
	return cached(s.cache, s.pageKey(cacheBytes, col, rg, page), func() (b index.Bytes, size int64, err error) {
		if c.Overflow {
			b, err = s.overflow(ctx, c.Column, rg, page)
		} else {
			b, err = s.raw(ctx, s.leaves[col][0], rg, page)
		}
		return b, bytesSize(b), err
	})
}

func bytesSize(b index.Bytes) int64 {
	return int64(len(b.Data) + 4*len(b.Offsets) + 8*len(b.Valid))
}

func (s *Segment) raw(ctx context.Context, leaf, rg, page int) (b index.Bytes, err error) {
	defer s.guard(leaf, rg, &err)
	p, err := s.readChunk(ctx, leaf, rg, page, true)
	if err != nil {
		return index.Bytes{}, err
	}
	data, offsets, err := p.strings(int(s.meta.Leaves[leaf].Width))
	if err != nil {
		return index.Bytes{}, s.chunkDamage(leaf, rg, err)
	}
	return index.Bytes{Data: data, Offsets: p.expandOffsets(offsets), Valid: p.valid}, nil
}

// overflow picks a column out of the overflow leaf, which is decoded once for all of them (cached under column -1).
func (s *Segment) overflow(ctx context.Context, c telemetry.Column, rg, page int) (index.Bytes, error) {
	if s.overflowLeaf < 0 {
		return index.Bytes{}, s.damage(s.indexName, format.HeaderBytes, "overflow columns without an overflow leaf")
	}
	all, err := s.objectsOf(ctx, rg, page)
	if err != nil {
		return index.Bytes{}, err
	}
	b, err := format.ExtractOverflow(all, c)
	if err != nil {
		return index.Bytes{}, s.chunkDamage(s.overflowLeaf, rg, err)
	}
	return b, nil
}

// OverflowObjects are the objects of a row group's rows in the overflow leaf. They are not cached: merging reads them once.
func (s *Segment) OverflowObjects(ctx context.Context, rg int) (index.Bytes, error) {
	if s.overflowLeaf < 0 {
		return index.Bytes{}, s.damage(s.indexName, format.HeaderBytes, "overflow columns without an overflow leaf")
	}
	return s.raw(ctx, s.overflowLeaf, rg, allPages)
}

// OverflowDamage is the damage of a row group's objects that do not follow their form.
func (s *Segment) OverflowDamage(rg int, err error) error {
	return s.chunkDamage(s.overflowLeaf, rg, err)
}

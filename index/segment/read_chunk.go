package segment

import (
	"context"
	"encoding/binary"
	"fmt"
	"math"

	"clew/index"
)

// page is a chunk after checksums and decompression.
type page struct {
	rows       int
	valid      []uint64 // nil: all rows have a value
	nulls      int
	body       []byte // the encoded values of the rows that have one
	dictionary []byte
	count      int // entries of the dictionary
	encoding   uint8
}

func (p *page) values() int { return p.rows - p.nulls }

// readChunk reads a leaf's chunk in a row group. Without dictionary, that page is not read: codes don't need it.
func (s *Segment) readChunk(ctx context.Context, leaf, rg int, dictionary bool) (*page, error) {
	g := &s.meta.groups[rg]
	c := &g.chunks[leaf]
	offset, split := c.offset+int64(c.dictionaryStored), 0
	if dictionary {
		offset, split = c.offset, int(c.dictionaryStored)
	}
	if int(c.nulls) == g.Rows {
		return &page{rows: g.Rows, nulls: g.Rows, valid: make([]uint64, (g.Rows+63)/64), encoding: c.encoding}, nil
	}
	b, err := s.readChecked(ctx, s.parquetName, offset, split+int(c.dataStored), func(b []byte) bool {
		return checksum(b[split:]) == c.dataCRC && (split == 0 || checksum(b[:split]) == c.dictionaryCRC)
	}, "column "+s.meta.leaves[leaf].name)
	if err != nil {
		return nil, err
	}
	p := &page{rows: g.Rows, encoding: c.encoding, count: int(c.dictionaryCount)}
	body, err := c.open(b[split:], c.dataHeader, c.dataRaw)
	if err == nil && split > 0 {
		p.dictionary, err = c.open(b[:split], c.dictionaryHeader, c.dictionaryRaw)
	}
	if err == nil {
		p.valid, p.nulls, p.body, err = readLevels(body, g.Rows)
	}
	if err == nil && p.nulls != int(c.nulls) {
		err = errPage
	}
	if err != nil {
		return nil, s.chunkDamage(leaf, rg, err)
	}
	return p, nil
}

// open strips a page's header and decompresses its body.
func (c *chunk) open(stored []byte, header, raw uint32) ([]byte, error) {
	body := stored[header:]
	switch c.codec {
	case codecZstd:
		return decompress(body, int(raw))
	case codecNone:
		if len(body) != int(raw) {
			return nil, errPage
		}
		return body, nil
	}
	return nil, fmt.Errorf("codec %d: %w", c.codec, errPage)
}

func (s *Segment) chunkDamage(leaf, rg int, err error) error {
	return s.damage(s.parquetName, s.meta.groups[rg].chunks[leaf].offset, fmt.Sprintf("column %s, row group %d: %v", s.meta.leaves[leaf].name, rg, err))
}

// indices reads dictionary indices below count.
func (p *page) indices() ([]uint32, error) {
	if p.encoding != encodingDictionary || len(p.body) == 0 {
		return nil, errPage
	}
	out := make([]uint32, p.values())
	if err := readHybrid(out, p.body[1:], int(p.body[0])); err != nil {
		return nil, err
	}
	largest := uint32(0)
	for _, at := range out {
		largest = max(largest, at)
	}
	if int64(largest) >= int64(p.count) {
		return nil, errPage
	}
	return out, nil
}

// numbers reads the bits of int64 or float64 values, without gaps.
func (p *page) numbers() ([]uint64, error) {
	n := p.values()
	if n == 0 {
		return nil, nil
	}
	out := make([]uint64, n)
	switch p.encoding {
	case encodingDelta:
		rest, err := readDelta(bitsInt64(out), p.body)
		if err == nil && len(rest) > 0 {
			err = errPage
		}
		return out, err
	case encodingPlain:
		if len(p.body) != 8*n {
			return nil, errPage
		}
		for i := range out {
			out[i] = binary.LittleEndian.Uint64(p.body[8*i:])
		}
		return out, nil
	case encodingDictionary:
		indices, err := p.indices()
		if err != nil || len(p.dictionary) != 8*p.count {
			return nil, errPage
		}
		for i, at := range indices {
			out[i] = binary.LittleEndian.Uint64(p.dictionary[8*at:])
		}
		return out, nil
	}
	return nil, errPage
}

// strings are byte strings without gaps: data[offsets[i]:offsets[i+1]].
func (p *page) strings(width int) (data []byte, offsets []uint32, err error) {
	n := p.values()
	offsets = make([]uint32, n+1)
	if n == 0 {
		return nil, offsets, nil
	}
	switch p.encoding {
	case encodingPlain: // ids of one length
		if width == 0 || len(p.body) != n*width {
			return nil, nil, errPage
		}
		for i := range offsets {
			offsets[i] = uint32(i * width)
		}
		return p.body, offsets, nil
	case encodingDeltaLength:
		lengths := make([]int64, n)
		data, err := readDelta(lengths, p.body)
		if err != nil {
			return nil, nil, err
		}
		end := int64(0)
		for i, length := range lengths {
			if length < 0 || length > int64(len(data)) {
				return nil, nil, errPage
			}
			if end += length; end > int64(len(data)) {
				return nil, nil, errPage
			}
			offsets[i+1] = uint32(end)
		}
		if end != int64(len(data)) {
			return nil, nil, errPage
		}
		return data, offsets, nil
	case encodingDictionary:
		return p.dictionaryStrings(offsets)
	}
	return nil, nil, errPage
}

// dictionaryStrings lays out the values that indices refer to.
func (p *page) dictionaryStrings(offsets []uint32) ([]byte, []uint32, error) {
	indices, err := p.indices()
	if err != nil {
		return nil, nil, err
	}
	if p.count > len(p.dictionary)/4 {
		return nil, nil, errPage
	}
	entries := make([][]byte, p.count)
	rest := p.dictionary
	for i := range entries {
		if len(rest) < 4 {
			return nil, nil, errPage
		}
		length := binary.LittleEndian.Uint32(rest)
		if uint64(length) > uint64(len(rest)-4) {
			return nil, nil, errPage
		}
		entries[i] = rest[4 : 4+length]
		rest = rest[4+length:]
	}
	if len(rest) > 0 {
		return nil, nil, errPage
	}
	total := uint64(0)
	for i, at := range indices {
		total += uint64(len(entries[at]))
		if total > math.MaxUint32 {
			return nil, nil, errPage
		}
		offsets[i+1] = uint32(total)
	}
	data := make([]byte, 0, total)
	for _, at := range indices {
		data = append(data, entries[at]...)
	}
	return data, offsets, nil
}

// expandNumbers spreads values over all rows; rows without one get 0.
func (p *page) expandNumbers(dense []uint64) []uint64 {
	if p.valid == nil {
		return dense
	}
	out := make([]uint64, p.rows)
	next := 0
	for i := range out {
		if index.IsValid(p.valid, i) {
			out[i] = dense[next]
			next++
		}
	}
	return out
}

// expandOffsets does so for the offsets of byte strings.
func (p *page) expandOffsets(dense []uint32) []uint32 {
	if p.valid == nil {
		return dense
	}
	out := make([]uint32, p.rows+1)
	next := 0
	for i := range p.rows {
		if index.IsValid(p.valid, i) {
			next++
		}
		out[i+1] = dense[next]
	}
	return out
}

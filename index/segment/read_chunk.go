package segment

import (
	"context"
	"encoding/binary"
	"fmt"
	"math"

	"clew/index"
	"clew/index/segment/format"
	"clew/index/segment/pagecode"
	"clew/index/store"
)

// content is a chunk, or one page of it, after checksums and decompression.
type content struct {
	rows       int
	valid      []uint64 // nil: all rows have a value
	nulls      int
	bodies     []body
	dictionary *dictionary // nil: none, or not asked for
	count      int         // entries of the dictionary
	encoding   uint8
}

// body is the encoded values of a page.
type body struct {
	values  int
	encoded []byte
}

// dictionary is a dictionary page. entries are those of byte strings.
type dictionary struct {
	raw     []byte
	entries [][]byte
}

// allPages stands for a page where a chunk is read whole.
const allPages = -1

func (p *content) values() int { return p.rows - p.nulls }

// readChunk reads a leaf's chunk in a row group, or one page of it. Without dictionary, that page is not read: codes don't need it.
func (s *Segment) readChunk(ctx context.Context, leaf, rg, page int, dictionary bool) (*content, error) {
	g := &s.meta.Groups[rg]
	c := &g.Chunks[leaf]
	from, to := 0, g.Rows
	if page != allPages {
		from, to = s.pageRange(rg, page)
	}
	p := &content{rows: to - from, encoding: c.Encoding, count: int(c.DictionaryCount)}
	if int(c.Nulls) == g.Rows {
		p.valid, p.nulls = make([]uint64, (p.rows+63)/64), p.rows
		return p, nil
	}
	var pages []format.PageInfo // nil: one
	if s.pagesOf(leaf, rg) > 1 {
		all, err := s.pages(ctx, rg)
		if err != nil {
			return nil, err
		}
		pages = all[leaf]
	}
	var err error
	if page != allPages && pages != nil {
		err = s.readPage(ctx, p, leaf, rg, &pages[page], dictionary)
	} else {
		err = s.readPages(ctx, p, leaf, rg, pages, dictionary)
	}
	if err != nil {
		return nil, err
	}
	return p, nil
}

// readPages reads all of a chunk at once.
func (s *Segment) readPages(ctx context.Context, p *content, leaf, rg int, pages []format.PageInfo, dictionary bool) error {
	c := &s.meta.Groups[rg].Chunks[leaf]
	data := c.Offset + int64(c.DictionaryStored)
	offset, split := data, 0
	if dictionary {
		offset, split = c.Offset, int(c.DictionaryStored)
	}
	s.readAhead(leaf, rg)
	b, err := s.readChecked(ctx, s.parquetName, offset, split+int(c.DataStored), func(b []byte) bool {
		return format.Checksum(b[split:]) == c.DataCRC && (split == 0 || format.Checksum(b[:split]) == c.DictionaryCRC)
	}, "column "+s.meta.Leaves[leaf].Name)
	if err != nil {
		return err
	}
	if pages == nil {
		pages = []format.PageInfo{{Offset: data, Stored: c.DataStored, Header: c.DataHeader, Raw: c.DataRaw}}
	}
	rows := p.rows
	if len(pages) > 1 {
		rows = s.meta.PageRows
	}
	for i := range pages {
		stored := b[split+int(pages[i].Offset-data):][:pages[i].Stored]
		if err == nil {
			err = p.add(c, stored, &pages[i], min(rows, p.rows-i*rows))
		}
	}
	if err == nil && split > 0 {
		p.dictionary, err = openDictionary(c, b[:split], s.meta.Leaves[leaf].Physical)
	}
	if err == nil && p.nulls != int(c.Nulls) {
		err = pagecode.Err
	}
	if err != nil {
		return s.chunkDamage(leaf, rg, err)
	}
	return nil
}

// readPage reads one page of a chunk of several.
func (s *Segment) readPage(ctx context.Context, p *content, leaf, rg int, info *format.PageInfo, dictionary bool) error {
	c := &s.meta.Groups[rg].Chunks[leaf]
	name := "column " + s.meta.Leaves[leaf].Name
	b, err := s.readChecked(ctx, s.parquetName, info.Offset, int(info.Stored), func(b []byte) bool { return format.Checksum(b) == info.CRC }, name)
	if err != nil {
		return err
	}
	if err := p.add(c, b, info, p.rows); err != nil {
		return s.chunkDamage(leaf, rg, err)
	}
	if dictionary && c.DictionaryStored > 0 {
		p.dictionary, err = s.dictionary(ctx, leaf, rg)
	}
	return err
}

// dictionary reads the dictionary of a chunk, for pages that are read by themselves.
func (s *Segment) dictionary(ctx context.Context, leaf, rg int) (*dictionary, error) {
	return cached(s.cache, cacheKey{s.info.ID, cacheDictionary, int32(leaf), int32(rg)}, func() (*dictionary, int64, error) {
		c := &s.meta.Groups[rg].Chunks[leaf]
		b, err := s.readChecked(ctx, s.parquetName, c.Offset, int(c.DictionaryStored), func(b []byte) bool { return format.Checksum(b) == c.DictionaryCRC },
			"dictionary of column "+s.meta.Leaves[leaf].Name)
		if err != nil {
			return nil, 0, err
		}
		d, err := openDictionary(c, b, s.meta.Leaves[leaf].Physical)
		if err != nil {
			return nil, 0, s.chunkDamage(leaf, rg, err)
		}
		return d, int64(len(d.raw) + 24*len(d.entries)), nil
	})
}

// add opens a data page of some rows and adds it to the content.
func (p *content) add(c *format.Chunk, stored []byte, info *format.PageInfo, rows int) error {
	raw, err := openPage(c, stored, info.Header, info.Raw)
	if err != nil {
		return err
	}
	valid, nulls, encoded, err := pagecode.ReadLevels(raw, rows)
	if err != nil {
		return err
	}
	if valid != nil || p.valid != nil {
		before := 0 // rows of the pages before: a multiple of 64
		for _, b := range p.bodies {
			before += b.values
		}
		if p.valid == nil {
			p.valid = appendAllValid(make([]uint64, 0, (p.rows+63)/64), before)
		}
		if valid == nil {
			p.valid = appendAllValid(p.valid, rows)
		} else {
			p.valid = append(p.valid, valid...)
		}
	}
	p.nulls += nulls
	p.bodies = append(p.bodies, body{values: rows - nulls, encoded: encoded})
	return nil
}

// appendAllValid appends the validity of rows that all have a value.
func appendAllValid(valid []uint64, rows int) []uint64 {
	for ; rows >= 64; rows -= 64 {
		valid = append(valid, ^uint64(0))
	}
	if rows > 0 {
		valid = append(valid, 1<<rows-1)
	}
	return valid
}

// readAhead tells a store that wants to know it what will be read next, when a leaf's row groups are read one after the other, in either direction. Workers
// that share a segment may come past each other by a row group.
func (s *Segment) readAhead(leaf, rg int) {
	p, wants := s.st.(store.Prefetcher)
	if !wants {
		return
	}
	before := int(s.lastRead[leaf].Swap(int32(rg)+1)) - 1
	step := rg - before
	if before < 0 || step == 0 || step < -2 || step > 2 {
		return
	}
	step = min(max(step, -1), 1)
	for next := rg + step; next >= 0 && next < len(s.meta.Groups) && (next-rg)*step <= readAheadGroups; next += step {
		if c := &s.meta.Groups[next].Chunks[leaf]; int(c.Nulls) < s.meta.Groups[next].Rows {
			p.Prefetch(s.parquetName, store.Range{Off: c.Offset, N: c.Stored()})
		}
	}
}

// openPage strips a page's header and decompresses its body.
func openPage(c *format.Chunk, stored []byte, header, raw uint32) ([]byte, error) {
	if int64(header) > int64(len(stored)) {
		return nil, pagecode.Err
	}
	body := stored[header:]
	switch c.Codec {
	case pagecode.CodecZstd:
		return format.Decompress(body, int(raw))
	case pagecode.CodecNone:
		if len(body) != int(raw) {
			return nil, pagecode.Err
		}
		return body, nil
	}
	return nil, fmt.Errorf("codec %d: %w", c.Codec, pagecode.Err)
}

// openDictionary opens the dictionary page.
func openDictionary(c *format.Chunk, stored []byte, p format.Physical) (*dictionary, error) {
	raw, err := openPage(c, stored, c.DictionaryHeader, c.DictionaryRaw)
	if err != nil || p != format.PhysicalBytes {
		return &dictionary{raw: raw}, err
	}
	if int(c.DictionaryCount) > len(raw)/4 {
		return nil, pagecode.Err
	}
	d := &dictionary{raw: raw, entries: make([][]byte, c.DictionaryCount)}
	for i := range d.entries {
		if len(raw) < 4 {
			return nil, pagecode.Err
		}
		length := binary.LittleEndian.Uint32(raw)
		if uint64(length) > uint64(len(raw)-4) {
			return nil, pagecode.Err
		}
		d.entries[i] = raw[4 : 4+length]
		raw = raw[4+length:]
	}
	if len(raw) > 0 {
		return nil, pagecode.Err
	}
	return d, nil
}

func (s *Segment) chunkDamage(leaf, rg int, err error) error {
	return s.damage(s.parquetName, s.meta.Groups[rg].Chunks[leaf].Offset, fmt.Sprintf("column %s, row group %d: %v", s.meta.Leaves[leaf].Name, rg, err))
}

// indices reads dictionary indices below count.
func (p *content) indices() ([]uint32, error) {
	out := make([]uint32, p.values())
	rest := out
	for _, b := range p.bodies {
		if p.encoding != pagecode.Dictionary || len(b.encoded) == 0 {
			return nil, pagecode.Err
		}
		if err := pagecode.ReadHybrid(rest[:b.values], b.encoded[1:], int(b.encoded[0])); err != nil {
			return nil, err
		}
		rest = rest[b.values:]
	}
	largest := uint32(0)
	for _, at := range out {
		largest = max(largest, at)
	}
	if len(out) > 0 && int64(largest) >= int64(p.count) {
		return nil, pagecode.Err
	}
	return out, nil
}

// numbers reads the bits of int64 or float64 values, without gaps.
func (p *content) numbers() ([]uint64, error) {
	if p.values() == 0 {
		return nil, nil
	}
	if p.encoding == pagecode.Dictionary {
		indices, err := p.indices()
		if err != nil || p.dictionary == nil || len(p.dictionary.raw) != 8*p.count {
			return nil, pagecode.Err
		}
		out := make([]uint64, len(indices))
		for i, at := range indices {
			out[i] = binary.LittleEndian.Uint64(p.dictionary.raw[8*at:])
		}
		return out, nil
	}
	out := make([]uint64, p.values())
	rest := out
	for _, b := range p.bodies {
		if err := b.numbers(rest[:b.values], p.encoding); err != nil {
			return nil, err
		}
		rest = rest[b.values:]
	}
	return out, nil
}

func (b *body) numbers(out []uint64, encoding uint8) error {
	switch encoding {
	case pagecode.Delta:
		rest, err := pagecode.ReadDelta(format.BitsInt64(out), b.encoded)
		if err == nil && len(rest) > 0 {
			err = pagecode.Err
		}
		return err
	case pagecode.Plain:
		if len(b.encoded) != 8*len(out) {
			return pagecode.Err
		}
		for i := range out {
			out[i] = binary.LittleEndian.Uint64(b.encoded[8*i:])
		}
		return nil
	}
	return pagecode.Err
}

// strings are byte strings without gaps: data[offsets[i]:offsets[i+1]].
func (p *content) strings(width int) (data []byte, offsets []uint32, err error) {
	offsets = make([]uint32, p.values()+1)
	if p.values() == 0 {
		return nil, offsets, nil
	}
	switch p.encoding {
	case pagecode.Plain: // ids of one length
		data, err = p.fixedStrings(width, offsets)
		return data, offsets, err
	case pagecode.DeltaLength:
		data, err = p.lengthStrings(offsets)
		return data, offsets, err
	case pagecode.Dictionary:
		data, err = p.dictionaryStrings(offsets)
		return data, offsets, err
	}
	return nil, nil, pagecode.Err
}

func (p *content) fixedStrings(width int, offsets []uint32) (data []byte, err error) {
	for _, b := range p.bodies {
		if width == 0 || len(b.encoded) != b.values*width {
			return nil, pagecode.Err
		}
		if len(p.bodies) == 1 {
			data = b.encoded
		} else {
			if data == nil {
				data = make([]byte, 0, p.values()*width)
			}
			data = append(data, b.encoded...)
		}
	}
	for i := range offsets {
		offsets[i] = uint32(i * width)
	}
	return data, nil
}

func (p *content) lengthStrings(offsets []uint32) (data []byte, err error) {
	lengths := make([]int64, 0, p.bodies[0].values)
	at, total := 0, uint64(0)
	for _, b := range p.bodies {
		lengths = format.Resized(lengths, b.values)
		text, err := pagecode.ReadDelta(lengths, b.encoded)
		if err != nil {
			return nil, err
		}
		end := uint64(0)
		for _, length := range lengths {
			if length < 0 || uint64(length) > uint64(len(text))-end {
				return nil, pagecode.Err
			}
			end += uint64(length)
			at++
			if total+end > math.MaxUint32 {
				return nil, pagecode.Err
			}
			offsets[at] = uint32(total + end)
		}
		if end != uint64(len(text)) {
			return nil, pagecode.Err
		}
		total += end
		if len(p.bodies) == 1 {
			return text, nil
		}
		data = append(data, text...)
	}
	return data, nil
}

// dictionaryStrings lays out the values that indices refer to.
func (p *content) dictionaryStrings(offsets []uint32) ([]byte, error) {
	indices, err := p.indices()
	if err != nil {
		return nil, err
	}
	if p.dictionary == nil || len(p.dictionary.entries) != p.count {
		return nil, pagecode.Err
	}
	entries := p.dictionary.entries
	total := uint64(0)
	for i, at := range indices {
		total += uint64(len(entries[at]))
		if total > math.MaxUint32 {
			return nil, pagecode.Err
		}
		offsets[i+1] = uint32(total)
	}
	data := make([]byte, 0, total)
	for _, at := range indices {
		data = append(data, entries[at]...)
	}
	return data, nil
}

// expandNumbers spreads values over all rows; rows without one get 0.
func (p *content) expandNumbers(dense []uint64) []uint64 {
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
func (p *content) expandOffsets(dense []uint32) []uint32 {
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

package writer

import (
	"encoding/binary"
	"fmt"
	"io"
	"math"
	"slices"

	"clew/index/segment/format"
	"clew/index/segment/pagecode"
	"clew/index/vocabulary"
)

// chunkWriter encodes column chunks and writes them one after the other. Its buffers are used again for every chunk. The page
// bodies are encoded here and not by arrow's column writers, see docs/decisions/0003-own-parquet-pages.md.
type chunkWriter struct {
	out    io.Writer
	offset int64
	zstd   *format.Compressor

	pageRows   int          // rows of a data page; a multiple of 64
	page       []byte       // the raw bodies of the data pages, one after the other
	pages      []pageBounds // where each ends
	dictionary []byte       // the raw body of the dictionary page
	stored     []byte       // the same, compressed: first the dictionary
	indices    []uint32
	deltas     []int64

	lowBytes, highBytes [256]uint32 // frequencies
}

// pageBounds are a data page that is being written.
type pageBounds struct {
	rows, nulls           int
	rawEnd, compressedEnd int // in chunkWriter.page and stored
}

// values is a leaf's rows in one row group: which rows have a value, and the values of those that have, without gaps.
type values struct {
	rows  int
	valid []uint64 // nil if nulls is 0
	nulls int
}

// writeRaw passes bytes through (magic, footer).
func (w *chunkWriter) writeRaw(b []byte) error {
	n, err := w.out.Write(b)
	w.offset += int64(n)
	return err
}

// encode fills w.page with data pages: of each the levels, and what body appends for the values from to to (to is not one of them).
func (w *chunkWriter) encode(v values, body func(dst []byte, from, to int) []byte) {
	w.page, w.pages = w.page[:0], w.pages[:0]
	value := 0
	for row := 0; row < v.rows; {
		p := pageBounds{rows: min(v.rows-row, w.pageRows)}
		var valid []uint64
		if v.nulls > 0 {
			valid = v.valid[row>>6 : (row+p.rows+63)>>6]
			p.nulls = p.rows - pagecode.OnesCount(valid)
		}
		w.page = pagecode.AppendLevels(w.page, valid, p.rows, p.nulls)
		w.page = body(w.page, value, value+p.rows-p.nulls)
		value += p.rows - p.nulls
		row += p.rows
		p.rawEnd = len(w.page)
		w.pages = append(w.pages, p)
	}
}

// empty writes a chunk in which no row has a value.
func (w *chunkWriter) empty(rows int) (format.Chunk, error) {
	w.page = pagecode.AppendLevels(w.page[:0], nil, rows, rows)
	w.pages = append(w.pages[:0], pageBounds{rows: rows, nulls: rows, rawEnd: len(w.page)})
	return w.finish(pagecode.Plain, 0)
}

// codes writes a dictionary chunk. indices are the valid rows' positions in the dictionary, whose body is w.dictionary with count entries.
func (w *chunkWriter) codes(v values, indices []uint32, count int) (format.Chunk, error) {
	width := w.codesWidth(indices, count)
	w.encode(v, func(dst []byte, from, to int) []byte {
		return pagecode.AppendHybrid(append(dst, byte(width)), indices[from:to], width)
	})
	return w.finish(pagecode.Dictionary, count)
}

// dictionaryWidth is the bits of an index into a dictionary of count entries. 0 would be enough for one, but not all readers take it.
func dictionaryWidth(count int) int {
	width := 1
	for 1<<width < count {
		width++
	}
	return width
}

// ints writes int64 values: as a dictionary where few are distinct, as differences otherwise. Differences were never larger than plain
// values on real columns; the pass that looks for a dictionary ends early where there is none.
func (w *chunkWriter) ints(v values, ints []int64) (format.Chunk, error) {
	if len(ints) == 0 {
		return w.empty(v.rows)
	}
	if w.intDictionary(ints) {
		count := len(w.dictionary) / 8
		return w.codes(v, w.indices, count)
	}
	w.encode(v, func(dst []byte, from, to int) []byte { return pagecode.AppendDelta(dst, ints[from:to]) })
	return w.finish(pagecode.Delta, 0)
}

// intDictionary fills w.dictionary and w.indices if ints have few distinct values.
func (w *chunkWriter) intDictionary(ints []int64) bool {
	const bits = 11
	var table [1 << bits]struct {
		value int64
		index uint32
		used  bool
	}
	distinctMax := min(1<<(bits-1), len(ints)/8+1)
	w.dictionary, w.indices = w.dictionary[:0], w.indices[:0]
	distinct := 0
	for _, v := range ints {
		at := uint64(v) * 0x9E3779B97F4A7C15 >> (64 - bits)
		for table[at].used && table[at].value != v {
			at = (at + 1) & (1<<bits - 1)
		}
		if !table[at].used {
			if distinct == distinctMax {
				return false
			}
			table[at].value, table[at].index, table[at].used = v, uint32(distinct), true
			w.dictionary = binary.LittleEndian.AppendUint64(w.dictionary, uint64(v))
			distinct++
		}
		w.indices = append(w.indices, table[at].index)
	}
	return true
}

// doubles writes float64 values.
func (w *chunkWriter) doubles(v values, doubles []float64) (format.Chunk, error) {
	if len(doubles) == 0 {
		return w.empty(v.rows)
	}
	w.encode(v, func(dst []byte, from, to int) []byte {
		for _, f := range doubles[from:to] {
			dst = binary.LittleEndian.AppendUint64(dst, math.Float64bits(f))
		}
		return dst
	})
	return w.finish(pagecode.Plain, 0)
}

// bools writes truth values: bits are of the valid rows, without gaps.
func (w *chunkWriter) bools(v values, bits []uint64) (format.Chunk, error) {
	w.encode(v, func(dst []byte, from, to int) []byte {
		for ; from < to; from += 8 {
			b := byte(bits[from>>6] >> (from & 63))
			if free := 64 - from&63; free < 8 && from+free < to {
				b |= byte(bits[from>>6+1] << free)
			}
			if n := to - from; n < 8 {
				b &= 1<<n - 1
			}
			dst = append(dst, b)
		}
		return dst
	})
	return w.finish(pagecode.Plain, 0)
}

// fixed writes values of one length, given one after the other.
func (w *chunkWriter) fixed(v values, data []byte, width int) (format.Chunk, error) {
	w.encode(v, func(dst []byte, from, to int) []byte { return append(dst, data[from*width:to*width]...) })
	return w.finish(pagecode.Plain, 0)
}

// strings writes byte strings; value i of the valid rows ends at ends[i] in data. It returns the distinct values where it found a
// dictionary for them.
func (w *chunkWriter) strings(v values, data []byte, ends []uint32) (format.Chunk, *vocabulary.Interner, error) {
	if len(ends) == 0 {
		c, err := w.empty(v.rows)
		return c, nil, err
	}
	if distinct := w.stringDictionary(data, ends); distinct != nil {
		c, err := w.codes(v, w.indices, distinct.Len())
		return c, distinct, err
	}
	start := uint32(0)
	w.page = slices.Grow(w.page[:0], len(data)+len(ends)+v.rows/8)
	w.encode(v, func(dst []byte, from, to int) []byte {
		w.deltas = w.deltas[:0]
		first := start
		for _, end := range ends[from:to] {
			w.deltas = append(w.deltas, int64(end-start))
			start = end
		}
		return append(pagecode.AppendDelta(dst, w.deltas), data[first:start]...)
	})
	c, err := w.finish(pagecode.DeltaLength, 0)
	return c, nil, err
}

// stringDictionary fills w.dictionary and w.indices if the strings have few distinct values.
func (w *chunkWriter) stringDictionary(data []byte, ends []uint32) *vocabulary.Interner {
	distinct := vocabulary.NewInterner()
	w.indices = w.indices[:0]
	distinctMax := min(dictionaryDistinctMax, len(ends)/4+1)
	start := uint32(0)
	for i, end := range ends {
		code, added := distinct.Intern(data[start:end])
		start = end
		if added && (distinct.Len() > distinctMax || i == dictionarySample && distinct.Len() > dictionarySample/2) {
			return nil
		}
		w.indices = append(w.indices, code)
	}
	w.dictionary = w.dictionary[:0]
	for code := range distinct.Len() {
		w.dictionary = appendPlain(w.dictionary, distinct.At(uint32(code)))
	}
	return distinct
}

// appendPlain appends a byte string as Parquet's PLAIN has it.
func appendPlain(dst, value []byte) []byte {
	return append(binary.LittleEndian.AppendUint32(dst, uint32(len(value))), value...)
}

// finish writes the pages. With dictionaryCount > 0, w.dictionary is the dictionary's body.
func (w *chunkWriter) finish(encoding uint8, dictionaryCount int) (format.Chunk, error) {
	if len(w.page) > format.ChunkBytesMax || len(w.dictionary) > format.ChunkBytesMax {
		return format.Chunk{}, fmt.Errorf("chunk of %d bytes: more than %d", max(len(w.page), len(w.dictionary)), format.ChunkBytesMax)
	}
	c := format.Chunk{Offset: w.offset, Encoding: encoding, Codec: pagecode.CodecZstd, DataRaw: uint32(len(w.page)), DictionaryCount: uint32(dictionaryCount)}
	dictionary := w.dictionary
	if dictionaryCount == 0 {
		dictionary = nil
	}
	c.DictionaryRaw = uint32(len(dictionary))
	dictionaryEnd := w.compress(dictionary)
	if raw := len(dictionary) + len(w.page); len(w.stored) > raw-raw/format.CompressGain {
		c.Codec = pagecode.CodecNone
	}
	var buf [64]byte
	if dictionaryCount > 0 {
		body := w.stored[:dictionaryEnd]
		if c.Codec == pagecode.CodecNone {
			body = dictionary
		}
		h := pagecode.AppendDictionaryHeader(buf[:0], len(dictionary), len(body), dictionaryCount)
		crc := format.UpdateChecksum(format.Checksum(h), body)
		c.DictionaryHeader, c.DictionaryStored, c.DictionaryCRC = uint32(len(h)), uint32(len(h)+len(body)), crc
		if err := w.writePage(h, body); err != nil {
			return format.Chunk{}, err
		}
	}
	err := w.writeData(&c, w.stored[dictionaryEnd:])
	return c, err
}

// compress fills w.stored with the dictionary and the pages, compressed, and returns where the dictionary ends. The pages' ends count from there.
func (w *chunkWriter) compress(dictionary []byte) int {
	w.stored = slices.Grow(w.stored[:0], (len(dictionary)+len(w.page))*3/4)
	if len(dictionary) > 0 {
		w.stored = w.zstd.Append(w.stored, dictionary)
	}
	first, start := len(w.stored), 0
	for i := range w.pages {
		p := &w.pages[i]
		w.stored = w.zstd.Append(w.stored, w.page[start:p.rawEnd])
		p.compressedEnd = len(w.stored) - first
		start = p.rawEnd
	}
	return first
}

// writeData writes the data pages. compressed are their bodies, if that is the chunk's codec.
func (w *chunkWriter) writeData(c *format.Chunk, compressed []byte) error {
	var buf [64]byte
	rawStart, compressedStart := 0, 0
	if len(w.pages) > 1 {
		c.Pages = make([]format.PageInfo, 0, len(w.pages))
	}
	for _, p := range w.pages {
		raw := w.page[rawStart:p.rawEnd]
		body := raw
		if c.Codec == pagecode.CodecZstd {
			body = compressed[compressedStart:p.compressedEnd]
		}
		rawStart, compressedStart = p.rawEnd, p.compressedEnd
		h := pagecode.AppendDataHeader(buf[:0], len(raw), len(body), p.rows, c.Encoding)
		if len(w.pages) > 1 {
			c.Pages = append(c.Pages, format.PageInfo{
				Stored: uint32(len(h) + len(body)), Header: uint32(len(h)), Raw: uint32(len(raw)), CRC: format.UpdateChecksum(format.Checksum(h), body),
			})
		}
		c.DataCRC = format.UpdateChecksum(format.UpdateChecksum(c.DataCRC, h), body)
		c.DataHeader += uint32(len(h))
		c.DataStored += uint32(len(h) + len(body))
		c.Nulls += uint32(p.nulls)
		if err := w.writePage(h, body); err != nil {
			return err
		}
	}
	return nil
}

func (w *chunkWriter) writePage(header, body []byte) error {
	if err := w.writeRaw(header); err != nil {
		return err
	}
	return w.writeRaw(body)
}

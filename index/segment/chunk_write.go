package segment

import (
	"encoding/binary"
	"fmt"
	"io"
	"math"

	"clew/index/vocabulary"
)

// chunkWriter encodes column chunks and writes them one after the other. Its buffers are used again for every chunk. The page
// bodies are encoded here and not by arrow's column writers, see docs/decisions/0003-own-parquet-pages.md.
type chunkWriter struct {
	out    io.Writer
	offset int64
	zstd   *compressor

	page       []byte // the raw body of the data page
	dictionary []byte // the raw body of the dictionary page
	stored     []byte // what is written
	indices    []uint32
	deltas     []int64
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

// begin starts the data page's body with the levels.
func (w *chunkWriter) begin(v values) { w.page = appendLevels(w.page[:0], v.valid, v.rows, v.nulls) }

// empty writes a chunk in which no row has a value.
func (w *chunkWriter) empty(rows int) (chunk, error) {
	v := values{rows: rows, nulls: rows}
	w.begin(v)
	return w.finish(v, encodingPlain, 0)
}

// codes writes a dictionary chunk. indices are the valid rows' positions in the dictionary, whose body is w.dictionary with count entries.
func (w *chunkWriter) codes(v values, indices []uint32, count int) (chunk, error) {
	w.begin(v)
	width := dictionaryWidth(count)
	w.page = append(w.page, byte(width))
	w.page = appendHybrid(w.page, indices, width)
	return w.finish(v, encodingDictionary, count)
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
func (w *chunkWriter) ints(v values, ints []int64) (chunk, error) {
	if len(ints) == 0 {
		return w.empty(v.rows)
	}
	if w.intDictionary(ints) {
		count := len(w.dictionary) / 8
		return w.codes(v, w.indices, count)
	}
	w.begin(v)
	w.page = appendDelta(w.page, ints)
	return w.finish(v, encodingDelta, 0)
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
func (w *chunkWriter) doubles(v values, doubles []float64) (chunk, error) {
	if len(doubles) == 0 {
		return w.empty(v.rows)
	}
	w.begin(v)
	for _, f := range doubles {
		w.page = binary.LittleEndian.AppendUint64(w.page, math.Float64bits(f))
	}
	return w.finish(v, encodingPlain, 0)
}

// bools writes truth values: bits are of the valid rows, without gaps.
func (w *chunkWriter) bools(v values, bits []uint64) (chunk, error) {
	w.begin(v)
	at := len(w.page)
	for _, word := range bits {
		w.page = binary.LittleEndian.AppendUint64(w.page, word)
	}
	w.page = w.page[:at+(v.rows-v.nulls+7)/8]
	return w.finish(v, encodingPlain, 0)
}

// fixed writes values of one length, given one after the other.
func (w *chunkWriter) fixed(v values, data []byte) (chunk, error) {
	w.begin(v)
	w.page = append(w.page, data...)
	return w.finish(v, encodingPlain, 0)
}

// strings writes byte strings; value i of the valid rows ends at ends[i] in data. It returns the distinct values where it found a
// dictionary for them.
func (w *chunkWriter) strings(v values, data []byte, ends []uint32) (chunk, *vocabulary.Interner, error) {
	if len(ends) == 0 {
		c, err := w.empty(v.rows)
		return c, nil, err
	}
	if distinct := w.stringDictionary(data, ends); distinct != nil {
		c, err := w.codes(v, w.indices, distinct.Len())
		return c, distinct, err
	}
	w.begin(v)
	w.deltas = w.deltas[:0]
	start := uint32(0)
	for _, end := range ends {
		w.deltas = append(w.deltas, int64(end-start))
		start = end
	}
	w.page = appendDelta(w.page, w.deltas)
	w.page = append(w.page, data...)
	c, err := w.finish(v, encodingDeltaLength, 0)
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
func (w *chunkWriter) finish(v values, encoding uint8, dictionaryCount int) (chunk, error) {
	if len(w.page) > chunkBytesMax || len(w.dictionary) > chunkBytesMax {
		return chunk{}, fmt.Errorf("page of %d bytes: more than %d", max(len(w.page), len(w.dictionary)), chunkBytesMax)
	}
	c := chunk{offset: w.offset, nulls: uint32(v.nulls), encoding: encoding, codec: codecZstd, dataRaw: uint32(len(w.page)), dictionaryCount: uint32(dictionaryCount)}
	dictionary := w.dictionary
	if dictionaryCount == 0 {
		dictionary = nil
	}
	c.dictionaryRaw = uint32(len(dictionary))

	w.stored = w.stored[:0]
	if dictionaryCount > 0 {
		w.stored = w.zstd.append(w.stored, dictionary)
	}
	dictionaryEnd := len(w.stored)
	w.stored = w.zstd.append(w.stored, w.page)
	dictionaryBody, body := w.stored[:dictionaryEnd], w.stored[dictionaryEnd:]
	if raw := len(dictionary) + len(w.page); len(w.stored) > raw-raw/compressGain {
		c.codec, dictionaryBody, body = codecNone, dictionary, w.page
	}

	var header [64]byte
	if dictionaryCount > 0 {
		h := appendDictionaryHeader(header[:0], len(dictionary), len(dictionaryBody), dictionaryCount)
		if err := w.writePage(h, dictionaryBody, &c.dictionaryHeader, &c.dictionaryStored, &c.dictionaryCRC); err != nil {
			return chunk{}, err
		}
	}
	h := appendDataHeader(header[:0], len(w.page), len(body), v.rows, encoding)
	return c, w.writePage(h, body, &c.dataHeader, &c.dataStored, &c.dataCRC)
}

func (w *chunkWriter) writePage(header, body []byte, headerBytes, stored, crc *uint32) error {
	*headerBytes, *stored = uint32(len(header)), uint32(len(header)+len(body))
	*crc = updateChecksum(checksum(header), body)
	if err := w.writeRaw(header); err != nil {
		return err
	}
	return w.writeRaw(body)
}

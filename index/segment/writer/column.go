package writer

import (
	"context"
	"encoding/binary"
	"fmt"
	"math/bits"
	"slices"

	"clew/index"
	"clew/index/segment/format"
	"clew/index/vocabulary"
	"clew/internal/telemetry"
)

// writeColumn writes a column's leaves in one row group, and collects its histogram and filter.
func (w *Writer) writeColumn(ctx context.Context, col int, c *column, g *gathering) ([]format.Chunk, error) {
	switch c.Kind {
	case index.KindValue, index.KindText:
		coded, err := w.writeCodes(ctx, c, g)
		if err != nil || c.Kind == index.KindValue {
			return []format.Chunk{coded}, err
		}
		holes, err := w.writeHoles(ctx, col, c, g)
		return append([]format.Chunk{coded}, holes...), err
	case index.KindInt, index.KindDouble:
		ch, err := w.writeNumbers(ctx, c, g)
		return []format.Chunk{ch}, err
	case index.KindRaw:
		ch, err := w.writeRaw(ctx, col, c, g)
		return []format.Chunk{ch}, err
	}
	return nil, fmt.Errorf("kind %d", c.Kind)
}

// writeCodes writes a value column, or a text column's templates, as dictionary indices. The dictionary is in the order of
// the histogram, so a reader has the codes without looking at it. Leaves the codes in w.codeBuffer for writeHoles.
func (w *Writer) writeCodes(ctx context.Context, c *column, g *gathering) (format.Chunk, error) {
	codes := w.codesScratch(g.rows)
	if c.constant {
		clear(codes)
	} else if err := w.codes(ctx, c, g, codes); err != nil {
		return format.Chunk{}, err
	}
	h := w.count(codes, c.arena.Len())
	c.histograms = appendHistogram(c.histograms, h)
	c.NonNull += uint64(g.rows - h.Nulls)
	v := values{rows: g.rows, nulls: h.Nulls}
	if len(h.Codes) == 0 {
		return w.chunk.empty(g.rows)
	}
	indices := w.chunk.indices[:0]
	if h.Nulls == 0 {
		for _, code := range codes {
			indices = append(indices, w.local[code])
		}
	} else {
		w.valid = format.Bitmap(w.valid, g.rows)
		for i, code := range codes {
			if code != index.NullCode {
				indices = append(indices, w.local[code])
				w.valid[i>>6] |= 1 << (i & 63)
			}
		}
		v.valid = w.valid
	}
	w.chunk.indices = indices
	if c.Type == telemetry.TypeBool {
		return w.writeBools(c, h, v, indices)
	}
	if err := w.dictionary(c, h.Codes); err != nil {
		return format.Chunk{}, err
	}
	return w.chunk.codes(v, indices, len(h.Codes))
}

// count makes the histogram of codes and, in w.local, their places in it.
func (w *Writer) count(codes []uint32, distinct int) index.Histogram {
	if cap(w.counts) < distinct {
		w.counts, w.local = make([]uint32, distinct), make([]uint32, distinct)
	}
	counts := w.counts[:distinct]
	w.local = w.local[:cap(w.local)]
	var h index.Histogram
	for _, code := range codes {
		if code == index.NullCode {
			h.Nulls++
			continue
		}
		counts[code]++
	}
	for code, n := range counts {
		if n > 0 {
			w.local[code] = uint32(len(h.Codes))
			h.Codes = append(h.Codes, uint32(code))
			h.Counts = append(h.Counts, n)
			counts[code] = 0
		}
	}
	return h
}

// dictionary fills the chunk's dictionary with the vocabulary's entries of these codes, in the column's own type.
func (w *Writer) dictionary(c *column, codes []uint32) error {
	d := w.chunk.dictionary[:0]
	numeric := c.Type == telemetry.TypeInt || c.Type == telemetry.TypeDouble
	for _, code := range codes {
		text := c.arena.At(int(code))
		if !numeric {
			d = appendPlain(d, text)
			continue
		}
		bits, err := format.ParseNumber(c.Type, text)
		if err != nil {
			return fmt.Errorf("value %.40q: %w", text, err)
		}
		d = binary.LittleEndian.AppendUint64(d, bits)
	}
	w.chunk.dictionary = d
	return nil
}

// writeBools writes a column of truth values: Parquet has no dictionaries for those, so the indices become bits.
func (w *Writer) writeBools(c *column, h index.Histogram, v values, indices []uint32) (format.Chunk, error) {
	truth := make([]uint64, len(h.Codes))
	for i, code := range h.Codes {
		switch text := string(c.arena.At(int(code))); text {
		case "true":
			truth[i] = 1
		case "false":
		default:
			return format.Chunk{}, fmt.Errorf("value %.40q: want true or false", text)
		}
	}
	w.bits = format.Bitmap(w.bits, len(indices))
	for i, at := range indices {
		w.bits[i>>6] |= truth[at] << (i & 63)
	}
	return w.chunk.bools(v, w.bits)
}

// writeNumbers writes an int or double column.
func (w *Writer) writeNumbers(ctx context.Context, c *column, g *gathering) (format.Chunk, error) {
	w.bits = format.Resized(w.bits, g.rows)
	numbers := w.bits
	w.valid = format.Bitmap(w.valid, g.rows)
	nulls, err := w.numbers(ctx, c, g, numbers, w.valid)
	if err != nil {
		return format.Chunk{}, err
	}
	c.NonNull += uint64(g.rows - nulls)
	v := values{rows: g.rows, nulls: nulls}
	if nulls > 0 {
		v.valid = w.valid
		numbers = numbers[:compact64(numbers, w.valid)]
	}
	if w.meta.Info.Signal == telemetry.Metrics && c.Level == telemetry.LevelField && c.Key == format.FieldSamples {
		for _, n := range numbers {
			w.meta.Records += n
		}
	}
	if c.Kind == index.KindDouble {
		return w.chunk.doubles(v, format.BitsFloat64(numbers))
	}
	if exponent := c.leaves[0].Exponent; exponent > 0 {
		format.ScaleDown(format.BitsInt64(numbers), format.UnitOf(exponent))
	}
	return w.chunk.ints(v, format.BitsInt64(numbers))
}

// compact64 moves the valid numbers to the front and returns how many they are.
func compact64(numbers, valid []uint64) int {
	n := 0
	for i, word := range valid {
		for ; word != 0; word &= word - 1 {
			numbers[n] = numbers[i*64+bits.TrailingZeros64(word)]
			n++
		}
	}
	return n
}

// writeRaw writes a raw column, with a filter over its values.
func (w *Writer) writeRaw(ctx context.Context, col int, c *column, g *gathering) (format.Chunk, error) {
	sources, err := w.rawSources(ctx, c, g)
	if err != nil {
		return format.Chunk{}, err
	}
	w.data, w.ends = w.data[:0], w.ends[:0]
	w.valid = format.Bitmap(w.valid, g.rows)
	v := values{rows: g.rows}
	hashes := w.hashes.reset()
	for i := range g.rows {
		start := len(w.data)
		var ok bool
		if w.data, ok = sources[g.slot[i]].append(w.data, int(g.row[i])); !ok {
			v.nulls++
			continue
		}
		if len(w.data) > format.ChunkBytesMax {
			return format.Chunk{}, fmt.Errorf("more than %d bytes in a row group", format.ChunkBytesMax)
		}
		w.valid[i>>6] |= 1 << (i & 63)
		w.ends = append(w.ends, uint32(len(w.data)))
		hashes.add(vocabulary.Hash(w.data[start:]))
	}
	if v.nulls > 0 {
		v.valid = w.valid
	}
	c.NonNull += uint64(g.rows - v.nulls)
	if format.IsTraceID(c.Column) {
		w.idHashes = append(w.idHashes, hashes.list...)
	}
	if !format.IsParentID(c.Column) {
		w.index.AddFilter(col, len(w.meta.Groups), hashes.sorted())
	}
	if len(w.ends) == 0 {
		return w.chunk.empty(g.rows)
	}
	if width := format.IDWidth(c.Column); width > 0 {
		if len(w.data) != len(w.ends)*int(width) {
			return format.Chunk{}, fmt.Errorf("ids of other lengths than %d", width)
		}
		return w.chunk.fixed(v, w.data, int(width))
	}
	ch, _, err := w.chunk.strings(v, w.data, w.ends)
	return ch, err
}

// holeBuffer gathers what stands at one hole position of a text column in a row group: the integers of rows whose template has an integer
// there, and the strings of rows whose template has another hole there.
type holeBuffer struct {
	ints                  []int64
	data                  []byte
	ends                  []uint32
	intValid, stringValid []uint64
}

func (b *holeBuffer) reset(rows int) {
	b.ints, b.data, b.ends = b.ints[:0], b.data[:0], b.ends[:0]
	b.intValid, b.stringValid = format.Bitmap(b.intValid, rows), format.Bitmap(b.stringValid, rows)
}

// grow makes room for the next string, of which there are rows more at the most. append alone copies large buffers many times.
func (b *holeBuffer) grow(rows int) {
	mean := len(b.data) / max(len(b.ends), 1)
	if cap(b.data)-len(b.data) >= max(holeBytesGrow, mean) {
		return
	}
	more := max(len(b.data), holeBytesGrow)
	if mean > holeBytesGrow { // lines of a megabyte are few: as much as the rest takes if it is alike
		more = min((mean+mean/16)*rows, format.ChunkBytesMax)
	}
	b.data = slices.Grow(b.data, more)
}

// writeHoles writes a text column's variables. w.codeBuffer holds the rows' templates.
func (w *Writer) writeHoles(ctx context.Context, col int, c *column, g *gathering) ([]format.Chunk, error) {
	for len(w.holes) < len(c.holeSet.Ints) {
		w.holes = append(w.holes, holeBuffer{})
	}
	holes := w.holes[:len(c.holeSet.Ints)]
	for k := range holes {
		holes[k].reset(g.rows)
	}
	sources, err := w.textSources(ctx, c, g)
	if err != nil {
		return nil, err
	}
	if err := c.gatherHoles(g, w.codeBuffer[:g.rows], sources, holes); err != nil {
		return nil, err
	}

	w.hashes.reset()
	var chunks []format.Chunk
	for _, l := range c.leaves[1:] {
		b := &holes[l.Hole]
		var ch format.Chunk
		var err error
		if l.Role == format.RoleInt {
			ch, err = w.chunk.ints(values{rows: g.rows, valid: b.intValid, nulls: g.rows - len(b.ints)}, b.ints)
		} else {
			ch, err = w.writeHoleStrings(b, g.rows)
		}
		if err != nil {
			return nil, fmt.Errorf("leaf %s: %w", l.Name, err)
		}
		chunks = append(chunks, ch)
	}
	w.index.AddFilter(col, len(w.meta.Groups), w.hashes.sorted())
	return chunks, nil
}

// gatherHoles takes the rows' variables from their sources.
func (c *column) gatherHoles(g *gathering, codes []uint32, sources []textSource, holes []holeBuffer) error {
	for i, code := range codes {
		if code == index.NullCode {
			continue
		}
		source, row := sources[g.slot[i]], int(g.row[i])
		for k, kind := range c.holes[code] {
			b := &holes[k]
			if kind == vocabulary.HoleInt {
				b.ints = append(b.ints, source.IntVar(row, k))
				b.intValid[i>>6] |= 1 << (i & 63)
				continue
			}
			b.grow(g.rows - i)
			b.data = source.AppendVar(b.data, row, k)
			if len(b.data) > format.ChunkBytesMax {
				return fmt.Errorf("hole %d: more than %d bytes in a row group", k, format.ChunkBytesMax)
			}
			b.ends = append(b.ends, uint32(len(b.data)))
			b.stringValid[i>>6] |= 1 << (i & 63)
		}
	}
	return nil
}

// writeHoleStrings writes the strings at a hole position and notes their words for the filter, each distinct value's once where there
// is a dictionary.
func (w *Writer) writeHoleStrings(b *holeBuffer, rows int) (format.Chunk, error) {
	ch, distinct, err := w.chunk.strings(values{rows: rows, valid: b.stringValid, nulls: rows - len(b.ends)}, b.data, b.ends)
	if err != nil {
		return format.Chunk{}, err
	}
	if distinct != nil {
		for code := range distinct.Len() {
			w.hashes.addText(distinct.At(uint32(code)))
		}
		return ch, nil
	}
	start := uint32(0)
	w.hashes.list = slices.Grow(w.hashes.list, len(b.data)/wordBytesMean)
	for _, end := range b.ends {
		w.hashes.addText(b.data[start:end])
		start = end
	}
	return ch, nil
}

package telemetry

import (
	"encoding/binary"
	"errors"
	"fmt"
	"math"
	"math/bits"

	"github.com/apache/arrow/go/v15/arrow"
	"github.com/apache/arrow/go/v15/arrow/array"
)

// A table is the columns of an Arrow record. Integers of its frame are unsigned varints.
//
//	rows, columns
//	for each column: level, type (1 byte each; for SetColumn both 0), form (1 byte, a cellForm), 1 if there is a validity bitmap (1 byte), length of the key, key,
//	  and for formWidth the width of the values, for formCodes the number of distinct values
//	for each column its content:
//	  the validity bitmap: (rows+7)/8 bytes
//	  formTexts    lengths of the values (packed), the values
//	  formCodes    lengths of the distinct values (packed), these, codes of the rows (packed)
//	  formWidth    the values
//	  formInts     packed
//	  formDoubles  8 bytes each
//	  formBits     (rows+7)/8 bytes
//	  formSets     packed
//
// Packed integers: width (1 byte: 1, 2, 4 or 8), the least value (8 bytes), then each value less the least one, in width bytes. No row of a column is
// less than a bit, and no number less than a byte: what is read is at most eight times as large as what it is read from.
//
// Why this is not Arrow's own IPC format: docs/decisions/0002-batch-wire-form.md.

// appendTable appends a record's table.
func appendTable(dst []byte, rec arrow.Record) ([]byte, error) {
	columns := make([]Cells, rec.NumCols())
	dst = binary.AppendUvarint(dst, uint64(rec.NumRows()))
	dst = binary.AppendUvarint(dst, uint64(rec.NumCols()))
	for i := range columns {
		var err error
		if columns[i], err = CellsOf(rec.Column(i)); err != nil {
			return dst, fmt.Errorf("column %s: %w", rec.ColumnName(i), err)
		}
		var col Column
		if columns[i].form != formSets {
			if col, err = ColumnOf(rec.Schema().Field(i)); err != nil {
				return dst, err
			}
		}
		dst = columns[i].appendHead(dst, col)
	}
	for i := range columns {
		dst = columns[i].appendContent(dst)
	}
	return dst, nil
}

func (c *Cells) appendHead(dst []byte, col Column) []byte {
	hasValid := byte(0)
	if c.valid != nil {
		hasValid = 1
	}
	dst = append(dst, byte(col.Level), byte(col.Type), byte(c.form), hasValid)
	dst = appendSized(dst, col.Key)
	switch c.form {
	case formWidth:
		dst = binary.AppendUvarint(dst, uint64(c.width))
	case formCodes:
		dst = binary.AppendUvarint(dst, uint64(c.texts))
	}
	return dst
}

func (c *Cells) appendContent(dst []byte) []byte {
	if c.valid != nil {
		dst = appendBits(dst, c.valid, c.offset, c.n)
	}
	switch c.form {
	case formTexts, formCodes:
		lengths := make([]uint32, c.texts)
		for i := range lengths {
			lengths[i] = uint32(c.offsets[i+1] - c.offsets[i])
		}
		dst = appendPacked(dst, lengths, nil)
		if c.texts > 0 {
			dst = append(dst, c.data[c.offsets[0]:c.offsets[c.texts]]...)
		}
		if c.form == formCodes {
			dst = appendPacked(dst, c.codes, c)
		}
	case formWidth:
		dst = append(dst, c.data[:c.n*c.width]...)
	case formInts:
		dst = appendPacked(dst, c.ints, c)
	case formDoubles:
		for _, f := range c.doubles {
			dst = binary.LittleEndian.AppendUint64(dst, math.Float64bits(f))
		}
	case formBits:
		dst = appendBits(dst, c.bits, c.offset, c.n)
	case formSets:
		dst = appendPacked(dst, c.codes, nil)
	}
	return dst
}

// appendBits appends n bits from the offset-th on.
func appendBits(dst, from []byte, offset, n int) []byte {
	if offset%8 == 0 {
		dst = append(dst, from[offset/8:offset/8+(n+7)/8]...)
	} else {
		start := len(dst)
		dst = append(dst, make([]byte, (n+7)/8)...)
		for i := range n {
			dst[start+i/8] |= from[(offset+i)/8] >> ((offset + i) % 8) & 1 << (i % 8)
		}
	}
	if n%8 != 0 {
		dst[len(dst)-1] &= 1<<(n%8) - 1 // the same rows are the same bytes
	}
	return dst
}

// appendPacked packs integers. Rows that have no value in rows (if given) do not widen the others: they read as the least value.
func appendPacked[T int64 | uint32](dst []byte, values []T, rows *Cells) []byte {
	if rows != nil && rows.valid == nil {
		rows = nil
	}
	var least, most T
	first := true
	for i, v := range values {
		if rows != nil && !rows.Valid(i) {
			continue
		}
		if first {
			least, most, first = v, v, false
		}
		least, most = min(least, v), max(most, v)
	}
	width := packedWidth(uint64(most) - uint64(least))
	dst = append(dst, width)
	dst = binary.LittleEndian.AppendUint64(dst, uint64(least))
	start := len(dst)
	dst = append(dst, make([]byte, len(values)*int(width))...)
	out := dst[start:]
	for i, v := range values {
		d := uint64(v) - uint64(least)
		if rows != nil && !rows.Valid(i) {
			d = 0
		}
		switch width {
		case 1:
			out[i] = byte(d)
		case 2:
			binary.LittleEndian.PutUint16(out[2*i:], uint16(d))
		case 4:
			binary.LittleEndian.PutUint32(out[4*i:], uint32(d))
		default:
			binary.LittleEndian.PutUint64(out[8*i:], d)
		}
	}
	return dst
}

func packedWidth(most uint64) byte {
	switch n := bits.Len64(most); {
	case n <= 8:
		return 1
	case n <= 16:
		return 2
	case n <= 32:
		return 4
	}
	return 8
}

// tableReader reads a table from front to back. The first failure stays in err.
type tableReader struct {
	data []byte
	err  error
}

func (r *tableReader) fail(format string, args ...any) {
	if r.err == nil {
		r.err = fmt.Errorf(format, args...)
	}
}

// take gives the next n bytes, or nil after a failure.
func (r *tableReader) take(n int) []byte {
	if r.err != nil || n < 0 || n > len(r.data) {
		r.fail("table ends %d bytes early", n-len(r.data))
		return nil
	}
	b := r.data[:n:n]
	r.data = r.data[n:]
	return b
}

// uvarint reads a number that is at most limit.
func (r *tableReader) uvarint(limit int) int {
	v, n := binary.Uvarint(r.data)
	if n <= 0 || v > uint64(limit) {
		r.fail("number out of range")
		return 0
	}
	r.data = r.data[n:]
	return int(v)
}

// packed reads n packed integers.
func packed[T int64 | uint32](r *tableReader, n int) []T {
	head := r.take(9)
	if head == nil {
		return nil
	}
	width, least := int(head[0]), binary.LittleEndian.Uint64(head[1:])
	if width != 1 && width != 2 && width != 4 && width != 8 {
		r.fail("integers of %d bytes", width)
		return nil
	}
	data := r.take(n * width)
	if data == nil {
		return nil
	}
	out := make([]T, n)
	for i := range out {
		switch width {
		case 1:
			out[i] = T(least + uint64(data[i]))
		case 2:
			out[i] = T(least + uint64(binary.LittleEndian.Uint16(data[2*i:])))
		case 4:
			out[i] = T(least + uint64(binary.LittleEndian.Uint32(data[4*i:])))
		default:
			out[i] = T(least + binary.LittleEndian.Uint64(data[8*i:]))
		}
	}
	return out
}

// texts reads n strings: their offsets and their bytes.
func (r *tableReader) texts(n int) ([]int32, []byte) {
	lengths := packed[uint32](r, n)
	offsets := make([]int32, len(lengths)+1)
	end := uint64(0)
	for i, l := range lengths {
		if end += uint64(l); end > math.MaxInt32 {
			r.fail("%d bytes of strings in one column", end)
			return nil, nil
		}
		offsets[i+1] = int32(end)
	}
	return offsets, r.take(int(end))
}

// columnHead is what stands of a column at the front of a table.
type columnHead struct {
	Column
	form     cellForm
	hasValid bool
	n        int // width of the values, or number of distinct values
}

func (r *tableReader) head() columnHead {
	var h columnHead
	b := r.take(4)
	if b == nil {
		return h
	}
	h.Level, h.Type, h.form, h.hasValid = Level(b[0]), Type(b[1]), cellForm(b[2]), b[3] == 1
	if h.Level > LevelResource || h.form != formSets && !h.form.fits(h.Type) {
		r.fail("column of level %d, type %d, form %d", b[0], b[1], b[2])
	}
	h.Key = string(r.take(r.uvarint(len(r.data))))
	switch h.form {
	case formWidth:
		h.n = r.uvarint(len(r.data))
	case formCodes:
		h.n = r.uvarint(len(r.data))
	}
	return h
}

// readTable reads what appendTable wrote; nil if data is empty. The record's arrays alias data.
func readTable(data []byte) (arrow.Record, error) {
	if len(data) == 0 {
		return nil, nil
	}
	r := &tableReader{data: data}
	rows := r.uvarint(math.MaxUint32)
	heads := make([]columnHead, r.uvarint(len(data)/5))
	for i := range heads {
		heads[i] = r.head()
	}
	fields := make([]arrow.Field, 0, len(heads))
	arrays := make([]arrow.Array, 0, len(heads))
	for i := range heads {
		a := r.column(&heads[i], rows)
		if r.err != nil {
			return nil, fmt.Errorf("column %s: %w", heads[i].Column, r.err)
		}
		arrays = append(arrays, a)
		if heads[i].form == formSets {
			fields = append(fields, setField)
		} else {
			fields = append(fields, FieldOf(heads[i].Column, a.DataType()))
		}
	}
	if r.err != nil {
		return nil, r.err
	}
	if len(r.data) > 0 {
		return nil, errors.New("bytes after the last column")
	}
	return array.NewRecord(arrow.NewSchema(fields, nil), arrays, int64(rows)), nil
}

// column reads a column's content.
func (r *tableReader) column(h *columnHead, rows int) arrow.Array {
	var valid []byte
	nulls := 0
	if h.hasValid {
		valid = r.take((rows + 7) / 8)
		nulls = rows - ones(valid, rows)
	}
	switch h.form {
	case formTexts:
		offsets, data := r.texts(rows)
		if r.err != nil {
			return nil
		}
		return text(h.ArrowType(0), rows, offsets, data, valid, nulls)
	case formCodes:
		offsets, data := r.texts(h.n)
		codes := packed[uint32](r, rows)
		if r.err != nil {
			return nil
		}
		return dictionary(rows, codes, offsets, data, valid, nulls)
	case formWidth:
		if values := r.take(rows * h.n); values != nil && h.n > 0 {
			return primitive(&arrow.FixedSizeBinaryType{ByteWidth: h.n}, rows, values, valid, nulls)
		}
	case formInts:
		if values := packed[int64](r, rows); values != nil {
			return primitive(arrow.PrimitiveTypes.Int64, rows, arrow.Int64Traits.CastToBytes(values), valid, nulls)
		}
	case formDoubles:
		if data := r.take(rows * 8); data != nil {
			values := make([]float64, rows)
			for i := range values {
				values[i] = math.Float64frombits(binary.LittleEndian.Uint64(data[8*i:]))
			}
			return primitive(arrow.PrimitiveTypes.Float64, rows, arrow.Float64Traits.CastToBytes(values), valid, nulls)
		}
	case formBits:
		if values := r.take((rows + 7) / 8); values != nil {
			return primitive(arrow.FixedWidthTypes.Boolean, rows, values, valid, nulls)
		}
	case formSets:
		if values := packed[uint32](r, rows); values != nil {
			return primitive(arrow.PrimitiveTypes.Uint32, rows, arrow.Uint32Traits.CastToBytes(values), valid, nulls)
		}
	}
	r.fail("column of form %d", h.form)
	return nil
}

// ones counts the bits that are set among the first n.
func ones(bitmap []byte, n int) int {
	count := 0
	for i, b := range bitmap {
		if rest := n - 8*i; rest < 8 {
			b &= 1<<rest - 1
		}
		count += bits.OnesCount8(b)
	}
	return count
}

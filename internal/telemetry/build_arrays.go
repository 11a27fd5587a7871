package telemetry

import (
	"slices"

	"github.com/apache/arrow/go/v15/arrow"
	"github.com/apache/arrow/go/v15/arrow/array"
	"github.com/apache/arrow/go/v15/arrow/memory"
)

// build makes an Arrow record of the columns that have values. sets, if not nil, is the first column.
func (s *columnSet) build(sets []uint32) arrow.Record {
	s.demote()
	for level := range s.extra {
		s.buildOverflow(Level(level))
	}
	s.sort()
	rows := int(s.rows)
	var fields []arrow.Field
	var arrays []arrow.Array
	if s.overflow[LevelRecord] != nil {
		fields = append(fields, setField)
		arrays = append(arrays, primitive(arrow.PrimitiveTypes.Uint32, rows, arrow.Uint32Traits.CastToBytes(slices.Clone(sets)), nil, 0))
	}
	for _, c := range s.all {
		if c.n == 0 || c.demoted || c.diverted {
			continue
		}
		f, a := c.build(rows)
		fields = append(fields, f)
		arrays = append(arrays, a)
	}
	rec := array.NewRecord(arrow.NewSchema(fields, nil), arrays, int64(rows))
	for _, a := range arrays {
		a.Release()
	}
	return rec
}

// build makes the column's array of a batch of so many rows.
func (c *column) build(rows int) (arrow.Field, arrow.Array) {
	valid, nulls := c.validity(rows)
	plainType := c.ArrowType(c.width)
	if c.field.Type == nil {
		c.field = FieldOf(c.Column, plainType)
		c.dictField = FieldOf(c.Column, dictionaryType)
	}
	switch c.Type {
	case TypeString, TypeJSON:
		if len(c.codes) > 0 && len(c.data)+4*len(c.ends)+dictionaryOverhead < c.total {
			return c.dictField, c.buildDictionary(rows, valid, nulls)
		}
		return c.field, c.buildText(plainType, rows, valid, nulls)
	case TypeBytes:
		if c.width == 0 {
			return c.field, c.buildText(plainType, rows, valid, nulls)
		}
		return c.field, primitive(plainType, rows, c.fixedWidth(rows), valid, nulls)
	case TypeBool:
		bits := make([]byte, (rows+7)/8)
		for i, v := range c.numbers {
			if r := c.row(i); v != 0 {
				bits[r>>3] |= 1 << (r & 7)
			}
		}
		return c.field, primitive(plainType, rows, bits, valid, nulls)
	}
	values := make([]int64, rows)
	if c.sparse {
		for i, v := range c.numbers {
			values[c.rows[i]] = v
		}
	} else {
		copy(values, c.numbers)
	}
	return c.field, primitive(plainType, rows, arrow.Int64Traits.CastToBytes(values), valid, nulls)
}

// dictionaryOverhead is what a dictionary costs besides its values, as a message of its own in the encoded batch.
const dictionaryOverhead = 512

// validity is the bitmap of rows that have a value, nil if all have.
func (c *column) validity(rows int) (bitmap []byte, nulls int) {
	if c.n == rows {
		return nil, 0
	}
	bitmap = make([]byte, (rows+7)/8)
	for i := range c.n {
		r := c.row(i)
		bitmap[r>>3] |= 1 << (r & 7)
	}
	return bitmap, rows - c.n
}

func (c *column) fixedWidth(rows int) []byte {
	data := make([]byte, rows*c.width)
	if !c.sparse {
		copy(data, c.data)
		return data
	}
	for i, r := range c.rows {
		copy(data[int(r)*c.width:], c.data[i*c.width:(i+1)*c.width])
	}
	return data
}

func (c *column) buildDictionary(rows int, valid []byte, nulls int) arrow.Array {
	codes := make([]uint32, rows)
	if c.sparse {
		for i, r := range c.rows {
			codes[r] = c.codes[i]
		}
	} else {
		copy(codes, c.codes)
	}
	offsets := make([]int32, 1, len(c.ends)+1)
	for _, end := range c.ends {
		offsets = append(offsets, int32(end))
	}
	return dictionary(rows, codes, offsets, slices.Clone(c.data), valid, nulls)
}

// buildText makes an array that holds the values themselves.
func (c *column) buildText(t arrow.DataType, rows int, valid []byte, nulls int) arrow.Array {
	offsets := make([]int32, rows+1)
	var data []byte
	if len(c.codes) == 0 {
		data = slices.Clone(c.data)
	} else {
		data = make([]byte, 0, c.total)
		for _, code := range c.codes {
			data = append(data, c.value(int(code))...)
		}
	}
	end, next := int32(0), 0
	for i := range c.n {
		r := int(c.row(i))
		for ; next <= r; next++ {
			offsets[next] = end
		}
		if len(c.codes) == 0 {
			end = int32(c.ends[i])
		} else {
			end += int32(len(c.value(int(c.codes[i]))))
		}
	}
	for ; next <= rows; next++ {
		offsets[next] = end
	}
	return text(t, rows, offsets, data, valid, nulls)
}

// buffer wraps bytes; nil means that there is no such buffer.
func buffer(b []byte) *memory.Buffer {
	if b == nil {
		return nil
	}
	return memory.NewBufferBytes(b)
}

func primitive(t arrow.DataType, rows int, values, valid []byte, nulls int) arrow.Array {
	if values == nil {
		values = []byte{}
	}
	return array.MakeFromData(array.NewData(t, rows, []*memory.Buffer{buffer(valid), buffer(values)}, nil, nulls, 0))
}

func text(t arrow.DataType, rows int, offsets []int32, data, valid []byte, nulls int) arrow.Array {
	if data == nil {
		data = []byte{}
	}
	buffers := []*memory.Buffer{buffer(valid), buffer(arrow.Int32Traits.CastToBytes(offsets)), buffer(data)}
	return array.MakeFromData(array.NewData(t, rows, buffers, nil, nulls, 0))
}

// dictionary makes an array of strings: row i is the codes[i]-th of those that offsets and data hold.
func dictionary(rows int, codes []uint32, offsets []int32, data, valid []byte, nulls int) arrow.Array {
	indices := primitive(arrow.PrimitiveTypes.Uint32, rows, arrow.Uint32Traits.CastToBytes(codes), valid, nulls)
	values := text(arrow.BinaryTypes.String, len(offsets)-1, offsets, data, nil, 0)
	defer indices.Release()
	defer values.Release()
	return array.NewDictionaryArray(dictionaryType, indices, values)
}

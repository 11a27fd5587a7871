package pagecode

import "encoding/binary"

// Parquet's numbers for encodings (format.thrift, Encoding).
const (
	Plain       = 0
	RLE         = 3
	Delta       = 5 // DELTA_BINARY_PACKED
	DeltaLength = 6 // DELTA_LENGTH_BYTE_ARRAY
	Dictionary  = 8 // RLE_DICTIONARY
)

// Parquet's numbers for codecs (CompressionCodec).
const (
	CodecNone = 0
	CodecZstd = 6
)

// compact writes Thrift's compact protocol, as much of it as a page header needs: structs of i32 fields and booleans.
type compact struct {
	b    []byte
	last int16 // id of the field before, in the struct being written
}

func (c *compact) field(id int16, kind byte) {
	c.b = append(c.b, byte(id-c.last)<<4|kind)
	c.last = id
}

func (c *compact) i32(id int16, v int) {
	const kindI32 = 5
	c.field(id, kindI32)
	c.b = binary.AppendVarint(c.b, int64(v))
}

// structure writes a struct field.
func (c *compact) structure(id int16, fields func()) {
	const kindStruct = 12
	c.field(id, kindStruct)
	outer := c.last
	c.last = 0
	fields()
	c.b = append(c.b, 0)
	c.last = outer
}

// AppendDataHeader appends the header of a data page V1.
func AppendDataHeader(dst []byte, raw, stored, values int, encoding uint8) []byte {
	c := compact{b: dst}
	c.i32(1, 0) // type: DATA_PAGE
	c.i32(2, raw)
	c.i32(3, stored)
	c.structure(5, func() {
		c.i32(1, values)
		c.i32(2, int(encoding))
		c.i32(3, RLE) // definition levels
		c.i32(4, RLE) // repetition levels, of which there are none
	})
	return append(c.b, 0)
}

// AppendDictionaryHeader appends the header of a dictionary page.
func AppendDictionaryHeader(dst []byte, raw, stored, values int) []byte {
	c := compact{b: dst}
	c.i32(1, 2) // type: DICTIONARY_PAGE
	c.i32(2, raw)
	c.i32(3, stored)
	c.structure(7, func() {
		c.i32(1, values)
		c.i32(2, Plain)
	})
	return append(c.b, 0)
}

package segment

import "encoding/binary"

// Parquet's numbers for encodings (format.thrift, Encoding).
const (
	encodingPlain       = 0
	encodingRLE         = 3
	encodingDelta       = 5 // DELTA_BINARY_PACKED
	encodingDeltaLength = 6 // DELTA_LENGTH_BYTE_ARRAY
	encodingDictionary  = 8 // RLE_DICTIONARY
)

// Parquet's numbers for codecs (CompressionCodec).
const (
	codecNone = 0
	codecZstd = 6
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

// appendDataHeader appends the header of a data page V1.
func appendDataHeader(dst []byte, raw, stored, values int, encoding uint8) []byte {
	c := compact{b: dst}
	c.i32(1, 0) // type: DATA_PAGE
	c.i32(2, raw)
	c.i32(3, stored)
	c.structure(5, func() {
		c.i32(1, values)
		c.i32(2, int(encoding))
		c.i32(3, encodingRLE) // definition levels
		c.i32(4, encodingRLE) // repetition levels, of which there are none
	})
	return append(c.b, 0)
}

// appendDictionaryHeader appends the header of a dictionary page.
func appendDictionaryHeader(dst []byte, raw, stored, values int) []byte {
	c := compact{b: dst}
	c.i32(1, 2) // type: DICTIONARY_PAGE
	c.i32(2, raw)
	c.i32(3, stored)
	c.structure(7, func() {
		c.i32(1, values)
		c.i32(2, encodingPlain)
	})
	return append(c.b, 0)
}

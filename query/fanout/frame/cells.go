package frame

import (
	"unsafe"

	"github.com/apache/arrow/go/v15/arrow/array"
	"github.com/apache/arrow/go/v15/arrow/memory"

	"clew/internal/telemetry"
)

// Ints is a column of integers.
func Ints(c telemetry.Column, values []int64, valid []byte) Column {
	return number(c, kindInt64, bytesOf(values), len(values), valid)
}

// Uints is a column of integers without a sign.
func Uints(c telemetry.Column, values []uint64, valid []byte) Column {
	return number(c, kindUint64, bytesOf(values), len(values), valid)
}

// Doubles is a column of doubles.
func Doubles(c telemetry.Column, values []float64, valid []byte) Column {
	return number(c, kindFloat64, bytesOf(values), len(values), valid)
}

// Bytes is a column of byte strings: row i has data[offsets[i]:offsets[i+1]].
func Bytes(c telemetry.Column, offsets []int32, data, valid []byte) Column {
	buffers := []*memory.Buffer{validity(valid), memory.NewBufferBytes(bytesOf(offsets)), memory.NewBufferBytes(data)}
	return Column{c, array.MakeFromData(array.NewData(types[kindBinary], len(offsets)-1, buffers, nil, nulls(valid, len(offsets)-1), 0))}
}

func number(c telemetry.Column, k kind, values []byte, n int, valid []byte) Column {
	return Column{c, array.MakeFromData(array.NewData(types[k], n, []*memory.Buffer{validity(valid), memory.NewBufferBytes(values)}, nil, nulls(valid, n), 0))}
}

// validity is a bit for each row that has a value; nil: all have.
func validity(valid []byte) *memory.Buffer {
	if valid == nil {
		return nil
	}
	return memory.NewBufferBytes(valid)
}

// bytesOf is the memory of numbers: that of the machine is Arrow's order on all that clew is built for.
func bytesOf[T int32 | int64 | uint64 | float64](values []T) []byte {
	if len(values) == 0 {
		return []byte{}
	}
	return unsafe.Slice((*byte)(unsafe.Pointer(&values[0])), len(values)*int(unsafe.Sizeof(values[0])))
}

// Bytes is how much a table's columns take.
func (t *Table) Bytes() (n int64) {
	for i := range t.Columns {
		for _, b := range t.Columns[i].Values.Data().Buffers() {
			if b != nil {
				n += int64(b.Len())
			}
		}
	}
	return n
}

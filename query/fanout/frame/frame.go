// Package frame is how rows travel between processes that answer queries together: Arrow arrays, in the memory layout that Arrow defines, in the messages of Arrow Flight.
//
// A message's DataHeader is JSON that says what the columns are and how long their buffers; its DataBody is the buffers, each at a multiple of 8 bytes; its AppMetadata is
// the version and a CRC32C of both. It is not Arrow IPC, whose flatbuffers a reader cannot be kept safe from (docs/decisions/0002): here a reader checks every
// length and every offset before an array exists, allocates nothing that a message does not hold, and never panics.
package frame

import (
	"encoding/binary"
	"encoding/json"
	"fmt"
	"hash/crc32"
	"unsafe"

	"github.com/apache/arrow/go/v15/arrow"
	"github.com/apache/arrow/go/v15/arrow/array"
	"github.com/apache/arrow/go/v15/arrow/bitutil"
	"github.com/apache/arrow/go/v15/arrow/flight"
	"github.com/apache/arrow/go/v15/arrow/memory"

	"clew/internal/telemetry"
)

// Table is rows as columns. All arrays have Rows values.
type Table struct {
	Rows    int
	Columns []Column
}

// Column is the values of a column: of an Int64, Uint64, Float64 or Binary array.
type Column struct {
	telemetry.Column
	Values arrow.Array
}

// Frame is a message: a header, and rows if it has any.
type Frame struct {
	Header json.RawMessage
	Table  Table
}

// kind is the type of an array, as it is named in a message.
type kind string

const (
	kindInt64   kind = "i64"
	kindUint64  kind = "u64"
	kindFloat64 kind = "f64"
	kindBinary  kind = "bin"
)

var types = map[kind]arrow.DataType{
	kindInt64: arrow.PrimitiveTypes.Int64, kindUint64: arrow.PrimitiveTypes.Uint64, kindFloat64: arrow.PrimitiveTypes.Float64, kindBinary: arrow.BinaryTypes.Binary,
}

// version is the first byte of AppMetadata. A process that does not know it says so, and is not misunderstood.
const version = 1

// head is a message's DataHeader.
type head struct {
	Header  json.RawMessage `json:"header"`
	Rows    int             `json:"rows,omitempty"`
	Columns []columnHead    `json:"columns,omitempty"`
}

type columnHead struct {
	Key     string          `json:"key"`
	Level   telemetry.Level `json:"level"`
	Type    telemetry.Type  `json:"type"`
	Kind    kind            `json:"kind"`
	Buffers []int           `json:"buffers"` // bytes of each: validity (0: all rows have a value), of binary the offsets, values
}

var castagnoli = crc32.MakeTable(crc32.Castagnoli)

// DamageError says that a message is not what was sent, or of another version.
type DamageError struct{ What string }

func (e *DamageError) Error() string { return "message of another process: " + e.What }

func damaged(format string, args ...any) error { return &DamageError{fmt.Sprintf(format, args...)} }

// align is the least multiple of 8 that is not below n.
func align(n int) int { return (n + 7) &^ 7 }

// Encode makes a message. The table's arrays begin with their buffers: they are no slices of others.
func Encode(f Frame) (*flight.FlightData, error) {
	h := head{Header: f.Header, Rows: f.Table.Rows}
	var body []byte
	for _, c := range f.Table.Columns {
		k, err := kindOf(c.Values)
		if err != nil {
			return nil, fmt.Errorf("column %s: %w", c.Column, err)
		}
		if c.Values.Len() != f.Table.Rows || c.Values.Data().Offset() != 0 {
			return nil, fmt.Errorf("column %s has %d values from %d on for %d rows", c.Column, c.Values.Len(), c.Values.Data().Offset(), f.Table.Rows)
		}
		ch := columnHead{Key: c.Key, Level: c.Level, Type: c.Type, Kind: k}
		for _, b := range c.Values.Data().Buffers() {
			var bytes []byte
			if b != nil {
				bytes = b.Bytes()
			}
			ch.Buffers = append(ch.Buffers, len(bytes))
			body = append(body, bytes...)
			body = append(body, make([]byte, align(len(body))-len(body))...)
		}
		h.Columns = append(h.Columns, ch)
	}
	header, err := json.Marshal(h)
	if err != nil {
		return nil, err
	}
	sum := crc32.Update(crc32.Checksum(header, castagnoli), castagnoli, body)
	return &flight.FlightData{DataHeader: header, DataBody: body, AppMetadata: binary.LittleEndian.AppendUint32([]byte{version}, sum)}, nil
}

func kindOf(a arrow.Array) (kind, error) {
	for k, t := range types {
		if arrow.TypeEqual(a.DataType(), t) {
			return k, nil
		}
	}
	return "", fmt.Errorf("arrays of %s do not travel", a.DataType())
}

// Decode reads a message. Its arrays lie in the message's memory. The error is a *DamageError.
func Decode(d *flight.FlightData) (Frame, error) {
	if len(d.GetAppMetadata()) != 5 || d.AppMetadata[0] != version {
		return Frame{}, damaged("its version is not %d", version)
	}
	body := d.DataBody
	if crc32.Update(crc32.Checksum(d.DataHeader, castagnoli), castagnoli, body) != binary.LittleEndian.Uint32(d.AppMetadata[1:]) {
		return Frame{}, damaged("its checksum is wrong")
	}
	var h head
	if err := json.Unmarshal(d.DataHeader, &h); err != nil {
		return Frame{}, damaged("its header: %v", err)
	}
	if h.Rows < 0 || h.Rows > rowsMax || len(h.Columns) > columnsMax || h.Rows > 0 && len(h.Columns) == 0 {
		return Frame{}, damaged("%d rows of %d columns", h.Rows, len(h.Columns))
	}
	if len(body) > 0 && uintptr(unsafe.Pointer(&body[0]))%8 != 0 {
		aligned := make([]uint64, align(len(body))/8) // numbers are read where they lie
		to := unsafe.Slice((*byte)(unsafe.Pointer(&aligned[0])), len(body))
		copy(to, body)
		body = to
	}
	f := Frame{Header: h.Header, Table: Table{Rows: h.Rows}}
	at := 0
	for i := range h.Columns {
		c := &h.Columns[i]
		values, n, err := c.decode(body[at:], h.Rows)
		if err != nil {
			return Frame{}, err
		}
		at += n
		f.Table.Columns = append(f.Table.Columns, Column{telemetry.Column{Level: c.Level, Key: c.Key, Type: c.Type}, values})
	}
	if at != len(body) {
		return Frame{}, damaged("%d bytes after the last column", len(body)-at)
	}
	return f, nil
}

// decode takes a column's buffers from the front of body, and says how many bytes they are.
func (c *columnHead) decode(body []byte, rows int) (arrow.Array, int, error) {
	typ, want := types[c.Kind], 2
	if c.Kind == kindBinary {
		want = 3
	}
	if typ == nil || len(c.Buffers) != want {
		return nil, 0, damaged("column %.60q is of kind %.10q, with %d buffers", c.Key, c.Kind, len(c.Buffers))
	}
	var buffers [3][]byte
	at := 0
	for i, n := range c.Buffers {
		if n < 0 || n > len(body)-at || align(n) > len(body)-at {
			return nil, 0, damaged("column %.60q has %d bytes where %d are left", c.Key, n, len(body)-at)
		}
		buffers[i] = body[at : at+n : at+n]
		at += align(n)
	}
	if n := len(buffers[0]); n != 0 && n < (rows+7)/8 {
		return nil, 0, damaged("column %.60q has %d bytes of validity for %d rows", c.Key, n, rows)
	}
	switch c.Kind {
	case kindBinary:
		if err := c.checkOffsets(buffers[1], len(buffers[2]), rows); err != nil {
			return nil, 0, err
		}
	default:
		if len(buffers[1]) != 8*rows {
			return nil, 0, damaged("column %.60q has %d bytes for %d rows", c.Key, len(buffers[1]), rows)
		}
	}
	all := make([]*memory.Buffer, 0, 3)
	for i, b := range buffers[:want] {
		if i == 0 && len(b) == 0 {
			all = append(all, nil)
			continue
		}
		all = append(all, memory.NewBufferBytes(b))
	}
	return array.MakeFromData(array.NewData(typ, rows, all, nil, nulls(buffers[0], rows), 0)), at, nil
}

// nulls is how many rows have no value.
func nulls(valid []byte, rows int) int {
	if len(valid) == 0 {
		return 0
	}
	return rows - bitutil.CountSetBits(valid, 0, rows)
}

// checkOffsets says that the offsets of a binary column are ascending, from 0 to within its values.
func (c *columnHead) checkOffsets(offsets []byte, size, rows int) error {
	if len(offsets) != 4*(rows+1) {
		return damaged("column %.60q has %d bytes of offsets for %d rows", c.Key, len(offsets), rows)
	}
	last := int32(0)
	for i := 0; i < len(offsets); i += 4 {
		o := int32(binary.LittleEndian.Uint32(offsets[i:]))
		if o < last || int(o) > size || i == 0 && o != 0 {
			return damaged("column %.60q has the offset %d after %d, of %d bytes", c.Key, o, last, size)
		}
		last = o
	}
	return nil
}

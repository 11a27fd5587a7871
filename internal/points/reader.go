package points

import (
	"encoding/binary"
	"fmt"
	"math"
	"math/bits"

	"go.opentelemetry.io/collector/pdata/pcommon"

	"clew/internal/telemetry"
)

// Reader reads what sections and the keys of series are made of. After the first error, which Err then is, it returns zeros.
type Reader struct {
	Rest []byte // not read yet
	Err  error
}

func (r *Reader) fail(what string) {
	if r.Err == nil {
		r.Err = fmt.Errorf("%s: unexpected end", what)
	}
	r.Rest = nil
}

// Uint reads a uvarint.
func (r *Reader) Uint() uint64 {
	v, n := binary.Uvarint(r.Rest)
	if n <= 0 {
		r.fail("number")
		return 0
	}
	r.Rest = r.Rest[n:]
	return v
}

// Int reads a varint.
func (r *Reader) Int() int64 {
	v, n := binary.Varint(r.Rest)
	if n <= 0 {
		r.fail("number")
		return 0
	}
	r.Rest = r.Rest[n:]
	return v
}

// Take returns the next n bytes, which are not copied.
func (r *Reader) Take(n uint64) []byte {
	if n > uint64(len(r.Rest)) {
		r.fail("bytes")
		return nil
	}
	out := r.Rest[:n:n]
	r.Rest = r.Rest[n:]
	return out
}

// Byte reads a byte.
func (r *Reader) Byte() byte {
	if b := r.Take(1); b != nil {
		return b[0]
	}
	return 0
}

// Fixed reads eight bytes, little-endian.
func (r *Reader) Fixed() uint64 {
	if b := r.Take(8); b != nil {
		return binary.LittleEndian.Uint64(b)
	}
	return 0
}

// Text reads a uvarint length and as many bytes.
func (r *Reader) Text() string { return string(r.Take(r.Uint())) }

// Runs reads n values kept as runs (AppendRuns); set is called with each.
func (r *Reader) Runs(n int, set func(i int, v uint64)) {
	for i := 0; i < n; {
		length, v := r.Uint(), r.Uint()
		if r.Err == nil && (length == 0 || length > uint64(n-i)) {
			r.Err = fmt.Errorf("a run of %d values, %d are left", length, n-i)
		}
		if r.Err != nil {
			return
		}
		for range length {
			set(i, v)
			i++
		}
	}
}

// XOR reads a double's bits, kept as the difference from the one before, last.
func (r *Reader) XOR(last uint64) uint64 { return bits.ReverseBytes64(r.Uint()) ^ last }

// Attributes reads a map into m, which is empty:
//
//	map    uvarint(2*entries), then each entry: text(key), type byte, value
//	       or uvarint(2*length+1), then that many bytes: telemetry.AppendMap's text (maps with a key that occurs twice)
//	value  string: uvarint length, bytes; int: varint; double: 8 bytes; bool: 1 byte; bytes: as string;
//	       array, map: as string, telemetry.AppendValue's text; empty: nothing
func (r *Reader) Attributes(m pcommon.Map) error {
	head := r.Uint()
	if head&1 == 1 {
		text := string(r.Take(head >> 1))
		if r.Err != nil {
			return r.Err
		}
		return telemetry.ParseMap(text, m)
	}
	m.EnsureCapacity(int(min(head>>1, uint64(len(r.Rest)))))
	for range head >> 1 {
		key := r.Text()
		if r.Err != nil {
			return r.Err
		}
		if err := r.value(m.PutEmpty(key)); err != nil {
			return fmt.Errorf("attribute %.80q: %w", key, err)
		}
	}
	return r.Err
}

func (r *Reader) value(v pcommon.Value) error {
	switch t := pcommon.ValueType(r.Byte()); t {
	case pcommon.ValueTypeEmpty:
	case pcommon.ValueTypeStr:
		v.SetStr(r.Text())
	case pcommon.ValueTypeInt:
		v.SetInt(r.Int())
	case pcommon.ValueTypeDouble:
		v.SetDouble(math.Float64frombits(r.Fixed()))
	case pcommon.ValueTypeBool:
		v.SetBool(r.Byte() != 0)
	case pcommon.ValueTypeBytes:
		v.SetEmptyBytes().FromRaw(r.Take(r.Uint()))
	case pcommon.ValueTypeSlice, pcommon.ValueTypeMap:
		text := r.Text()
		if r.Err != nil {
			return r.Err
		}
		return telemetry.ParseValue(text, v)
	default:
		return fmt.Errorf("value type %d is not known", t)
	}
	return r.Err
}

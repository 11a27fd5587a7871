package series

import (
	"encoding/binary"
	"fmt"
	"math"
	"slices"
	"strings"

	"go.opentelemetry.io/collector/pdata/pcommon"

	"clew/internal/telemetry"
)

// Series, metrics, resources and scopes are known by keys: byte strings from which they can be read back, so that the key is all that
// is kept of them. A map's key has its entries sorted: senders that name the same attributes in another order mean the same series.
//
//	map    uvarint(2*entries), then each entry: string(key), type byte, value
//	       or uvarint(2*length+1), then that many bytes: telemetry.AppendMap's text (maps with a key that occurs twice)
//	value  string: uvarint length, bytes; int: varint; double: 8 bytes; bool: 1 byte; bytes: as string;
//	       array, map: as string, telemetry.AppendValue's text; empty: nothing

type entry struct {
	key   string
	value pcommon.Value
}

// keyWriter writes keys. It keeps its memory.
type keyWriter struct {
	buf     []byte
	entries []entry
}

func (w *keyWriter) reset() { w.buf = w.buf[:0] }

func (w *keyWriter) uint(v uint64) { w.buf = binary.AppendUvarint(w.buf, v) }

func (w *keyWriter) string(s string) {
	w.buf = append(binary.AppendUvarint(w.buf, uint64(len(s))), s...)
}

func (w *keyWriter) attributes(m pcommon.Map) {
	w.entries = w.entries[:0]
	sorted := true
	for k, v := range m.All() {
		if n := len(w.entries); n > 0 && k <= w.entries[n-1].key {
			sorted = false
		}
		w.entries = append(w.entries, entry{k, v})
	}
	if !sorted {
		slices.SortStableFunc(w.entries, func(a, b entry) int { return strings.Compare(a.key, b.key) })
		for i := 1; i < len(w.entries); i++ {
			if w.entries[i].key == w.entries[i-1].key {
				w.text(m)
				return
			}
		}
	}
	w.uint(uint64(2 * len(w.entries)))
	for i := range w.entries {
		w.string(w.entries[i].key)
		w.value(w.entries[i].value)
	}
}

// text writes a map as text.
func (w *keyWriter) text(m pcommon.Map) {
	text, _ := telemetry.AppendMap(nil, m)
	w.uint(uint64(2*len(text) + 1))
	w.buf = append(w.buf, text...)
}

func (w *keyWriter) value(v pcommon.Value) {
	t := v.Type()
	w.buf = append(w.buf, byte(t))
	switch t {
	case pcommon.ValueTypeStr:
		w.string(v.Str())
	case pcommon.ValueTypeInt:
		w.buf = binary.AppendVarint(w.buf, v.Int())
	case pcommon.ValueTypeDouble:
		w.buf = binary.LittleEndian.AppendUint64(w.buf, math.Float64bits(v.Double()))
	case pcommon.ValueTypeBool:
		w.buf = append(w.buf, 0)
		if v.Bool() {
			w.buf[len(w.buf)-1] = 1
		}
	case pcommon.ValueTypeBytes:
		b := v.Bytes().AsRaw()
		w.buf = append(binary.AppendUvarint(w.buf, uint64(len(b))), b...)
	case pcommon.ValueTypeSlice, pcommon.ValueTypeMap:
		text, _ := telemetry.AppendValue(nil, v)
		w.buf = append(binary.AppendUvarint(w.buf, uint64(len(text))), text...)
	}
}

// reader reads what keyWriter and the sections of extra write. After the first error it returns zeros.
type reader struct {
	b   []byte
	err error
}

func (r *reader) fail(what string) {
	if r.err == nil {
		r.err = fmt.Errorf("%s: unexpected end", what)
	}
	r.b = nil
}

func (r *reader) uint() uint64 {
	v, n := binary.Uvarint(r.b)
	if n <= 0 {
		r.fail("number")
		return 0
	}
	r.b = r.b[n:]
	return v
}

func (r *reader) int() int64 {
	v, n := binary.Varint(r.b)
	if n <= 0 {
		r.fail("number")
		return 0
	}
	r.b = r.b[n:]
	return v
}

// take returns the next n bytes.
func (r *reader) take(n uint64) []byte {
	if n > uint64(len(r.b)) {
		r.fail("bytes")
		return nil
	}
	out := r.b[:n:n]
	r.b = r.b[n:]
	return out
}

func (r *reader) byte() byte {
	if b := r.take(1); b != nil {
		return b[0]
	}
	return 0
}

func (r *reader) fixed() uint64 {
	if b := r.take(8); b != nil {
		return binary.LittleEndian.Uint64(b)
	}
	return 0
}

func (r *reader) string() string { return string(r.take(r.uint())) }

// attributes reads a map into m, which is empty.
func (r *reader) attributes(m pcommon.Map) error {
	head := r.uint()
	if head&1 == 1 {
		text := string(r.take(head >> 1))
		if r.err != nil {
			return r.err
		}
		return telemetry.ParseMap(text, m)
	}
	m.EnsureCapacity(int(min(head>>1, uint64(len(r.b)))))
	for range head >> 1 {
		key := r.string()
		if r.err != nil {
			return r.err
		}
		if err := r.value(m.PutEmpty(key)); err != nil {
			return fmt.Errorf("attribute %.80q: %w", key, err)
		}
	}
	return r.err
}

func (r *reader) value(v pcommon.Value) error {
	switch t := pcommon.ValueType(r.byte()); t {
	case pcommon.ValueTypeEmpty:
	case pcommon.ValueTypeStr:
		v.SetStr(r.string())
	case pcommon.ValueTypeInt:
		v.SetInt(r.int())
	case pcommon.ValueTypeDouble:
		v.SetDouble(math.Float64frombits(r.fixed()))
	case pcommon.ValueTypeBool:
		v.SetBool(r.byte() != 0)
	case pcommon.ValueTypeBytes:
		v.SetEmptyBytes().FromRaw(r.take(r.uint()))
	case pcommon.ValueTypeSlice, pcommon.ValueTypeMap:
		text := r.string()
		if r.err != nil {
			return r.err
		}
		return telemetry.ParseValue(text, v)
	default:
		return fmt.Errorf("value type %d is not known", t)
	}
	return r.err
}

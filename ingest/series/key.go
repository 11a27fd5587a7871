package series

import (
	"encoding/binary"
	"math"
	"slices"
	"strings"

	"go.opentelemetry.io/collector/pdata/pcommon"

	"clew/internal/telemetry"
)

// Series, metrics, resources and scopes are known by keys: byte strings from which they can be read back, so that the key is all that
// is kept of them. A map's key has its entries sorted: senders that name the same attributes in another order mean the same series.
// points.Reader.Attributes says how a map is written.

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

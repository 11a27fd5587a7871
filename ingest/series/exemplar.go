package series

import (
	"encoding/binary"
	"math"

	"go.opentelemetry.io/collector/pdata/pmetric"
)

// exemplars writes a point's exemplars (points.ReadExemplars says how) and returns a copy of what was written.
func (w *keyWriter) exemplars(es pmetric.ExemplarSlice) []byte {
	w.reset()
	for i := range es.Len() {
		e := es.At(i)
		w.buf = binary.LittleEndian.AppendUint64(w.buf, uint64(e.Timestamp()))
		w.buf = append(w.buf, byte(e.ValueType()))
		value := uint64(0)
		switch e.ValueType() {
		case pmetric.ExemplarValueTypeInt:
			value = uint64(e.IntValue())
		case pmetric.ExemplarValueTypeDouble:
			value = math.Float64bits(e.DoubleValue())
		}
		w.buf = binary.LittleEndian.AppendUint64(w.buf, value)
		trace, span := e.TraceID(), e.SpanID()
		ids := byte(0)
		if !trace.IsEmpty() {
			ids |= 1
		}
		if !span.IsEmpty() {
			ids |= 2
		}
		w.buf = append(w.buf, ids)
		if ids&1 != 0 {
			w.buf = append(w.buf, trace[:]...)
		}
		if ids&2 != 0 {
			w.buf = append(w.buf, span[:]...)
		}
		w.attributes(e.FilteredAttributes())
	}
	return append([]byte(nil), w.buf...)
}

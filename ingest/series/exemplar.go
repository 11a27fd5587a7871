package series

import (
	"encoding/binary"
	"fmt"
	"math"

	"go.opentelemetry.io/collector/pdata/pcommon"
	"go.opentelemetry.io/collector/pdata/pmetric"
)

// Exemplars of a point, one after the other: 8 bytes time, a type byte (pmetric.ExemplarValueType), 8 bytes of value, a byte saying
// which ids follow (1 trace, 2 span), the ids, and the filtered attributes as a map (key.go).

// exemplars writes a point's exemplars and returns a copy of what was written.
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

// readExemplars reads them back.
func readExemplars(data []byte, es pmetric.ExemplarSlice) error {
	r := reader{b: data}
	for len(r.b) > 0 {
		e := es.AppendEmpty()
		e.SetTimestamp(pcommon.Timestamp(r.fixed()))
		t := pmetric.ExemplarValueType(r.byte())
		value := r.fixed()
		switch t {
		case pmetric.ExemplarValueTypeInt:
			e.SetIntValue(int64(value))
		case pmetric.ExemplarValueTypeDouble:
			e.SetDoubleValue(math.Float64frombits(value))
		}
		ids := r.byte()
		if ids&1 != 0 {
			var id pcommon.TraceID
			copy(id[:], r.take(uint64(len(id))))
			e.SetTraceID(id)
		}
		if ids&2 != 0 {
			var id pcommon.SpanID
			copy(id[:], r.take(uint64(len(id))))
			e.SetSpanID(id)
		}
		if r.err == nil {
			r.err = r.attributes(e.FilteredAttributes())
		}
		if r.err != nil {
			return fmt.Errorf("exemplar: %w", r.err)
		}
	}
	return nil
}

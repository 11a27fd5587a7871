package points

import (
	"fmt"
	"math"

	"go.opentelemetry.io/collector/pdata/pcommon"
	"go.opentelemetry.io/collector/pdata/pmetric"
)

// ReadExemplars adds a point's exemplars to es. They stand one after the other: 8 bytes time, a type byte (pmetric.ExemplarValueType), 8 bytes of
// value, a byte saying which ids follow (1 trace, 2 span), the ids, and the filtered attributes as a map (Reader.Attributes).
func ReadExemplars(data []byte, es pmetric.ExemplarSlice) error {
	r := Reader{Rest: data}
	for len(r.Rest) > 0 {
		e := es.AppendEmpty()
		e.SetTimestamp(pcommon.Timestamp(r.Fixed()))
		t := pmetric.ExemplarValueType(r.Byte())
		value := r.Fixed()
		switch t {
		case pmetric.ExemplarValueTypeInt:
			e.SetIntValue(int64(value))
		case pmetric.ExemplarValueTypeDouble:
			e.SetDoubleValue(math.Float64frombits(value))
		}
		ids := r.Byte()
		if ids&1 != 0 {
			var id pcommon.TraceID
			copy(id[:], r.Take(uint64(len(id))))
			e.SetTraceID(id)
		}
		if ids&2 != 0 {
			var id pcommon.SpanID
			copy(id[:], r.Take(uint64(len(id))))
			e.SetSpanID(id)
		}
		if r.Err == nil {
			r.Err = r.Attributes(e.FilteredAttributes())
		}
		if r.Err != nil {
			return fmt.Errorf("exemplar: %w", r.Err)
		}
	}
	return nil
}

package telemetry

import (
	"encoding/binary"
	"fmt"
	"math"

	"go.opentelemetry.io/collector/pdata/pcommon"
	"go.opentelemetry.io/collector/pdata/plog"
)

// entry is a key and a value on their way into a map.
type entry struct {
	key   string
	value pcommon.Value
}

// putMax is up to how many entries a map is filled with Put, which looks for the key among all entries each time.
const putMax = 48

// fillMap moves entries into an empty map, repeated keys too. pcommon.Map has no way to add a second entry of a key and takes quadratic time for
// many, but reading OTLP does both: such maps make the way through protobuf.
func fillMap(m pcommon.Map, entries []entry) error {
	if len(entries) <= putMax && !repeats(entries) {
		m.EnsureCapacity(len(entries))
		for _, e := range entries {
			e.value.MoveTo(m.PutEmpty(e.key))
		}
		return nil
	}
	var attributes []byte
	for _, e := range entries {
		attributes = appendMessage(attributes, 6, protoKeyValue(e.key, e.value)) // LogRecord.attributes
	}
	// ExportLogsServiceRequest.resource_logs, ResourceLogs.scope_logs, ScopeLogs.log_records.
	message := appendMessage(nil, 1, appendMessage(nil, 2, appendMessage(nil, 2, attributes)))
	logs, err := (&plog.ProtoUnmarshaler{}).UnmarshalLogs(message)
	if err != nil {
		return fmt.Errorf("rebuild map of %d entries: %w", len(entries), err)
	}
	logs.ResourceLogs().At(0).ScopeLogs().At(0).LogRecords().At(0).Attributes().MoveTo(m)
	return nil
}

// repeats says whether a key occurs twice.
func repeats(entries []entry) bool {
	if len(entries) > fewKeys {
		seen := make(map[string]struct{}, len(entries))
		for _, e := range entries {
			seen[e.key] = struct{}{}
		}
		return len(seen) < len(entries)
	}
	for i, e := range entries {
		for _, f := range entries[:i] {
			if e.key == f.key {
				return true
			}
		}
	}
	return false
}

// Protobuf wire types.
const (
	wireVarint = 0
	wireFixed8 = 1
	wireBytes  = 2
	wireFixed4 = 5
)

func appendMessage(dst []byte, field uint64, body []byte) []byte {
	dst = binary.AppendUvarint(dst, field<<3|wireBytes)
	dst = binary.AppendUvarint(dst, uint64(len(body)))
	return append(dst, body...)
}

// protoKeyValue is the protobuf form of an attribute (opentelemetry.proto.common.v1.KeyValue).
func protoKeyValue(key string, v pcommon.Value) []byte {
	return appendMessage(appendMessage(nil, 1, []byte(key)), 2, protoValue(v))
}

// protoValue is the protobuf form of a value (AnyValue). Its depth is bounded by the parser that made the value.
func protoValue(v pcommon.Value) []byte {
	switch v.Type() {
	case pcommon.ValueTypeStr:
		return appendMessage(nil, 1, []byte(v.Str()))
	case pcommon.ValueTypeBool:
		if v.Bool() {
			return []byte{2<<3 | wireVarint, 1}
		}
		return []byte{2<<3 | wireVarint, 0}
	case pcommon.ValueTypeInt:
		return binary.AppendUvarint([]byte{3<<3 | wireVarint}, uint64(v.Int()))
	case pcommon.ValueTypeDouble:
		return binary.LittleEndian.AppendUint64([]byte{4<<3 | wireFixed8}, math.Float64bits(v.Double()))
	case pcommon.ValueTypeSlice:
		var values []byte
		for i := range v.Slice().Len() {
			values = appendMessage(values, 1, protoValue(v.Slice().At(i)))
		}
		return appendMessage(nil, 5, values)
	case pcommon.ValueTypeMap:
		var entries []byte
		for k, e := range v.Map().All() {
			entries = appendMessage(entries, 1, protoKeyValue(k, e))
		}
		return appendMessage(nil, 6, entries)
	case pcommon.ValueTypeBytes:
		return appendMessage(nil, 7, v.Bytes().AsRaw())
	}
	return nil
}

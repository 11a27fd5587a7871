package series

import (
	"encoding/binary"
)

// The tags of OTLP's protobuf: a field's number, and how its value is written. Those of other fields, and other tags of these, are not read here.
const (
	varint, fixed64, lengthed = 0, 1, 2

	tagResourceMetrics = 1<<3 | lengthed // of MetricsData
	tagResource        = 1<<3 | lengthed // of ResourceMetrics
	tagScopeMetrics    = 2<<3 | lengthed
	tagScope           = 1<<3 | lengthed // of ScopeMetrics
	tagMetric          = 2<<3 | lengthed
	tagSchemaURL       = 3<<3 | lengthed // of both
	tagName            = 1<<3 | lengthed // of Metric
	tagDescription     = 2<<3 | lengthed
	tagUnit            = 3<<3 | lengthed
	tagGauge           = 5<<3 | lengthed
	tagSum             = 7<<3 | lengthed
	tagDataPoint       = 1<<3 | lengthed // of Gauge and Sum
	tagTemporality     = 2<<3 | varint   // of Sum
	tagMonotonic       = 3<<3 | varint
	tagStart           = 2<<3 | fixed64 // of NumberDataPoint
	tagTime            = 3<<3 | fixed64
	tagDouble          = 4<<3 | fixed64
	tagInt             = 6<<3 | fixed64
	tagAttribute       = 7<<3 | lengthed
	tagFlags           = 8<<3 | varint
)

// fields reads the fields of a message of protobuf: a tag, then its value. bad is set by what is not one; after it everything is empty.
type fields struct {
	rest []byte
	bad  bool
}

func (f *fields) more() bool { return len(f.rest) > 0 }

func (f *fields) tag() uint64 { return f.varint() }

func (f *fields) varint() uint64 {
	if len(f.rest) > 0 && f.rest[0] < 0x80 {
		v := f.rest[0]
		f.rest = f.rest[1:]
		return uint64(v)
	}
	v, n := binary.Uvarint(f.rest)
	if n <= 0 {
		f.fail()
		return 0
	}
	f.rest = f.rest[n:]
	return v
}

func (f *fields) fixed64() uint64 {
	if len(f.rest) < 8 {
		f.fail()
		return 0
	}
	v := binary.LittleEndian.Uint64(f.rest)
	f.rest = f.rest[8:]
	return v
}

func (f *fields) bytes() []byte {
	n := f.varint()
	if n > uint64(len(f.rest)) {
		f.fail()
		return nil
	}
	b := f.rest[:n:n]
	f.rest = f.rest[n:]
	return b
}

func (f *fields) fail() { f.rest, f.bad = nil, true }

// appendField writes a field.
func appendField(dst []byte, tag uint64, value []byte) []byte {
	return append(binary.AppendUvarint(binary.AppendUvarint(dst, tag), uint64(len(value))), value...)
}

// nested makes a message that has nothing but value, as a field of a field, the innermost first.
func nested(value []byte, tags ...uint64) []byte {
	for _, tag := range tags {
		value = appendField(nil, tag, value)
	}
	return value
}

package format

import (
	"math"
	"strconv"

	"clew/internal/telemetry"
)

// AppendDouble is a double's text: the shortest decimal that reads back as the same double.
func AppendDouble(dst []byte, f float64) []byte { return strconv.AppendFloat(dst, f, 'g', -1, 64) }

// OrderingKey is the key of the field by which a signal's rows are ordered in time.
func OrderingKey(signal telemetry.Signal) string {
	if signal == telemetry.Spans {
		return telemetry.FieldStart
	}
	return telemetry.FieldTime
}

// ParseNumber reads a numeric value's text: int64 or float64, as bits.
func ParseNumber(t telemetry.Type, text []byte) (uint64, error) {
	if t == telemetry.TypeDouble {
		v, err := strconv.ParseFloat(string(text), 64)
		return math.Float64bits(v), err
	}
	v, err := strconv.ParseInt(string(text), 10, 64)
	return uint64(v), err
}

// AppendNumber is parseNumber's inverse.
func AppendNumber(dst []byte, t telemetry.Type, bits uint64) []byte {
	if t == telemetry.TypeDouble {
		return AppendDouble(dst, math.Float64frombits(bits))
	}
	return strconv.AppendInt(dst, int64(bits), 10)
}

// FieldSamples is how many data points a row of metrics holds.
const FieldSamples = "samples"

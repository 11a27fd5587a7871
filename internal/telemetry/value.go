package telemetry

import (
	"encoding/base64"
	"fmt"
	"math"
	"strconv"
	"strings"
	"unicode/utf8"

	"go.opentelemetry.io/collector/pdata/pcommon"
)

// The text form of values. It is JSON, and it is lossless: what a value's type or content JSON cannot say is written as an object whose
// only key starts with '$'.
//
//	empty value     null
//	bool, string    true, "text"
//	int             -42                     (a number without '.', 'e' or 'E')
//	double          4.0, 1e+300, -0.0       (a number with one of them)
//	  not a number  {"$double":"NaN"}, {"$double":"NaN:7ff8000000000002"} (other bits), {"$double":"+Inf"}, {"$double":"-Inf"}
//	bytes           {"$bytes":"aGVsbG8="}   (standard base64)
//	array           [...]
//	map             {"key":...}; a key's leading '$' is doubled
//	  with a key that occurs twice, or keys that are not valid UTF-8: {"$map":[["key",...],["key",...]]}
//
// Strings that are not valid UTF-8 are written with U+FFFD in place of each run of invalid bytes.

// TooDeep stands for what nests deeper than ValueDepthMax.
const TooDeep = "[clew: nested too deep]"

// AppendValue appends v's text form to dst. valid is false if a string in it was not valid UTF-8.
func AppendValue(dst []byte, v pcommon.Value) (out []byte, valid bool) {
	return appendValue(dst, v, 0)
}

// AppendMap appends the text form of a map.
func AppendMap(dst []byte, m pcommon.Map) (out []byte, valid bool) { return appendMap(dst, m, 0) }

func appendValue(dst []byte, v pcommon.Value, depth int) ([]byte, bool) {
	switch v.Type() {
	case pcommon.ValueTypeStr:
		return appendString(dst, v.Str())
	case pcommon.ValueTypeBool:
		return strconv.AppendBool(dst, v.Bool()), true
	case pcommon.ValueTypeInt:
		return strconv.AppendInt(dst, v.Int(), 10), true
	case pcommon.ValueTypeDouble:
		return appendDouble(dst, v.Double()), true
	case pcommon.ValueTypeBytes:
		return appendBytes(dst, v.Bytes().AsRaw()), true
	case pcommon.ValueTypeMap:
		return appendMap(dst, v.Map(), depth)
	case pcommon.ValueTypeSlice:
		return appendSlice(dst, v.Slice(), depth)
	}
	return append(dst, "null"...), true
}

func appendSlice(dst []byte, s pcommon.Slice, depth int) ([]byte, bool) {
	if depth >= ValueDepthMax {
		return appendString(dst, TooDeep)
	}
	valid := true
	dst = append(dst, '[')
	for i := range s.Len() {
		if i > 0 {
			dst = append(dst, ',')
		}
		var ok bool
		dst, ok = appendValue(dst, s.At(i), depth+1)
		valid = valid && ok
	}
	return append(dst, ']'), valid
}

func appendMap(dst []byte, m pcommon.Map, depth int) ([]byte, bool) {
	if depth >= ValueDepthMax {
		return appendString(dst, TooDeep)
	}
	// The buffer is on the stack as long as it suffices: most maps are small.
	entries := make([]entry, 0, fewKeys)
	for k, v := range m.All() {
		entries = append(entries, entry{k, v})
	}
	return appendEntries(dst, entries, depth)
}

func appendEntries(dst []byte, entries []entry, depth int) ([]byte, bool) {
	pairs := needPairs(entries)
	head, tail := "{", "}"
	if pairs {
		head, tail = `{"$map":[`, "]}"
	}
	valid := true
	dst = append(dst, head...)
	for i, e := range entries {
		if i > 0 {
			dst = append(dst, ',')
		}
		okKey := true
		if pairs {
			dst, okKey = appendString(append(dst, '['), e.key)
			dst = append(dst, ',')
		} else {
			dst = appendKey(dst, e.key)
		}
		var ok bool
		dst, ok = appendValue(dst, e.value, depth+1)
		if pairs {
			dst = append(dst, ']')
		}
		valid = valid && okKey && ok
	}
	return append(dst, tail...), valid
}

// fewKeys is up to how many keys are compared each with each, which allocates nothing.
const fewKeys = 16

// needPairs says whether a map cannot be a plain JSON object.
func needPairs(entries []entry) bool {
	for _, e := range entries {
		if !utf8.ValidString(e.key) {
			return true
		}
	}
	return repeats(entries)
}

// appendKey writes an object's key (valid UTF-8) and the colon.
func appendKey(dst []byte, k string) []byte {
	dst = append(dst, '"')
	if strings.HasPrefix(k, "$") {
		dst = append(dst, '$')
	}
	return append(appendEscaped(dst, k), '"', ':')
}

const hexDigits = "0123456789abcdef"

// appendString writes a JSON string.
func appendString(dst []byte, s string) ([]byte, bool) {
	valid := utf8.ValidString(s)
	if !valid {
		s = strings.ToValidUTF8(s, "\uFFFD")
	}
	dst = append(dst, '"')
	return append(appendEscaped(dst, s), '"'), valid
}

// appendValid appends s with U+FFFD in place of each run of invalid bytes.
func appendValid(dst []byte, s string) []byte {
	if !utf8.ValidString(s) {
		s = strings.ToValidUTF8(s, "\uFFFD")
	}
	return append(dst, s...)
}

// appendEscaped writes the inside of a JSON string.
func appendEscaped(dst []byte, s string) []byte {
	start := 0
	for i := 0; i < len(s); i++ {
		c := s[i]
		if c >= 0x20 && c != '"' && c != '\\' {
			continue
		}
		dst = append(dst, s[start:i]...)
		start = i + 1
		switch c {
		case '"', '\\':
			dst = append(dst, '\\', c)
		case '\n':
			dst = append(dst, '\\', 'n')
		case '\r':
			dst = append(dst, '\\', 'r')
		case '\t':
			dst = append(dst, '\\', 't')
		default:
			dst = append(dst, '\\', 'u', '0', '0', hexDigits[c>>4], hexDigits[c&15])
		}
	}
	return append(dst, s[start:]...)
}

func appendBytes(dst, raw []byte) []byte {
	dst = append(dst, `{"$bytes":"`...)
	dst = base64.StdEncoding.AppendEncode(dst, raw)
	return append(dst, `"}`...)
}

// nanBits are those of the not-a-number that IEEE 754 operations give.
const nanBits = 0x7ff8000000000000

func appendDouble(dst []byte, f float64) []byte {
	switch {
	case math.IsInf(f, 1):
		return append(dst, `{"$double":"+Inf"}`...)
	case math.IsInf(f, -1):
		return append(dst, `{"$double":"-Inf"}`...)
	case math.Float64bits(f) == nanBits:
		return append(dst, `{"$double":"NaN"}`...)
	case f != f:
		return fmt.Appendf(dst, `{"$double":"NaN:%016x"}`, math.Float64bits(f))
	}
	format := byte('f')
	if abs := math.Abs(f); abs != 0 && (abs < 1e-6 || abs >= 1e21) {
		format = 'e'
	}
	start := len(dst)
	dst = strconv.AppendFloat(dst, f, format, -1, 64)
	for _, c := range dst[start:] {
		if c == '.' || c == 'e' {
			return dst
		}
	}
	return append(dst, '.', '0')
}

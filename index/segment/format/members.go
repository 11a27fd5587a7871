package format

import (
	"bytes"
	"encoding/base64"
	"unicode/utf8"

	"clew/index"
	"clew/index/segment/pagecode"
	"clew/internal/telemetry"
)

// The overflow leaf holds, for each row that has a value in a column beyond the bound on attribute columns, a JSON object: the column's
// String() (name#type) to the value's text as a JSON string (bytes in base64). The form is canonical (no spaces, one way
// to escape), so that a reader finds a column's values without parsing the others.

// NextMember splits the first member off an object, which begins with the brace or comma before it; rest begins with what follows it.
func NextMember(object []byte) (name, value, rest []byte, ok bool) {
	end := jsonStringEnd(object[1:])
	if end < 0 || len(object) < end+3 || object[1+end] != ':' {
		return nil, nil, nil, false
	}
	name, object = object[1:1+end], object[1+end+1:]
	if end = jsonStringEnd(object); end < 0 {
		return nil, nil, nil, false
	}
	return name, object[:end], object[end:], true
}

// jsonStringEnd is the length of the JSON string at the start of s, quotes included; -1 if there is none.
func jsonStringEnd(s []byte) int {
	if len(s) == 0 || s[0] != '"' {
		return -1
	}
	for i := 1; i < len(s); i++ {
		switch s[i] {
		case '"':
			return i + 1
		case '\\':
			i++
		}
	}
	return -1
}

// AppendMember appends a member of the object, with the opening brace before the first.
func AppendMember(dst []byte, first bool, c telemetry.Column, text []byte) []byte {
	dst = appendMemberKey(dst, first, c)
	if c.Type == telemetry.TypeBytes {
		dst = append(dst, '"')
		dst = base64.StdEncoding.AppendEncode(dst, text)
		return append(dst, '"')
	}
	return AppendJSONString(dst, text)
}

func appendMemberKey(dst []byte, first bool, c telemetry.Column) []byte {
	if first {
		dst = append(dst, '{')
	} else {
		dst = append(dst, ',')
	}
	return append(AppendJSONString(dst, []byte(c.String())), ':')
}

// AppendJSONString appends s as a JSON string. Quote, backslash and control characters are escaped, nothing else. Telemetry holds
// valid UTF-8; what is not becomes U+FFFD here too, as everywhere.
func AppendJSONString(dst, s []byte) []byte {
	const hexDigits = "0123456789abcdef"
	if !utf8.Valid(s) {
		s = bytes.ToValidUTF8(s, []byte("\uFFFD"))
	}
	dst = append(dst, '"')
	for _, b := range s {
		switch {
		case b == '"' || b == '\\':
			dst = append(dst, '\\', b)
		case b < 0x20:
			dst = append(dst, '\\', 'u', '0', '0', hexDigits[b>>4], hexDigits[b&15])
		default:
			dst = append(dst, b)
		}
	}
	return append(dst, '"')
}

// ReadJSONString reads what appendJSONString wrote, at the start of s, and appends it to dst.
func ReadJSONString(dst, s []byte) ([]byte, bool) {
	if len(s) == 0 || s[0] != '"' {
		return dst, false
	}
	for i := 1; i < len(s); i++ {
		switch b := s[i]; {
		case b == '"':
			return dst, true
		case b != '\\':
			dst = append(dst, b)
		case i+1 < len(s) && s[i+1] != 'u':
			i++
			dst = append(dst, s[i])
		case i+5 < len(s):
			high, low := hexValue(s[i+4]), hexValue(s[i+5])
			if high < 0 || low < 0 {
				return dst, false
			}
			dst = append(dst, byte(high<<4|low))
			i += 5
		default:
			return dst, false
		}
	}
	return dst, false
}

func hexValue(c byte) int {
	switch {
	case c >= '0' && c <= '9':
		return int(c - '0')
	case c >= 'a' && c <= 'f':
		return int(c-'a') + 10
	}
	return -1
}

// ExtractOverflow picks a column's values out of the overflow leaf's rows.
//
// It looks for the member's key with the brace or comma before it. That cannot be met inside a string: there every quote has a
// backslash before it, so brace-quote does not occur, and comma-quote only where the string ends with a comma; the quote then
// is the string's last, what follows it is a comma or a brace, and no key in JSON form begins its text with an unescaped quote.
func ExtractOverflow(all index.Bytes, c telemetry.Column) (index.Bytes, error) {
	rows := len(all.Offsets) - 1
	out := index.Bytes{Offsets: make([]uint32, rows+1), Valid: make([]uint64, (rows+63)/64)}
	firstKey, nextKey := appendMemberKey(nil, true, c), appendMemberKey(nil, false, c)
	for row := range rows {
		object := all.At(row)
		at := -1
		if bytes.HasPrefix(object, firstKey) {
			at = len(firstKey)
		} else if i := bytes.Index(object, nextKey); i >= 0 {
			at = i + len(nextKey)
		}
		if at >= 0 {
			var ok bool
			start := len(out.Data)
			if out.Data, ok = ReadJSONString(out.Data, object[at:]); !ok {
				return index.Bytes{}, pagecode.Err
			}
			if c.Type == telemetry.TypeBytes {
				n, err := base64.StdEncoding.Decode(out.Data[start:], out.Data[start:])
				if err != nil {
					return index.Bytes{}, pagecode.Err
				}
				out.Data = out.Data[:start+n]
			}
			out.Valid[row>>6] |= 1 << (row & 63)
		}
		out.Offsets[row+1] = uint32(len(out.Data))
	}
	return out, nil
}

// ReadMember reads the first member of what is left of an object that appendMember wrote: a brace or a comma, the key, a colon, the value.
func ReadMember(key, value, object []byte) (k, v, rest []byte, ok bool) {
	if len(object) < 1 || object[0] != '{' && object[0] != ',' {
		return key, value, nil, false
	}
	object = object[1:]
	n := jsonStringBytes(object)
	if key, ok = ReadJSONString(key, object); !ok || len(object) <= n || object[n] != ':' {
		return key, value, nil, false
	}
	object = object[n+1:]
	n = jsonStringBytes(object)
	value, ok = ReadJSONString(value, object)
	return key, value, object[min(n, len(object)):], ok
}

// jsonStringBytes is how long the JSON string at the start of s is, with its quotes.
func jsonStringBytes(s []byte) int {
	for i := 1; i < len(s); i++ {
		switch s[i] {
		case '\\':
			i++
		case '"':
			return i + 1
		}
	}
	return len(s)
}

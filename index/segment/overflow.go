package segment

import (
	"bytes"
	"context"
	"encoding/base64"
	"fmt"
	"unicode/utf8"

	"clew/index"
	"clew/internal/telemetry"
)

// The overflow leaf holds, for each row that has a value in a column beyond the bound on attribute columns, a JSON object: the column's
// String() (name#type) to the value's text as a JSON string (bytes in base64). The form is canonical (no spaces, one way
// to escape), so that a reader finds a column's values without parsing the others.

// overflowWriter writes the overflow leaf.
type overflowWriter struct {
	columns []int
	text    []byte
}

func (w *writer) writeOverflow(ctx context.Context, g *gathering) (chunk, error) {
	o := w.overflow
	sources := make([][]texts, len(o.columns))
	for i, col := range o.columns {
		sources[i] = make([]texts, len(g.pulls))
		for p := range g.pulls {
			pl := &g.pulls[p]
			from := w.columns[col].from[pl.input]
			if from < 0 {
				continue
			}
			var err error
			if sources[i][p], err = w.inputs[pl.input].texts(ctx, from, pl.group); err != nil {
				return chunk{}, err
			}
		}
	}
	w.data, w.ends = w.data[:0], w.ends[:0]
	w.valid = bitmap(w.valid, g.rows)
	v := values{rows: g.rows}
	for i := range g.rows {
		start := len(w.data)
		for j, col := range o.columns {
			source := &sources[j][g.slot[i]]
			row := int(g.row[i])
			if source.at == nil || source.null(row) {
				continue
			}
			c := &w.columns[col]
			c.NonNull++
			o.text = source.at(o.text[:0], row)
			w.data = appendMember(w.data, len(w.data) == start, c.Column, o.text)
		}
		if len(w.data) == start {
			v.nulls++
			continue
		}
		w.data = append(w.data, '}')
		if len(w.data) > chunkBytesMax {
			return chunk{}, fmt.Errorf("more than %d bytes in a row group", chunkBytesMax)
		}
		w.valid[i>>6] |= 1 << (i & 63)
		w.ends = append(w.ends, uint32(len(w.data)))
	}
	if v.nulls > 0 {
		v.valid = w.valid
	}
	ch, _, err := w.chunk.strings(v, w.data, w.ends)
	return ch, err
}

// appendMember appends a member of the object, with the opening brace before the first.
func appendMember(dst []byte, first bool, c telemetry.Column, text []byte) []byte {
	dst = appendMemberKey(dst, first, c)
	if c.Type == telemetry.TypeBytes {
		dst = append(dst, '"')
		dst = base64.StdEncoding.AppendEncode(dst, text)
		return append(dst, '"')
	}
	return appendJSONString(dst, text)
}

func appendMemberKey(dst []byte, first bool, c telemetry.Column) []byte {
	if first {
		dst = append(dst, '{')
	} else {
		dst = append(dst, ',')
	}
	return append(appendJSONString(dst, []byte(c.String())), ':')
}

// appendJSONString appends s as a JSON string. Quote, backslash and control characters are escaped, nothing else. Telemetry holds
// valid UTF-8; what is not becomes U+FFFD here too, as everywhere.
func appendJSONString(dst, s []byte) []byte {
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

// readJSONString reads what appendJSONString wrote, at the start of s, and appends it to dst.
func readJSONString(dst, s []byte) ([]byte, bool) {
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

// extractOverflow picks a column's values out of the overflow leaf's rows.
//
// It looks for the member's key with the brace or comma before it. That cannot be met inside a string: there every quote has a
// backslash before it, so brace-quote does not occur, and comma-quote only where the string ends with a comma; the quote then
// is the string's last, what follows it is a comma or a brace, and no key in JSON form begins its text with an unescaped quote.
func extractOverflow(all index.Bytes, c telemetry.Column) (index.Bytes, error) {
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
			if out.Data, ok = readJSONString(out.Data, object[at:]); !ok {
				return index.Bytes{}, errPage
			}
			if c.Type == telemetry.TypeBytes {
				n, err := base64.StdEncoding.Decode(out.Data[start:], out.Data[start:])
				if err != nil {
					return index.Bytes{}, errPage
				}
				out.Data = out.Data[:start+n]
			}
			out.Valid[row>>6] |= 1 << (row & 63)
		}
		out.Offsets[row+1] = uint32(len(out.Data))
	}
	return out, nil
}

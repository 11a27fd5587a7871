package segment

import (
	"bytes"
	"cmp"
	"context"
	"encoding/base64"
	"fmt"
	"slices"
	"unicode/utf8"

	"clew/index"
	"clew/index/segment/pagecode"
	"clew/internal/telemetry"
)

// The overflow leaf holds, for each row that has a value in a column beyond the bound on attribute columns, a JSON object: the column's
// String() (name#type) to the value's text as a JSON string (bytes in base64). The form is canonical (no spaces, one way
// to escape), so that a reader finds a column's values without parsing the others.

// overflowWriter writes the overflow leaf. Columns come one after the other, with the values that exist: there may be ten thousand of them, and
// a place for every row of each would be gigabytes.
type overflowWriter struct {
	columns []int
	cells   []overflowCell
	texts   []byte // of all cells
	text    []byte
	outOf   []uint32       // of the pull at hand: each of its rows' place in our row group, plus one; 0: it is not in it
	starts  []uint32       // of each row: its first cell in byRow
	byRow   []uint32       // numbers of cells
	names   map[string]int // columns by the text that begins their members in a segment's overflow leaf
}

// overflowCell is a value: of our row, in the column'th of overflowWriter.columns, texts[start:end].
type overflowCell struct{ row, column, start, end uint32 }

func (w *writer) writeOverflow(ctx context.Context, g *gathering) (chunk, error) {
	o := w.overflow
	o.cells, o.texts = o.cells[:0], o.texts[:0]
	for p := range g.pulls {
		if err := w.collectOverflow(ctx, &g.pulls[p]); err != nil {
			return chunk{}, err
		}
		if len(o.texts) > chunkBytesMax {
			return chunk{}, fmt.Errorf("more than %d bytes in a row group", chunkBytesMax)
		}
	}
	o.sortByRow(g.rows)
	w.data, w.ends = w.data[:0], w.ends[:0]
	w.valid = bitmap(w.valid, g.rows)
	v := values{rows: g.rows}
	for i := range g.rows {
		cells := o.byRow[o.starts[i]:o.starts[i+1]]
		if len(cells) == 0 {
			v.nulls++
			continue
		}
		for k, number := range cells {
			cell := o.cells[number]
			c := &w.columns[o.columns[cell.column]]
			c.NonNull++
			w.data = appendMember(w.data, k == 0, c.Column, o.texts[cell.start:cell.end])
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

// collectOverflow adds the cells of the rows that come from one row group of an input.
func (w *writer) collectOverflow(ctx context.Context, pl *pull) error {
	o, in := w.overflow, &w.inputs[pl.input]
	rows := in.groups[pl.group].Rows
	o.outOf = resized(o.outOf, rows)
	clear(o.outOf)
	for k, row := range pl.rows {
		o.outOf[row] = pl.at[k] + 1
	}
	fromLeaf, isSegment := in.part.(*Segment)
	anyInLeaf := false
	sparse, isSparse := in.part.(index.SparseReader)
	for j, col := range o.columns {
		from := w.columns[col].from[pl.input]
		if from < 0 {
			continue
		}
		if isSegment && in.columns[from].Overflow {
			anyInLeaf = true
			continue
		}
		if isSparse {
			ok, err := sparse.EachText(ctx, from, pl.group, func(row int, text []byte) { o.add(row, j, text) })
			if err != nil {
				return err
			}
			if ok {
				continue
			}
		}
		all, err := in.texts(ctx, from, pl.group)
		if err != nil {
			return err
		}
		for row := range rows {
			if o.outOf[row] > 0 && !all.null(row) {
				o.text = all.at(o.text[:0], row)
				o.add(row, j, o.text)
			}
		}
	}
	if anyInLeaf {
		return w.collectLeaf(ctx, fromLeaf, pl.group)
	}
	return nil
}

// add adds the value that an input's row has in the j'th overflow column, if the row is in our row group.
func (o *overflowWriter) add(row, j int, text []byte) {
	if o.outOf[row] == 0 {
		return
	}
	start := uint32(len(o.texts))
	o.texts = append(o.texts, text...)
	o.cells = append(o.cells, overflowCell{row: o.outOf[row] - 1, column: uint32(j), start: start, end: uint32(len(o.texts))})
}

// collectLeaf adds the cells of a segment's overflow leaf, all columns in one pass.
func (w *writer) collectLeaf(ctx context.Context, s *Segment, rg int) error {
	o := w.overflow
	if o.names == nil {
		o.names = make(map[string]int, len(o.columns))
		for j, col := range o.columns {
			o.names[string(appendJSONString(nil, []byte(w.columns[col].String())))] = j
		}
	}
	all, err := s.overflowObjects(ctx, rg)
	if err != nil {
		return err
	}
	for row := range len(all.Offsets) - 1 {
		if o.outOf[row] == 0 {
			continue
		}
		for object := all.At(row); len(object) > 1; {
			name, value, rest, ok := nextMember(object)
			if !ok {
				return s.chunkDamage(s.overflowLeaf, rg, pagecode.Err)
			}
			object = rest
			j, known := o.names[string(name)]
			if !known {
				continue // a column of its own in the segment that is being written: read as one
			}
			if o.text, ok = readJSONString(o.text[:0], value); !ok {
				return s.chunkDamage(s.overflowLeaf, rg, pagecode.Err)
			}
			if w.columns[o.columns[j]].Type == telemetry.TypeBytes {
				n, err := base64.StdEncoding.Decode(o.text, o.text)
				if err != nil {
					return s.chunkDamage(s.overflowLeaf, rg, pagecode.Err)
				}
				o.text = o.text[:n]
			}
			o.add(row, j, o.text)
		}
	}
	return nil
}

// nextMember splits the first member off an object, which begins with the brace or comma before it; rest begins with what follows it.
func nextMember(object []byte) (name, value, rest []byte, ok bool) {
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

// sortByRow lists the cells by row, and those of a row by column.
func (o *overflowWriter) sortByRow(rows int) {
	// Cells of several pulls are in several runs of ascending columns, and a row's come from one pull: so a row's cells come in the order of columns,
	// but for those of a leaf.
	o.starts = resized(o.starts, rows+1)
	clear(o.starts)
	for _, c := range o.cells {
		o.starts[c.row+1]++
	}
	for i := range rows {
		o.starts[i+1] += o.starts[i]
	}
	next := append([]uint32(nil), o.starts[:rows]...)
	o.byRow = resized(o.byRow, len(o.cells))
	for number, c := range o.cells {
		o.byRow[next[c.row]] = uint32(number)
		next[c.row]++
	}
	for i := range rows {
		slices.SortFunc(o.byRow[o.starts[i]:o.starts[i+1]], func(a, b uint32) int { return cmp.Compare(o.cells[a].column, o.cells[b].column) })
	}
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

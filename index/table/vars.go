package table

import (
	"encoding/binary"

	"clew/index"
	"clew/index/vocabulary"
)

// A text's variables are one byte string: for each hole in order a header, a uvarint whose lowest bit tells a number (0: the rest
// of the header is the zigzag of vocabulary.EncodeInt) from a string (1: the rest is its length, and its bytes follow). An encoded
// integer has at most 18 digits, so the header has room for both extra bits.

// appendVars adds the variables of text to dst.
func appendVars(dst, text []byte, holes []vocabulary.Hole) []byte {
	for _, h := range holes {
		v := text[h.Start:h.End]
		if h.Kind == vocabulary.HoleInt {
			n := vocabulary.EncodeInt(v)
			dst = binary.AppendUvarint(dst, uint64(n<<1^n>>63)<<1)
			continue
		}
		dst = binary.AppendUvarint(dst, uint64(len(v))<<1|1)
		dst = append(dst, v...)
	}
	return dst
}

// nextVar reads the first variable of vars: a number where text is nil, and the rest of vars.
func nextVar(vars []byte) (number int64, text, rest []byte) {
	head := uint64(vars[0])
	n := 1
	if head >= 0x80 {
		head, n = binary.Uvarint(vars)
	}
	if head&1 == 0 {
		z := head >> 1
		return int64(z>>1) ^ -int64(z&1), nil, vars[n:]
	}
	end := n + int(head>>1)
	return 0, vars[n:end:end], vars[end:]
}

// textRows reads the texts of one row group. It implements index.TextRows.
type textRows struct {
	chunk     *chunk // nil: no row has a text
	ranks     []uint32
	templates *vocabulary.Arena

	row  int // the row that vars belong to, or -1
	code uint32
	vars []byte

	// next is the variable that rest begins with, so that asking for a row's variables in order reads each once.
	next int
	rest []byte
}

func newTextRows(c *chunk, templates *vocabulary.Arena) *textRows {
	t := &textRows{chunk: c, templates: templates, row: -1}
	if c != nil {
		t.ranks = c.rows.ranks()
	}
	return t
}

// seek makes row the current one and returns its template, or NullCode.
func (t *textRows) seek(row int) uint32 {
	if row == t.row {
		return t.code
	}
	t.row, t.code, t.vars = row, index.NullCode, nil
	if t.chunk == nil {
		return index.NullCode
	}
	i := t.chunk.rows.number(row, t.ranks)
	if i < 0 {
		return index.NullCode
	}
	t.code = t.chunk.codes.at(i)
	t.vars = t.chunk.heap.value(i)
	t.next, t.rest = 0, t.vars
	return t.code
}

// Code implements index.TextRows. It does not look at the variables.
func (t *textRows) Code(row int) uint32 {
	if row == t.row {
		return t.code
	}
	if t.chunk == nil {
		return index.NullCode
	}
	if i := t.chunk.rows.number(row, t.ranks); i >= 0 {
		return t.chunk.codes.at(i)
	}
	return index.NullCode
}

// variable reads the k-th variable of row.
func (t *textRows) variable(row, k int) (number int64, text []byte) {
	t.seek(row)
	if k < t.next {
		t.next, t.rest = 0, t.vars
	}
	for {
		if len(t.rest) == 0 { // no such variable
			return 0, []byte{}
		}
		number, text, t.rest = nextVar(t.rest)
		t.next++
		if t.next > k {
			return number, text
		}
	}
}

// AppendVar implements index.TextRows.
func (t *textRows) AppendVar(dst []byte, row, k int) []byte {
	number, text := t.variable(row, k)
	if text == nil {
		return vocabulary.AppendInt(dst, number)
	}
	return append(dst, text...)
}

// IntVar implements index.TextRows.
func (t *textRows) IntVar(row, k int) int64 {
	number, _ := t.variable(row, k)
	return number
}

// AppendText implements index.TextRows.
func (t *textRows) AppendText(dst []byte, row int) []byte {
	code := t.seek(row)
	if code == index.NullCode {
		return dst
	}
	template := t.templates.At(int(code))
	vars := t.vars
	start := 0
	for i, c := range template {
		if !vocabulary.IsHole(c) {
			continue
		}
		dst = append(dst, template[start:i]...)
		start = i + 1
		var number int64
		var text []byte
		if number, text, vars = nextVar(vars); text == nil {
			dst = vocabulary.AppendInt(dst, number)
		} else {
			dst = append(dst, text...)
		}
	}
	return append(dst, template[start:]...)
}

package table

import (
	"fmt"

	"github.com/apache/arrow/go/v15/arrow"
	"github.com/apache/arrow/go/v15/arrow/array"

	"clew/index"
	"clew/internal/telemetry"
)

// readRecord reads the columns of a record and checks that each has an array type that appendArray knows.
func readRecord(rec arrow.Record, ofSet bool) (ids []telemetry.Column, arrs []arrow.Array, sets *array.Uint32, err error) {
	fields := rec.Schema().Fields()
	ids = make([]telemetry.Column, 0, len(fields))
	arrs = make([]arrow.Array, 0, len(fields))
	for i, f := range fields {
		arr := rec.Column(i)
		if u, ok := arr.(*array.Uint32); ok && f.Name == telemetry.SetColumn && !ofSet {
			sets = u
			continue
		}
		id, err := telemetry.ColumnOf(f)
		if err != nil {
			return nil, nil, nil, err
		}
		if isSetColumn(id) != ofSet {
			return nil, nil, nil, fmt.Errorf("column %v is on the wrong side of rows and sets", id)
		}
		if !fits(id.Type, arr) {
			return nil, nil, nil, fmt.Errorf("column %v has the array type %v", id, arr.DataType())
		}
		ids, arrs = append(ids, id), append(arrs, arr)
	}
	return ids, arrs, sets, nil
}

// fits says whether values of type t come as arrays like arr.
func fits(t telemetry.Type, arr arrow.Array) bool {
	switch a := arr.(type) {
	case *array.String:
		return t == telemetry.TypeString || t == telemetry.TypeJSON
	case *array.Dictionary:
		_, words := a.Dictionary().(*array.String)
		_, codes := a.Indices().(*array.Uint32)
		return words && codes && (t == telemetry.TypeString || t == telemetry.TypeJSON)
	case *array.Int64:
		return t == telemetry.TypeInt || t == telemetry.TypeTime
	case *array.Float64:
		return t == telemetry.TypeDouble
	case *array.Boolean:
		return t == telemetry.TypeBool
	case *array.Binary, *array.FixedSizeBinary:
		return t == telemetry.TypeBytes
	}
	return false
}

// span is the part of a batch that goes into one row group: of the source rows lo to hi-1 those that keep says (nil: all), n of them, to
// rows first, first+1, ... of the group.
type span struct {
	lo, hi int
	keep   []bool
	n      int
	group  int
	first  int
}

// end returns hi: the source row after the n-th kept one.
func (s *span) end(rows int) int {
	if s.keep == nil {
		return s.lo + s.n
	}
	left := s.n
	for i := s.lo; i < rows; i++ {
		if s.keep[i] {
			if left--; left == 0 {
				return i + 1
			}
		}
	}
	return rows
}

// scratch is memory that Append uses again and again.
type scratch struct {
	src    []int32  // source rows of the values
	rows   []uint16 // their rows in the group
	codes  []uint32
	ints   []int64
	remap  []uint32 // of a dictionary's entries: code+1
	vars   heap     // of a dictionary's entries that are texts: their variables
	varsOf []uint32 // which string of vars is the entry's
}

// sized returns a slice of n elements, using buf's memory if it is enough.
func sized[T any](buf []T, n int) []T {
	if cap(buf) < n {
		return make([]T, n, n+n/4)
	}
	return buf[:n]
}

// gather finds the span's rows that have a value in arr. dense: all have one, and the values are arr's own from lo to hi.
func (sc *scratch) gather(s *span, arr arrow.Array) (dense bool) {
	if s.keep == nil && arr.NullN() == 0 {
		return true
	}
	sc.src, sc.rows = sc.src[:0], sc.rows[:0]
	row := s.first
	valid, offset := arr.NullBitmapBytes(), arr.Data().Offset()
	for i := s.lo; i < s.hi; i++ {
		if s.keep != nil && !s.keep[i] {
			continue
		}
		if k := offset + i; k&7 == 0 && s.keep == nil && len(valid) > k>>3 && valid[k>>3] == 0 && i+8 <= s.hi {
			i += 7 // eight rows without a value: of a rare column, nearly all are
			row += 8
			continue
		}
		if arr.IsValid(i) {
			sc.src = append(sc.src, int32(i))
			sc.rows = append(sc.rows, uint16(row))
		}
		row++
	}
	return false
}

// taken returns the values of vals that gather found, in buf's memory unless they are dense.
func taken[T any](s *span, sc *scratch, dense bool, vals, buf []T) []T {
	if dense {
		return vals[s.lo:s.hi]
	}
	buf = sized(buf, len(sc.src))
	for k, i := range sc.src {
		buf[k] = vals[i]
	}
	return buf
}

// appendArray adds the span's values of arr to c.
func (t *Table) appendArray(c *column, arr arrow.Array, s *span) {
	sc := &t.scratch
	dense := sc.gather(s, arr)
	n := len(sc.src)
	if dense {
		n = s.hi - s.lo
	}
	if n == 0 {
		return
	}
	c.view = nil
	ch := c.chunk(s.group)
	switch a := arr.(type) {
	case *array.Int64:
		vals := taken(s, sc, dense, a.Int64Values(), sc.ints)
		if !dense {
			sc.ints = vals
		}
		t.noteTimes(c, s.group, vals)
		ch.ints.appendAll(vals)
	case *array.Float64:
		if dense {
			ch.doubles = append(ch.doubles, a.Float64Values()[s.lo:s.hi]...)
		} else {
			for _, i := range sc.src {
				ch.doubles = append(ch.doubles, a.Value(int(i)))
			}
		}
	case *array.Dictionary:
		t.appendDictionary(c, ch, a, s, dense)
	default:
		t.appendEach(c, ch, arr, s, dense, n)
	}
	if dense {
		ch.rows.addRun(s.first, n)
	} else {
		for _, r := range sc.rows {
			ch.rows.add(int(r))
		}
	}
	c.count += uint64(n)
	if !c.ofSet {
		c.rows += uint64(n)
	}
}

// noteTimes widens the row group's time range by values of the ordering time. A metric row's range reaches to its end.
func (t *Table) noteTimes(c *column, group int, vals []int64) {
	if c != t.order && c != t.end {
		return
	}
	g := &t.groups[group]
	if t.timed <= group {
		t.timed = group + 1
		g.MinTime, g.MaxTime = vals[0], vals[0]
	}
	for _, v := range vals {
		g.MinTime = min(g.MinTime, v)
		g.MaxTime = max(g.MaxTime, v)
	}
}

// appendDictionary adds dictionary-coded strings: each distinct one that a kept row uses is looked up once, the rows are mapped.
func (t *Table) appendDictionary(c *column, ch *chunk, a *array.Dictionary, s *span, dense bool) {
	sc := &t.scratch
	words := a.Dictionary().(*array.String)
	indices := taken(s, sc, dense, a.Indices().(*array.Uint32).Uint32Values(), sc.codes)
	sc.codes = sized(sc.codes, len(indices))
	sc.remap = sized(sc.remap, words.Len())
	clear(sc.remap)
	if c.kind != index.KindValue {
		sc.varsOf = sized(sc.varsOf, words.Len())
		sc.vars = heap{data: sc.vars.data[:0], marks: sc.vars.marks[:0], lens: packed{buf: sc.vars.lens.buf[:0], width: sc.vars.lens.width}}
	}
	codes := sc.codes
	switch c.kind {
	case index.KindValue:
		for k, i := range indices {
			code := sc.remap[i]
			if code == 0 {
				code, _ = c.values.InternString(words.Value(int(i)))
				code++
				sc.remap[i] = code
			}
			codes[k] = code - 1
		}
		ch.codes.appendAll(codes, uint32(c.values.Len()))
	case index.KindText:
		for k, i := range indices {
			code := sc.remap[i]
			if code == 0 {
				sc.varsOf[i] = uint32(sc.vars.n)
				code = c.codeText(&sc.vars, bytesOf(words.Value(int(i)))) + 1
				sc.remap[i] = code
			}
			codes[k] = code - 1
			ch.heap.appendFrom(&sc.vars, int(sc.varsOf[i]))
		}
		ch.codes.appendAll(codes, uint32(c.coder.Len()))
	case index.KindRaw:
		for _, i := range indices {
			ch.heap.append(bytesOf(words.Value(int(i))))
		}
	}
}

var boolText = map[bool][]byte{false: []byte("false"), true: []byte("true")}

// appendEach adds values one by one: strings, bools, bytes.
func (t *Table) appendEach(c *column, ch *chunk, arr arrow.Array, s *span, dense bool, n int) {
	sc := &t.scratch
	if fixed, ok := arr.(*array.FixedSizeBinary); ok && dense && c.width == fixed.DataType().(*arrow.FixedSizeBinaryType).ByteWidth &&
		ch.heap.fixed == c.width {
		for i := s.lo; i < s.hi; i++ {
			ch.heap.data = append(ch.heap.data, fixed.Value(i)...)
		}
		ch.heap.n += n
		return
	}
	sc.codes = sized(sc.codes, n)
	for k := range n {
		i := s.lo + k
		if !dense {
			i = int(sc.src[k])
		}
		v := valueOf(arr, i)
		switch c.kind {
		case index.KindValue:
			sc.codes[k], _ = c.values.Intern(v)
		case index.KindText:
			sc.codes[k] = c.codeText(&ch.heap, v)
		default:
			if ch.heap.fixed != 0 && ch.heap.fixed != len(v) {
				ch.heap.unfix()
			}
			ch.heap.append(v)
		}
	}
	switch c.kind {
	case index.KindValue:
		ch.codes.appendAll(sc.codes, uint32(c.values.Len()))
	case index.KindText:
		ch.codes.appendAll(sc.codes, uint32(c.coder.Len()))
	}
}

// valueOf returns the bytes of a string, bool or bytes value.
func valueOf(arr arrow.Array, i int) []byte {
	switch a := arr.(type) {
	case *array.String:
		return bytesOf(a.Value(i))
	case *array.Boolean:
		return boolText[a.Value(i)]
	case *array.Binary:
		return a.Value(i)
	case *array.FixedSizeBinary:
		return a.Value(i)
	}
	return nil
}

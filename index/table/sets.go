package table

import (
	"encoding/binary"
	"math"
	"unsafe"

	"github.com/apache/arrow/go/v15/arrow"
	"github.com/apache/arrow/go/v15/arrow/array"

	"clew/index/vocabulary"
	"clew/internal/telemetry"
)

// sets are the distinct resources and scopes of a table's rows. A set's number is its row in the resource and scope columns.
type sets struct {
	known   *vocabulary.Interner // of sets' content (setKey)
	numbers map[telemetry.Column]uint32
	columns [][]*column // of each set: the columns that it has a value in
	of      column      // each row's set, as codes

	key   []byte
	local []uint32 // of a batch's sets: the table's number + 1
	count []uint32 // of a batch's sets: rows

	bytes int64 // at the last call of grown
	refs  int64 // entries in columns
}

func (s *sets) init() {
	s.known = vocabulary.NewInterner()
	s.numbers = map[telemetry.Column]uint32{}
}

func (s *sets) grown() int64 {
	was := s.bytes
	s.bytes = s.known.Bytes() + 8*s.refs + int64(24*len(s.columns)) + int64(64*len(s.numbers))
	return s.bytes - was + s.of.measure()
}

// prepareSets forgets the previous batch's sets and makes the columns of this one's. A set itself is looked up when a kept row is of it.
func (t *Table) prepareSets(rec arrow.Record, in *input) {
	if in.sets == nil {
		return
	}
	s := &t.sets
	s.local = sized(s.local, int(rec.NumRows()))
	clear(s.local)
	s.count = sized(s.count, int(rec.NumRows()))
	clear(s.count)
	for _, id := range in.setColumns {
		t.column(id)
		if _, ok := s.numbers[id]; !ok {
			s.numbers[id] = uint32(len(s.numbers))
		}
	}
}

// addSet returns the number of set i of the batch.
func (t *Table) addSet(i int, in *input) uint32 {
	s := &t.sets
	s.key = s.key[:0]
	for k, arr := range in.setArrays {
		if arr.IsValid(i) {
			s.key = appendCell(binary.AppendUvarint(s.key, uint64(s.numbers[in.setColumns[k]])), arr, i)
		}
	}
	set, added := s.known.Intern(s.key)
	if !added {
		return set
	}
	row := span{lo: i, hi: i + 1, n: 1, group: int(set) / groupRows, first: int(set) % groupRows}
	var cols []*column
	grown := int64(0)
	for k, arr := range in.setArrays {
		if arr.IsValid(i) {
			c := t.columns[in.setColumns[k]]
			t.appendArray(c, arr, &row)
			grown += c.measure()
			cols = append(cols, c)
		}
	}
	s.columns = append(s.columns, cols)
	s.refs += int64(len(cols))
	t.bytes.Add(grown)
	return set
}

// appendCell adds value i of arr to a set's key, such that no two rows of cells have the same key.
func appendCell(key []byte, arr arrow.Array, i int) []byte {
	switch a := arr.(type) {
	case *array.Int64:
		return binary.LittleEndian.AppendUint64(key, uint64(a.Value(i)))
	case *array.Float64:
		return binary.LittleEndian.AppendUint64(key, math.Float64bits(a.Value(i)))
	case *array.Dictionary:
		word := a.Dictionary().(*array.String).Value(a.GetValueIndex(i))
		return append(binary.AppendUvarint(key, uint64(len(word))), word...)
	}
	v := valueOf(arr, i)
	return append(binary.AppendUvarint(key, uint64(len(v))), v...)
}

// appendSets adds the span's rows' sets, and counts the rows of each resource and scope column.
func (t *Table) appendSets(in *input, s *span) {
	if in.sets == nil {
		return
	}
	ts := &t.sets
	sc := &t.scratch
	dense := sc.gather(s, in.sets)
	local := taken(s, sc, dense, in.sets.Uint32Values(), nil)
	codes := make([]uint32, len(local))
	for k, l := range local {
		if ts.local[l] == 0 {
			ts.local[l] = t.addSet(int(l), in) + 1
		}
		ts.count[l]++
		codes[k] = ts.local[l] - 1
	}
	ch := ts.of.chunk(s.group)
	ch.codes.appendAll(codes, uint32(len(ts.columns)))
	ch.rows.addRun(s.first, len(codes))
	ts.of.view = nil
	for l, n := range ts.count {
		if n == 0 {
			continue
		}
		for _, c := range ts.columns[ts.local[l]-1] {
			c.rows += uint64(n)
			c.view = nil
		}
		ts.count[l] = 0
	}
}

// bytesOf returns the bytes of s without copying. They must not be changed.
func bytesOf(s string) []byte { return unsafe.Slice(unsafe.StringData(s), len(s)) }

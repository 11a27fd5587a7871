package telemetry

import (
	"strings"
	"unicode/utf8"

	"go.opentelemetry.io/collector/pdata/pcommon"
)

// How attributes become columns and come back.
//
// A scalar attribute is a cell of the column of its key and type; an array is a cell of type JSON. A map becomes the cells of its leaves, under the
// keys joined with dots. An attribute that its cells cannot give back is exact: its original stands in the record's (or resource's or
// scope's) exact field, a JSON object. Exact are maps, empty values, values of a key and type that occurs twice in the record (which includes
// a leaf of a map with the same dotted key), and whatever gets no column.
// Attributes that get no column because there are too many, or because the key is too long, are in the overflow field as well, for search.
//
// So the attributes of a record are: what stands in exact, and of all cells and the overflow's members those that exact's attributes
// do not account for.

// attributeWriter spreads the attributes of one row over columns. It is reused from row to row.
type attributeWriter struct {
	set     *columnSet
	level   Level
	row     uint32
	invalid bool // a string was not valid UTF-8
	special bool // some attribute may have to be exact
	lost    bool // a leaf of the map at hand got no column
	key     []byte
	text    []byte
	entries []entry
}

// write adds the attributes m of row to the columns of the level. It returns the text of the exact field, nil if none is needed; the
// text is good until the next call.
func (w *attributeWriter) write(set *columnSet, level Level, row uint32, m pcommon.Map) (exact []byte) {
	w.set, w.level, w.row, w.special = set, level, row, false
	prev := &set.first
	if level != LevelRecord {
		prev = &keyColumns{}
	}
	for key, v := range m.All() {
		if n := prev.next; n != nil && n.key == key {
			prev = n
		} else if len(key) > columnKeyBytesMax || !utf8.ValidString(key) {
			w.odd(key, v)
			continue
		} else {
			prev = set.after(prev, level, key)
		}
		w.cell(prev, key, v)
	}
	if !w.special {
		return nil
	}
	return w.exact(m)
}

// odd adds an attribute whose key is too long or not valid UTF-8.
func (w *attributeWriter) odd(key string, v pcommon.Value) {
	if !utf8.ValidString(key) {
		w.invalid = true
		key = strings.ToValidUTF8(key, "\uFFFD")
	}
	if len(key) > columnKeyBytesMax {
		w.special = true
		w.overflow(key, v)
		return
	}
	var none keyColumns
	w.cell(w.set.after(&none, w.level, key), key, v)
}

// cell adds one attribute with the columns of its key.
func (w *attributeWriter) cell(k *keyColumns, key string, v pcommon.Value) {
	t := typeOf(v)
	switch t {
	case 0: // empty
		w.special = true
		return
	case typeMap:
		w.special, w.lost = true, false
		w.key = append(w.key[:0], key...)
		w.flatten(v.Map(), 1)
		if w.lost {
			w.overflow(key, v)
		}
		return
	}
	c := k.byType[t]
	if c == nil {
		if c = w.set.attribute(k, w.level, t); c == nil {
			w.special = true
			w.overflow(key, v)
			return
		}
	}
	w.value(c, t, v)
}

// value adds a scalar or an array to its column.
func (w *attributeWriter) value(c *column, t Type, v pcommon.Value) {
	valid := true
	if c.diverted {
		t = typeDiverted
	}
	switch t {
	case typeDiverted:
		valid = w.set.divert(c, w.row, v)
	case TypeString:
		valid = c.addString(w.row, v.Str())
	case TypeInt:
		c.addInt(w.row, v.Int())
	case TypeDouble:
		c.addDouble(w.row, v.Double())
	case TypeBool:
		c.addBool(w.row, v.Bool())
	case TypeBytes:
		c.addBytes(w.row, v.Bytes().AsRaw())
	case TypeJSON:
		w.text, valid = AppendValue(w.text[:0], v)
		c.addText(w.row, w.text)
	}
	w.invalid = w.invalid || !valid
	w.special = w.special || c.clash == w.row+1
}

// typeMap stands for maps, which have no column type; typeDiverted for a value of whatever type that goes to the overflow.
const (
	typeMap      Type = 255
	typeDiverted Type = 254
)

// typeOf is the type of a value's column; 0 for an empty value.
func typeOf(v pcommon.Value) Type {
	switch v.Type() {
	case pcommon.ValueTypeStr:
		return TypeString
	case pcommon.ValueTypeInt:
		return TypeInt
	case pcommon.ValueTypeDouble:
		return TypeDouble
	case pcommon.ValueTypeBool:
		return TypeBool
	case pcommon.ValueTypeBytes:
		return TypeBytes
	case pcommon.ValueTypeSlice:
		return TypeJSON
	case pcommon.ValueTypeMap:
		return typeMap
	}
	return 0
}

// flatten adds the leaves of a map; w.key holds the key of the map itself.
func (w *attributeWriter) flatten(m pcommon.Map, depth int) {
	prefix := len(w.key)
	for key, v := range m.All() {
		w.key = appendLeafKey(w.key[:prefix], key)
		t := leafType(w.key, v, depth)
		switch {
		case t == 0:
		case t == typeMap:
			w.flatten(v.Map(), depth+1)
		default:
			w.leaf(t, v)
		}
	}
	w.key = w.key[:prefix]
}

// leaf adds a value under the key w.key.
func (w *attributeWriter) leaf(t Type, v pcommon.Value) {
	if len(w.key) > columnKeyBytesMax {
		w.lost = true
		return
	}
	k := w.set.byKey[w.level][string(w.key)]
	if k == nil {
		k = w.set.addKey(w.level, string(w.key))
	}
	c := k.byType[t]
	if c == nil {
		if c = w.set.attribute(k, w.level, t); c == nil {
			w.lost = true
			return
		}
	}
	w.value(c, t, v)
}

// appendLeafKey appends the key of a map's entry to the key of the map.
func appendLeafKey(prefix []byte, key string) []byte {
	prefix = append(prefix, '.')
	if !utf8.ValidString(key) {
		key = strings.ToValidUTF8(key, "\uFFFD")
	}
	return append(prefix, key...)
}

// leafType is typeOf inside of a map: maps that are not flattened further are JSON.
func leafType(key []byte, v pcommon.Value, depth int) Type {
	t := typeOf(v)
	if t == typeMap && (depth >= flattenDepthMax || len(key) > columnKeyBytesMax) {
		return TypeJSON
	}
	return t
}

// overflow adds an attribute that gets no column to the row's overflow.
func (w *attributeWriter) overflow(key string, v pcommon.Value) {
	start := len(w.set.extraText)
	var valid bool
	w.set.extraText, valid = appendValue(appendKey(w.set.extraText, key), v, 1)
	w.invalid = w.invalid || !valid
	w.set.extra[w.level] = append(w.set.extra[w.level], member{w.row, uint32(start), uint32(len(w.set.extraText))})
	w.set.size += len(w.set.extraText) - start
}

// exact makes the text of the attributes that have to be exact.
func (w *attributeWriter) exact(m pcommon.Map) []byte {
	entries := w.entries[:0]
	for key, v := range m.All() {
		if !utf8.ValidString(key) {
			key = strings.ToValidUTF8(key, "\uFFFD")
		}
		if w.isExact(key, v) {
			entries = append(entries, entry{key, v})
		}
	}
	w.entries = entries
	if len(entries) == 0 {
		return nil
	}
	var valid bool
	w.text, valid = appendEntries(w.text[:0], entries, 0)
	w.invalid = w.invalid || !valid
	clear(w.entries)
	return w.text
}

// isExact says whether the cells of row, which are all written, cannot give an attribute back.
func (w *attributeWriter) isExact(key string, v pcommon.Value) bool {
	t := typeOf(v)
	if t == 0 || t == typeMap {
		return true
	}
	k := w.set.byKey[w.level][key]
	return k == nil || k.byType[t] == nil || k.byType[t].clash == w.row+1
}

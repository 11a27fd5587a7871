package segment

import (
	"fmt"

	"clew/index"
	"clew/internal/telemetry"
)

// role says what part of a column a leaf holds. The numbers are written to disk.
type role uint8

const (
	roleWhole    role = 0 // the values
	roleTemplate role = 1 // a text column's templates
	roleInt      role = 2 // the integers at one hole position of a text column
	roleString   role = 3 // the strings at one hole position
	roleOverflow role = 4 // the overflow column of the segment
)

// physical is a leaf's Parquet type. The numbers are Parquet's own (format.thrift, Type), and are written to disk.
type physical uint8

const (
	physicalBool   physical = 0
	physicalInt64  physical = 2
	physicalDouble physical = 5
	physicalBytes  physical = 6
	physicalFixed  physical = 7
)

// leaf is one column of the Parquet file. A column of the segment has one, a text column several, the overflow column none of its own
// columns' but one for all.
type leaf struct {
	column   int // index into the segment's columns; -1 for the overflow leaf
	role     role
	hole     uint8 // position, for roleInt and roleString
	physical physical
	width    uint8 // bytes of a physicalFixed
	exponent uint8 // of a column of times: stored in units of 10^exponent nanoseconds (0, 3 or 6)
	name     string
}

// chunk is a leaf in a row group: an optional dictionary page and one data page or several, one after the other.
type chunk struct {
	offset int64 // in the .parquet
	// Stored bytes with their page headers, and checksums over them; of the data pages all together.
	dictionaryStored, dataStored uint32
	dictionaryCRC, dataCRC       uint32
	// Bytes of the page headers, and of the bodies when decompressed.
	dictionaryHeader, dataHeader uint32
	dictionaryRaw, dataRaw       uint32
	dictionaryCount              uint32
	nulls                        uint32
	encoding                     uint8
	codec                        uint8
	pages                        []pageInfo // of a chunk of several data pages; only while it is written
}

func (c *chunk) stored() int64 { return int64(c.dictionaryStored) + int64(c.dataStored) }

// leavesOf returns a column's leaves. holes says, for a text column, which hole positions are filled by integers and by strings.
func leavesOf(col int, info index.ColumnInfo, holes holeSet, names *leafNames) []leaf {
	base := names.column(info.Column)
	if info.Kind == index.KindText {
		leaves := []leaf{{column: col, role: roleTemplate, physical: physicalBytes, name: names.unique(base + ".template")}}
		for k := range holes.ints {
			if holes.ints[k] {
				leaves = append(leaves, leaf{column: col, role: roleInt, hole: uint8(k), physical: physicalInt64, name: names.unique(fmt.Sprintf("%s.i%d", base, k))})
			}
			if holes.strings[k] {
				leaves = append(leaves, leaf{column: col, role: roleString, hole: uint8(k), physical: physicalBytes, name: names.unique(fmt.Sprintf("%s.s%d", base, k))})
			}
		}
		return leaves
	}
	l := leaf{column: col, role: roleWhole, name: names.unique(base)}
	l.physical, l.width = physicalOf(info)
	return []leaf{l}
}

// physicalOf is the Parquet type of a column's values: value columns have their values' own type too, so that any reader sees numbers
// as numbers.
func physicalOf(info index.ColumnInfo) (physical, uint8) {
	switch info.Type {
	case telemetry.TypeInt, telemetry.TypeTime:
		return physicalInt64, 0
	case telemetry.TypeDouble:
		return physicalDouble, 0
	case telemetry.TypeBool:
		return physicalBool, 0
	}
	if width := idWidth(info.Column); width > 0 && info.Kind == index.KindRaw {
		return physicalFixed, width
	}
	return physicalBytes, 0
}

// idWidth is the length of the ids in a column of ids, or 0.
func idWidth(c telemetry.Column) uint8 {
	if c.Level != telemetry.LevelField || c.Type != telemetry.TypeBytes {
		return 0
	}
	switch c.Key {
	case telemetry.FieldTraceID:
		return 16
	case telemetry.FieldSpanID, telemetry.FieldParentSpanID:
		return 8
	}
	return 0
}

// holeSet says which hole positions occur in a text column's templates.
type holeSet struct{ ints, strings []bool }

func (h *holeSet) grow(n int) {
	for len(h.ints) < n {
		h.ints = append(h.ints, false)
		h.strings = append(h.strings, false)
	}
}

// leafNames hands out names that no two leaves share. Columns come in Column.Compare's order, so the names are the same in
// every segment with the same columns.
type leafNames struct {
	taken map[string]bool
	last  telemetry.Column
}

// column is the name of a column: Column.Name(), and for a second type of the same key with the type.
func (n *leafNames) column(c telemetry.Column) string {
	second := c.Level == n.last.Level && c.Key == n.last.Key && n.last.Type != 0
	n.last = c
	if second {
		return c.String()
	}
	return c.Name()
}

// unique returns name, or name with a number where an attribute is called as the part of a text column is ("body.template").
func (n *leafNames) unique(name string) string {
	if n.taken == nil {
		n.taken = map[string]bool{}
	}
	candidate := name
	for i := 2; n.taken[candidate]; i++ {
		candidate = fmt.Sprintf("%s#%d", name, i)
	}
	n.taken[candidate] = true
	return candidate
}

package format

import (
	"fmt"

	"clew/index"
	"clew/internal/telemetry"
)

// Role says what part of a column a leaf holds. The numbers are written to disk.
type Role uint8

const (
	RoleWhole    Role = 0 // the values
	RoleTemplate Role = 1 // a text column's templates
	RoleInt      Role = 2 // the integers at one hole position of a text column
	RoleString   Role = 3 // the strings at one hole position
	RoleOverflow Role = 4 // the overflow column of the segment
)

// Physical is a leaf's Parquet type. The numbers are Parquet's own (format.thrift, Type), and are written to disk.
type Physical uint8

const (
	PhysicalBool   Physical = 0
	PhysicalInt64  Physical = 2
	PhysicalDouble Physical = 5
	PhysicalBytes  Physical = 6
	PhysicalFixed  Physical = 7
)

// Leaf is one column of the Parquet file. A column of the segment has one, a text column several, the overflow column none of its own
// columns' but one for all.
type Leaf struct {
	Column   int // index into the segment's columns; -1 for the overflow leaf
	Role     Role
	Hole     uint8 // position, for roleInt and roleString
	Physical Physical
	Width    uint8 // bytes of a physicalFixed
	Exponent uint8 // of a column of times: stored in units of 10^exponent nanoseconds (0, 3 or 6)
	Name     string
}

// Chunk is a leaf in a row group: an optional dictionary page and one data page or several, one after the other.
type Chunk struct {
	Offset int64 // in the .parquet
	// Stored bytes with their page headers, and checksums over them; of the data pages all together.
	DictionaryStored, DataStored uint32
	DictionaryCRC, DataCRC       uint32
	// Bytes of the page headers, and of the bodies when decompressed.
	DictionaryHeader, DataHeader uint32
	DictionaryRaw, DataRaw       uint32
	DictionaryCount              uint32
	Nulls                        uint32
	Encoding                     uint8
	Codec                        uint8
	Pages                        []PageInfo // of a chunk of several data pages; only while it is written
}

// Stored is how many bytes of the .parquet the chunk takes.
func (c *Chunk) Stored() int64 { return int64(c.DictionaryStored) + int64(c.DataStored) }

// LeavesOf returns a column's leaves. holes says, for a text column, which hole positions are filled by integers and by strings.
func LeavesOf(col int, info index.ColumnInfo, holes HoleSet, names *LeafNames) []Leaf {
	base := names.column(info.Column)
	if info.Kind == index.KindText {
		leaves := []Leaf{{Column: col, Role: RoleTemplate, Physical: PhysicalBytes, Name: names.Unique(base + ".template")}}
		for k := range holes.Ints {
			if holes.Ints[k] {
				leaves = append(leaves, Leaf{Column: col, Role: RoleInt, Hole: uint8(k), Physical: PhysicalInt64, Name: names.Unique(fmt.Sprintf("%s.i%d", base, k))})
			}
			if holes.Strings[k] {
				leaves = append(leaves, Leaf{Column: col, Role: RoleString, Hole: uint8(k), Physical: PhysicalBytes, Name: names.Unique(fmt.Sprintf("%s.s%d", base, k))})
			}
		}
		return leaves
	}
	l := Leaf{Column: col, Role: RoleWhole, Name: names.Unique(base)}
	l.Physical, l.Width = physicalOf(info)
	return []Leaf{l}
}

// physicalOf is the Parquet type of a column's values: value columns have their values' own type too, so that any reader sees numbers
// as numbers.
func physicalOf(info index.ColumnInfo) (Physical, uint8) {
	switch info.Type {
	case telemetry.TypeInt, telemetry.TypeTime:
		return PhysicalInt64, 0
	case telemetry.TypeDouble:
		return PhysicalDouble, 0
	case telemetry.TypeBool:
		return PhysicalBool, 0
	}
	if width := IDWidth(info.Column); width > 0 && info.Kind == index.KindRaw {
		return PhysicalFixed, width
	}
	return PhysicalBytes, 0
}

// IDWidth is the length of the ids in a column of ids, or 0.
func IDWidth(c telemetry.Column) uint8 {
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

// HoleSet says which hole positions occur in a text column's templates.
type HoleSet struct{ Ints, Strings []bool }

// Grow makes room for n positions.
func (h *HoleSet) Grow(n int) {
	for len(h.Ints) < n {
		h.Ints = append(h.Ints, false)
		h.Strings = append(h.Strings, false)
	}
}

// LeafNames hands out names that no two leaves share. Columns come in Column.Compare's order, so the names are the same in
// every segment with the same columns.
type LeafNames struct {
	taken map[string]bool
	last  telemetry.Column
}

// column is the name of a column: Column.Name(), and for a second type of the same key with the type.
func (n *LeafNames) column(c telemetry.Column) string {
	second := c.Level == n.last.Level && c.Key == n.last.Key && n.last.Type != 0
	n.last = c
	if second {
		return c.String()
	}
	return c.Name()
}

// Unique returns name, or name with a number where an attribute is called as the part of a text column is ("body.template").
func (n *LeafNames) Unique(name string) string {
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

// IsTraceID says whether a column is that of trace ids, which parts are asked for without a scan.
func IsTraceID(c telemetry.Column) bool {
	return c.Level == telemetry.LevelField && c.Key == telemetry.FieldTraceID && c.Type == telemetry.TypeBytes
}

// IsParentID says whether a column is that of spans' parents. It has no filter: chains are read by trace id, and a span's id finds its span.
func IsParentID(c telemetry.Column) bool {
	return c.Level == telemetry.LevelField && c.Key == telemetry.FieldParentSpanID && c.Type == telemetry.TypeBytes
}

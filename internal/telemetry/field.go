package telemetry

import (
	"fmt"
	"strconv"
	"strings"

	"github.com/apache/arrow/go/v15/arrow"
)

// SetColumn is the name of the first column of a batch's Rows: uint32, the row's set.
const SetColumn = "set"

// Keys of the metadata of a batch's Arrow fields.
const (
	metaLevel = "level"
	metaKey   = "key"
	metaType  = "type"
)

var (
	setField       = arrow.Field{Name: SetColumn, Type: arrow.PrimitiveTypes.Uint32}
	dictionaryType = &arrow.DictionaryType{IndexType: arrow.PrimitiveTypes.Uint32, ValueType: arrow.BinaryTypes.String}
)

// ArrowType is the type of arrays of c without a dictionary. width is the length of all values for TypeBytes columns of one length (ids), else 0.
func (c Column) ArrowType(width int) arrow.DataType {
	switch c.Type {
	case TypeString, TypeJSON:
		return arrow.BinaryTypes.String
	case TypeInt, TypeTime:
		return arrow.PrimitiveTypes.Int64
	case TypeDouble:
		return arrow.PrimitiveTypes.Float64
	case TypeBool:
		return arrow.FixedWidthTypes.Boolean
	}
	if width > 0 {
		return &arrow.FixedSizeBinaryType{ByteWidth: width}
	}
	return arrow.BinaryTypes.Binary
}

// FieldOf makes the Arrow field of a batch's column. t is the type of the column's array (ArrowType, or for strings and JSON
// dictionary<uint32, utf8>).
func FieldOf(c Column, t arrow.DataType) arrow.Field {
	return arrow.Field{
		Name:     c.String(),
		Type:     t,
		Nullable: true,
		Metadata: arrow.NewMetadata(
			[]string{metaLevel, metaKey, metaType},
			[]string{strconv.Itoa(int(c.Level)), c.Key, strconv.Itoa(int(c.Type))}),
	}
}

// ColumnOf reads a column's identity from an Arrow field of a Batch. The set column has none: it is an error.
func ColumnOf(f arrow.Field) (Column, error) {
	var c Column
	seen := 0
	for i, name := range f.Metadata.Keys() {
		value := f.Metadata.Values()[i]
		switch name {
		case metaKey:
			c.Key = value
			seen |= 1
		case metaLevel:
			n, err := strconv.ParseUint(value, 10, 8)
			if err != nil || Level(n) > LevelResource {
				return Column{}, fmt.Errorf("field %.80q: bad level %.20q", f.Name, value)
			}
			c.Level = Level(n)
			seen |= 2
		case metaType:
			n, err := strconv.ParseUint(value, 10, 8)
			if err != nil || n == 0 || Type(n) > TypeTime {
				return Column{}, fmt.Errorf("field %.80q: bad type %.20q", f.Name, value)
			}
			c.Type = Type(n)
			seen |= 4
		}
	}
	if seen != 7 {
		return Column{}, fmt.Errorf("field %.80q: no level, key and type in its metadata", f.Name)
	}
	// The copies keep a decoded message's memory from staying alive for the sake of a key.
	c.Key = strings.Clone(c.Key)
	return c, nil
}

package telemetry

import (
	"fmt"

	"github.com/apache/arrow/go/v15/arrow"
	"github.com/apache/arrow/go/v15/arrow/array"
)

// Cells reads the values of one array of a batch, without allocating. CellsOf has checked the array: no row makes it panic.
type Cells struct {
	form    cellForm
	n       int
	offset  int    // of row 0 in valid and bits
	valid   []byte // bitmap; nil: all rows have a value
	ints    []int64
	doubles []float64
	bits    []byte

	// Strings, JSON and bytes: value i is data[offsets[i]:offsets[i+1]], or with a width data[i*width:(i+1)*width]. With codes, i is the row's code.
	codes   []uint32
	offsets []int32
	width   int
	data    []byte
	texts   int // values in data
}

// cellForm says which of the fields of Cells are in use.
type cellForm uint8

const (
	formTexts cellForm = iota + 1 // strings or bytes one after the other
	formCodes                     // codes of strings
	formWidth                     // bytes of one length
	formInts
	formDoubles
	formBits
	formSets
)

// CellsOf makes the array of any column of a Batch (also SetColumn's) readable. The error says what is wrong with the array.
func CellsOf(a arrow.Array) (Cells, error) {
	d := a.Data()
	c := Cells{n: d.Len(), offset: d.Offset()}
	if d.Len() < 0 || d.Offset() < 0 {
		return c, fmt.Errorf("array has length %d, offset %d", d.Len(), d.Offset())
	}
	if d.NullN() != 0 {
		c.valid = bufferBytes(d, 0)
		if len(c.valid)*8 < c.offset+c.n {
			return c, fmt.Errorf("validity has %d bytes for %d rows", len(c.valid), c.offset+c.n)
		}
	}
	switch a := a.(type) {
	case *array.Dictionary:
		return c.ofDictionary(a)
	case *array.String, *array.Binary:
		c.form = formTexts
		return c, c.ofText(d)
	case *array.FixedSizeBinary:
		c.form = formWidth
		c.width = a.DataType().(*arrow.FixedSizeBinaryType).ByteWidth
		data := bufferBytes(d, 1)
		if c.width <= 0 || len(data)/c.width < c.offset+c.n {
			return c, fmt.Errorf("%d bytes for %d rows of %d", len(data), c.offset+c.n, c.width)
		}
		c.data, c.texts = data[c.offset*c.width:], c.n
		return c, nil
	case *array.Int64:
		c.form = formInts
		return c, fixed(d, &c.ints, arrow.Int64Traits.CastFromBytes, 8)
	case *array.Float64:
		c.form = formDoubles
		return c, fixed(d, &c.doubles, arrow.Float64Traits.CastFromBytes, 8)
	case *array.Uint32:
		c.form = formSets
		return c, fixed(d, &c.codes, arrow.Uint32Traits.CastFromBytes, 4)
	case *array.Boolean:
		c.form = formBits
		c.bits = bufferBytes(d, 1)
		if len(c.bits)*8 < c.offset+c.n {
			return c, fmt.Errorf("%d bytes for %d bools", len(c.bits), c.offset+c.n)
		}
		return c, nil
	}
	return c, fmt.Errorf("array of type %s is of no column", a.DataType())
}

func (c *Cells) ofDictionary(a *array.Dictionary) (Cells, error) {
	if dt := a.DataType().(*arrow.DictionaryType); !arrow.TypeEqual(dt.IndexType, arrow.PrimitiveTypes.Uint32) {
		return *c, fmt.Errorf("dictionary has indices of type %s", dt.IndexType)
	}
	values, ok := a.Dictionary().(*array.String)
	if !ok {
		return *c, fmt.Errorf("dictionary has values of type %s", a.Dictionary().DataType())
	}
	if values.NullN() != 0 {
		return *c, fmt.Errorf("dictionary has %d nulls", values.NullN())
	}
	v, err := CellsOf(values)
	if err != nil {
		return *c, fmt.Errorf("dictionary: %w", err)
	}
	c.form = formCodes
	c.offsets, c.data, c.texts = v.offsets, v.data, v.texts
	if err := fixed(a.Data(), &c.codes, arrow.Uint32Traits.CastFromBytes, 4); err != nil {
		return *c, err
	}
	for i, code := range c.codes {
		if int64(code) >= int64(c.texts) && c.Valid(i) {
			return *c, fmt.Errorf("row %d has code %d of %d", i, code, c.texts)
		}
	}
	return *c, nil
}

func (c *Cells) ofText(d arrow.ArrayData) error {
	c.texts = c.n
	if c.n == 0 {
		return nil
	}
	offsets := bufferBytes(d, 1)
	if len(offsets)/4 < c.offset+c.n+1 {
		return fmt.Errorf("%d bytes of offsets for %d rows", len(offsets), c.offset+c.n)
	}
	c.offsets = arrow.Int32Traits.CastFromBytes(offsets)[c.offset : c.offset+c.n+1]
	c.data = bufferBytes(d, 2)
	last := int32(0)
	for i, o := range c.offsets {
		if o < last {
			return fmt.Errorf("offset %d of row %d is less than the one before", o, i)
		}
		last = o
	}
	if int64(last) > int64(len(c.data)) {
		return fmt.Errorf("last offset %d exceeds the %d bytes of data", last, len(c.data))
	}
	return nil
}

func fixed[T any](d arrow.ArrayData, into *[]T, cast func([]byte) []T, size int) error {
	data := bufferBytes(d, 1)
	if len(data)/size < d.Offset()+d.Len() {
		return fmt.Errorf("%d bytes for %d values", len(data), d.Offset()+d.Len())
	}
	if d.Len() > 0 {
		*into = cast(data)[d.Offset() : d.Offset()+d.Len()]
	}
	return nil
}

func bufferBytes(d arrow.ArrayData, i int) []byte {
	if i >= len(d.Buffers()) || d.Buffers()[i] == nil {
		return nil
	}
	return d.Buffers()[i].Bytes()
}

// Len is the number of rows.
func (c *Cells) Len() int { return c.n }

// Valid says whether a row has a value. The following methods give the value of a row that has one.
func (c *Cells) Valid(row int) bool {
	if c.valid == nil {
		return true
	}
	row += c.offset
	return c.valid[row>>3]>>(row&7)&1 == 1
}

// Int is the value of a column of TypeInt or TypeTime.
func (c *Cells) Int(row int) int64 { return c.ints[row] }

// Double is the value of a column of TypeDouble.
func (c *Cells) Double(row int) float64 { return c.doubles[row] }

// Bool is the value of a column of TypeBool.
func (c *Cells) Bool(row int) bool {
	row += c.offset
	return c.bits[row>>3]>>(row&7)&1 == 1
}

// Bytes is the value of a column of TypeString, TypeJSON or TypeBytes. It aliases the batch.
func (c *Cells) Bytes(row int) []byte {
	if c.form == formCodes {
		row = int(c.codes[row])
	}
	return c.Text(row)
}

// Codes are the rows' codes, of a column with a dictionary (rows without a value have any code), or the sets, of SetColumn; else nil.
func (c *Cells) Codes() []uint32 { return c.codes }

// Texts is the number of distinct values of a column with a dictionary; Text gives them by code. Without one, they are Len and Bytes.
func (c *Cells) Texts() int { return c.texts }

// Text is the value of a code.
func (c *Cells) Text(code int) []byte {
	if c.width > 0 {
		return c.data[code*c.width : (code+1)*c.width]
	}
	return c.data[c.offsets[code]:c.offsets[code+1]]
}

// fits says whether an array of this form can hold values of type t.
func (f cellForm) fits(t Type) bool {
	switch t {
	case TypeString, TypeJSON:
		return f == formTexts || f == formCodes
	case TypeBytes:
		return f == formTexts || f == formWidth
	case TypeInt, TypeTime:
		return f == formInts
	case TypeDouble:
		return f == formDoubles
	case TypeBool:
		return f == formBits
	}
	return false
}

// checkType says whether the array can be that of a column in a batch of so many rows.
func (c *Cells) checkType(col Column, rows int) error {
	if !c.form.fits(col.Type) {
		return fmt.Errorf("column %s: its array is of another type", col)
	}
	if c.n != rows {
		return fmt.Errorf("column %s: %d rows in a batch of %d", col, c.n, rows)
	}
	return nil
}

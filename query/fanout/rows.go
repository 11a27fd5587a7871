package fanout

import (
	"fmt"
	"reflect"

	"github.com/apache/arrow/go/v15/arrow/array"

	"clew/internal/telemetry"
	"clew/query/fanout/frame"
)

// tableOf makes columns of rows that are flat structs: a column a field, of its name. Integers, bools (0 or 1), strings and arrays of bytes are fields; others are left out.
func tableOf[T any](rows []T) frame.Table {
	t := frame.Table{Rows: len(rows)}
	typ := reflect.TypeFor[T]()
	list := reflect.ValueOf(rows)
	for f := range typ.NumField() {
		col := telemetry.Column{Key: typ.Field(f).Name, Type: telemetry.TypeInt}
		switch kind := typ.Field(f).Type.Kind(); kind {
		case reflect.Int64, reflect.Int32, reflect.Int, reflect.Bool:
			values := make([]int64, len(rows))
			for i := range values {
				if v := list.Index(i).Field(f); kind != reflect.Bool {
					values[i] = v.Int()
				} else if v.Bool() {
					values[i] = 1
				}
			}
			t.Columns = append(t.Columns, frame.Ints(col, values, nil))
		case reflect.Uint64:
			values := make([]uint64, len(rows))
			for i := range values {
				values[i] = list.Index(i).Field(f).Uint()
			}
			t.Columns = append(t.Columns, frame.Uints(col, values, nil))
		case reflect.String, reflect.Array:
			col.Type = telemetry.TypeBytes
			offsets, data := make([]int32, 1, len(rows)+1), []byte(nil)
			for i := range rows {
				if v := list.Index(i).Field(f); kind == reflect.String {
					data = append(data, v.String()...)
				} else {
					data = append(data, v.Bytes()...)
				}
				offsets = append(offsets, int32(len(data)))
			}
			t.Columns = append(t.Columns, frame.Bytes(col, offsets, data, nil))
		}
	}
	return t
}

// rowsOf is the inverse of tableOf. Columns that T lacks are of a later version, and fields without a column of an earlier one.
func rowsOf[T any](to []T, t frame.Table) ([]T, error) {
	from := len(to)
	to = append(to, make([]T, t.Rows)...)
	list := reflect.ValueOf(to[from:])
	for _, c := range t.Columns {
		field, ok := reflect.TypeFor[T]().FieldByName(c.Key)
		if !ok {
			continue
		}
		if err := setField(list, field.Index[0], field.Type, c); err != nil {
			return nil, fmt.Errorf("column %.60q: %w", c.Key, err)
		}
	}
	return to, nil
}

// setField sets a field of all elements of a list.
func setField(list reflect.Value, field int, typ reflect.Type, c frame.Column) error {
	switch values := c.Values.(type) {
	case *array.Int64:
		for i, v := range values.Int64Values() {
			switch f := list.Index(i).Field(field); typ.Kind() {
			case reflect.Int64, reflect.Int32, reflect.Int:
				if f.OverflowInt(v) {
					return fmt.Errorf("%d does not fit into %s", v, typ)
				}
				f.SetInt(v)
			case reflect.Bool:
				f.SetBool(v != 0)
			default:
				return fmt.Errorf("integers for %s", typ)
			}
		}
	case *array.Uint64:
		if typ.Kind() != reflect.Uint64 {
			return fmt.Errorf("integers without a sign for %s", typ)
		}
		for i, v := range values.Uint64Values() {
			list.Index(i).Field(field).SetUint(v)
		}
	case *array.Binary:
		texts := interned{}
		for i := range values.Len() {
			v := values.Value(i)
			switch f := list.Index(i).Field(field); {
			case typ.Kind() == reflect.String:
				f.SetString(texts.of(v))
			case typ.Kind() == reflect.Array && typ.Len() == len(v):
				reflect.Copy(f, reflect.ValueOf(v))
			default:
				return fmt.Errorf("%d bytes for %s", len(v), typ)
			}
		}
	default:
		return fmt.Errorf("%s for %s", c.Values.DataType(), typ)
	}
	return nil
}

// interned are texts that rows share.
type interned map[string]string

func (t interned) of(v []byte) string {
	if len(v) > internedLength {
		return string(v)
	}
	if s, ok := t[string(v)]; ok {
		return s
	}
	s := string(v)
	if len(t) < internedMax {
		t[s] = s
	}
	return s
}
